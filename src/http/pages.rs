//! What browsers see: askama pages around the modules of `static/js`.
//!
//! Pages are frames: what they show of transfers comes from the API, asked by the browser. This room knows who is
//! signed in and what they may do, and nothing of transfers.

mod frame;

pub(super) use self::frame::{Frame, render, see_other, signed_in};

use self::frame::{entries_of, render_with_passkeys};
use super::error::Refusal;
use super::extract::{Administrator, DepartmentHead, Person, Sender};
use super::signed_in::{SettingUp, SignedIn};
use crate::app::App;
use crate::people::{DEFAULT_TOKEN_DAYS, LONGEST_TOKEN_DAYS, Remaining, scopes_for};
use actix_web::{HttpResponse, ResponseError as _, web};
use askama::Template;
use protocol::account::FactorKind;
use protocol::tokens::Scope;
use protocol::{ProblemKind, TransferId};

#[derive(Template)]
#[template(path = "pages/sign_in.html")]
struct SignInPage<'a> {
    frame: Frame,
    /// What stands on the button that leads to the provider, if there is one.
    provider: Option<&'a str>,
    /// Whether a code can be asked for.
    mailed_codes: bool,
}

/// After the way back from the provider.
#[derive(Template)]
#[template(path = "pages/signed_in.html")]
pub(super) struct SignedInPage {
    pub(super) frame: Frame,
    /// Where it goes on.
    pub(super) next: &'static str,
}

#[derive(Template)]
#[template(path = "pages/second_step.html")]
struct SecondStepPage<'a> {
    frame: Frame,
    email: &'a str,
    /// Whether it is shown once more in a whole session.
    again: bool,
    has_passkey: bool,
    has_app: bool,
}

/// The same, for whom the provider asks for it.
#[derive(Template)]
#[template(path = "pages/provider_step.html")]
struct ProviderStepPage<'a> {
    frame: Frame,
    email: &'a str,
    again: bool,
    /// What stands on the button.
    label: &'a str,
}

#[derive(Template)]
#[template(path = "pages/account.html")]
struct AccountPage<'a> {
    frame: Frame,
    email: &'a str,
    /// Whether there is a provider to connect the account with.
    provider: bool,
    /// Whether nothing else works before a second step is set up.
    must_set_up: bool,
    /// This server's address where browsers would have passkeys for it; empty if they have.
    named_origin: String,
    /// What an access token of this person may be for.
    scopes: Vec<Scope>,
    /// Days that it works unless they say otherwise, and at most.
    days: u32,
    most_days: u32,
}

#[derive(Template)]
#[template(path = "pages/welcome.html")]
struct WelcomePage<'a> {
    frame: Frame,
    first_time: bool,
    email: &'a str,
    name: &'a str,
    organisation: &'a str,
}

#[derive(Template)]
#[template(path = "pages/send.html")]
struct SendPage {
    frame: Frame,
}

#[derive(Template)]
#[template(path = "pages/sent.html")]
struct SentPage {
    frame: Frame,
}

#[derive(Template)]
#[template(path = "pages/transfer.html")]
struct TransferPage {
    frame: Frame,
    transfer_id: TransferId,
}

#[derive(Template)]
#[template(path = "pages/first_administrator.html")]
struct FirstAdministratorPage<'a> {
    frame: Frame,
    email: &'a str,
}

#[derive(Template)]
#[template(path = "pages/department.html")]
struct DepartmentPage<'a> {
    frame: Frame,
    department: &'a str,
}

#[derive(Template)]
#[template(path = "pages/people.html")]
struct PeoplePage {
    frame: Frame,
}

#[derive(Template)]
#[template(path = "pages/under_way.html")]
struct UnderWayPage {
    frame: Frame,
}

#[derive(Template)]
#[template(path = "pages/state.html")]
struct StatePage {
    frame: Frame,
}

#[derive(Template)]
#[template(path = "pages/open.html")]
struct OpenPage {
    frame: Frame,
}

#[derive(Template)]
#[template(path = "pages/mine.html")]
struct MinePage {
    frame: Frame,
}

#[derive(Template)]
#[template(path = "pages/about.html")]
struct AboutPage {
    frame: Frame,
}

/// `GET /`: the sign-in page, what is left of signing in, or where a signed-in person works.
pub(super) async fn sign_in(app: web::Data<App>, person: Result<SignedIn, Refusal>) -> HttpResponse {
    match person {
        Ok(person) => match person.remaining() {
            Remaining::Show | Remaining::AtProvider => see_other("/second-step"),
            Remaining::SetUp => see_other("/account"),
            Remaining::Nothing => see_other(entries_of(&person).next().map_or("/account", |entry| entry.path)),
        },
        Err(refusal) if is_signed_out(&refusal) => sign_in_page(&app),
        Err(refusal) => refusal.error_response(),
    }
}

fn sign_in_page(app: &App) -> HttpResponse {
    let provider = app.config.single_sign_on.as_ref();
    let mailed_codes = provider.is_none_or(|provider| provider.mailed_codes);
    render(&SignInPage {
        frame: Frame::open(if mailed_codes { "js/sign-in.js" } else { "" }),
        provider: provider.map(|provider| provider.label.as_str()),
        mailed_codes,
    })
}

/// `GET /second-step`: after the code, or once more before a dangerous act.
pub(super) async fn second_step(
    app: web::Data<App>,
    person: Result<SignedIn, Refusal>,
) -> Result<HttpResponse, Refusal> {
    match person {
        Ok(person) => ask_second_step(&app, &person).await,
        Err(refusal) => Ok(signed_in(Err::<SignedIn, _>(refusal), |_| see_other("/"))),
    }
}

async fn ask_second_step(app: &App, person: &SignedIn) -> Result<HttpResponse, Refusal> {
    let factors = app.store.list_factors(&person.account.account_id).await?;
    let (email, again) = (person.account.email.as_str(), person.remaining() == Remaining::Nothing);
    if let Some(provider) = app.config.single_sign_on.as_ref().filter(|_| person.shows_at_provider()) {
        let frame = Frame::half_signed_in(person, "js/provider-step.js");
        return Ok(render(&ProviderStepPage { frame, email, again, label: &provider.label }));
    }
    if factors.is_empty() {
        return Ok(see_other("/account"));
    }
    let has = |kind| factors.iter().any(|factor| factor.kind == kind);
    Ok(render_with_passkeys(&SecondStepPage {
        frame: Frame::half_signed_in(person, "js/second-step.js"),
        email,
        again,
        has_passkey: app.passkeys.is_some() && has(FactorKind::Passkey),
        has_app: has(FactorKind::App),
    }))
}

/// `GET /account`: how the account signs in, and where it is signed in.
pub(super) async fn account(app: web::Data<App>, person: Result<SettingUp, Refusal>) -> HttpResponse {
    signed_in(person, |SettingUp(person)| {
        let must_set_up = person.remaining() == Remaining::SetUp;
        let script = "js/account/main.js";
        render_with_passkeys(&AccountPage {
            frame: if must_set_up {
                Frame::half_signed_in(person, script)
            } else {
                Frame::signed_in(person, "account", script)
            },
            email: person.account.email.as_str(),
            provider: app.config.single_sign_on.is_some(),
            must_set_up,
            named_origin: if app.passkeys.is_some() { String::new() } else { app.config.public_url.named_origin() },
            scopes: scopes_for(&person.account.standing),
            days: DEFAULT_TOKEN_DAYS,
            most_days: LONGEST_TOKEN_DAYS,
        })
    })
}

/// `GET /welcome`: the name that recipients see.
pub(super) async fn welcome(person: Result<Person, Refusal>) -> HttpResponse {
    signed_in(person, |person| {
        let account = &person.account;
        render(&WelcomePage {
            frame: Frame::signed_in(person, "welcome", "js/welcome.js"),
            first_time: account.name.is_empty(),
            email: account.email.as_str(),
            name: &account.name,
            organisation: &account.organisation,
        })
    })
}

/// `GET /send`. Who has no name yet gives it first: recipients must know whom the images are from.
pub(super) async fn send(sender: Result<Sender, Refusal>) -> HttpResponse {
    signed_in(sender, |sender| {
        if sender.account.name.is_empty() {
            return see_other("/welcome");
        }
        render(&SendPage { frame: Frame::signed_in(sender, "send", "js/send/main.js") })
    })
}

/// `GET /sent`.
pub(super) async fn sent(sender: Result<Sender, Refusal>) -> HttpResponse {
    signed_in(sender, |sender| render(&SentPage { frame: Frame::signed_in(sender, "sent", "js/sent/list.js") }))
}

/// `GET /sent/{transfer_id}`. Whose transfer it is, the API decides.
pub(super) async fn transfer(sender: Result<Sender, Refusal>, transfer_id: web::Path<TransferId>) -> HttpResponse {
    let transfer_id = transfer_id.into_inner();
    signed_in(sender, |sender| {
        render(&TransferPage { frame: Frame::signed_in(sender, "sent", "js/sent/detail.js"), transfer_id })
    })
}

/// `GET /first-administrator`: who is not signed in, or not wholly, does that first, at the same address, because the link's secret
/// stands in its fragment and never comes here.
pub(super) async fn first_administrator(
    app: web::Data<App>,
    person: Result<SignedIn, Refusal>,
) -> Result<HttpResponse, Refusal> {
    let person = match person {
        Ok(person) => person,
        Err(refusal) if is_signed_out(&refusal) => {
            return Ok(sign_in_page(&app));
        }
        Err(refusal) => return Err(refusal),
    };
    match person.remaining() {
        Remaining::Show | Remaining::AtProvider => ask_second_step(&app, &person).await,
        Remaining::SetUp => Ok(see_other("/account")),
        Remaining::Nothing => Ok(render(&FirstAdministratorPage {
            email: person.account.email.as_str(),
            frame: Frame::signed_in(&person, "", "js/admin/first.js"),
        })),
    }
}

/// `GET /department`.
pub(super) async fn department(head: Result<DepartmentHead, Refusal>) -> HttpResponse {
    signed_in(head, |head| {
        let department = head.account.standing.department.as_str();
        render(&DepartmentPage { frame: Frame::signed_in(head, "department", "js/admin/transfers.js"), department })
    })
}

/// `GET /admin/people`.
pub(super) async fn people(admin: Result<Administrator, Refusal>) -> HttpResponse {
    signed_in(admin, |admin| render(&PeoplePage { frame: Frame::signed_in(admin, "people", "js/admin/people.js") }))
}

/// `GET /admin/transfers`.
pub(super) async fn under_way(admin: Result<Administrator, Refusal>) -> HttpResponse {
    signed_in(admin, |admin| {
        render(&UnderWayPage { frame: Frame::signed_in(admin, "under-way", "js/admin/transfers.js") })
    })
}

/// `GET /admin/state`.
pub(super) async fn state(admin: Result<Administrator, Refusal>) -> HttpResponse {
    signed_in(admin, |admin| render(&StatePage { frame: Frame::signed_in(admin, "state", "js/admin/state.js") }))
}

/// `GET /open`. What the link leads to stands in its fragment, which never comes here.
pub(super) async fn open() -> HttpResponse {
    render(&OpenPage { frame: Frame::open("js/open/main.js") })
}

/// `GET /mine`: what waits for an address, once it is proved.
pub(super) async fn mine() -> HttpResponse {
    render(&MinePage { frame: Frame::open("js/mine/main.js") })
}

/// `GET /about`.
pub(super) async fn about() -> HttpResponse {
    render(&AboutPage { frame: Frame::open("") })
}

fn is_signed_out(refusal: &Refusal) -> bool {
    refusal.kind() == Some(ProblemKind::SignInNeeded)
}
