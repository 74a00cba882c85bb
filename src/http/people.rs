//! People, for administrators: the list, inviting, saying what somebody may do, disabling; and becoming the first one.

use super::account::{check_name, unbind};
use super::client::Client;
use super::error::Refusal;
use super::extract::{Administrator, By, Person};
use super::paging::{cut, page_len};
use super::rates;
use super::signed_in::{Recent, RecentOrToken, notice};
use crate::app::App;
use crate::keys::{hash_secret, make_name, make_secret};
use crate::people::{EmailAddress, Roles, Standing, beyond_tokens, check_by_token, check_own};
use crate::store::{Account, AuditEntry, Event, NewMail, NewPerson, PersonChange};
use actix_web::{HttpResponse, web};
use protocol::ProblemKind;
use protocol::people::{FirstAdministratorRequest, InviteRequest, May, PeoplePage};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// People on a page of the list unless asked otherwise, and at most.
const PAGE: u32 = 50;
const LONGEST_PAGE: u32 = 200;

/// What `GET /api/v1/admin/people` may be asked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PeopleQuery {
    #[serde(default)]
    search: String,
    #[serde(default)]
    after: String,
    limit: Option<u32>,
}

/// `GET /api/v1/admin/people`
pub(super) async fn list(
    app: web::Data<App>,
    admin: Administrator,
    query: web::Query<PeopleQuery>,
) -> Result<HttpResponse, Refusal> {
    let len = page_len(query.limit, PAGE, LONGEST_PAGE);
    let found = app.store.list_people(query.search.trim(), &query.after, len + 1).await?;
    let (found, next) = cut(found, len, |last| last.email.account_key());
    let tokens = app.store.count_tokens(app.clock.now()).await?;
    let people = found.into_iter().map(|account| shown(&app, &admin, &account, &tokens)).collect();
    let departments = app.store.list_departments().await?;
    Ok(HttpResponse::Ok().json(PeoplePage { people, next, departments }))
}

/// `GET /api/v1/admin/people/{account_id}`
pub(super) async fn detail(
    app: web::Data<App>,
    admin: Administrator,
    id: web::Path<String>,
) -> Result<HttpResponse, Refusal> {
    let account = find(&app, &id).await?;
    let tokens = app.store.count_tokens(app.clock.now()).await?;
    Ok(HttpResponse::Ok().json(shown(&app, &admin, &account, &tokens)))
}

/// `POST /api/v1/admin/people`: an account before the first sign-in, and the mail that tells of it.
pub(super) async fn invite(
    app: web::Data<App>,
    client: Client,
    By(Recent(admin), request): By<RecentOrToken<Administrator>, InviteRequest>,
) -> Result<HttpResponse, Refusal> {
    rates::CHANGES_BY_ACCOUNT.spend(&app, &admin.account.account_id).await?;
    let email = EmailAddress::parse(&request.email, "email")?;
    let now = app.clock.now();
    let standing = Standing { invited_at: Some(now), ..Standing::parse(&request.may)? };
    check_by(&admin, &[&standing.roles])?;
    let new = NewPerson { account_id: &*make_secret()?, email: &email, standing: &standing };
    let entry = entry_about(&app, &admin, client, Event::PersonInvited, &email, &standing);
    if !app.store.add_person(&new, Some(&NewMail::invitation(make_name()?, &email, now)), &entry).await? {
        let detail = format!("{email} has an account already. Please find it in the list and change it there.");
        return Err(Refusal::new(ProblemKind::PersonExists, detail));
    }
    app.outbox_bell.notify_one();
    let account = app.store.find_account(&email).await?.ok_or_else(Refusal::not_found)?;
    Ok(HttpResponse::Created().json(shown(&app, &admin, &account, &BTreeMap::new())))
}

/// `PUT /api/v1/admin/people/{account_id}`
pub(super) async fn change(
    app: web::Data<App>,
    client: Client,
    id: web::Path<String>,
    By(Recent(admin), may): By<RecentOrToken<Administrator>, May>,
) -> Result<HttpResponse, Refusal> {
    rates::CHANGES_BY_ACCOUNT.spend(&app, &admin.account.account_id).await?;
    let account = find(&app, &id).await?;
    let standing = Standing::parse(&may)?;
    check_by(&admin, &[&account.standing.roles, &standing.roles])?;
    check_own(account.account_id == admin.account.account_id, &standing, app.clock.now())?;
    let entry = entry_about(&app, &admin, client, Event::PersonChanged, &account.email, &standing);
    answer(&admin, app.store.change_person(&account.account_id, &standing, &entry).await?)
}

/// `POST /api/v1/admin/people/{account_id}/disable`: their sessions end with it.
pub(super) async fn disable(
    app: web::Data<App>,
    admin: Administrator,
    client: Client,
    id: web::Path<String>,
) -> Result<HttpResponse, Refusal> {
    let account = find_to_change(&app, &admin, &id).await?;
    let now = app.clock.now();
    let disabled = Standing { disabled_at: Some(now), ..account.standing.clone() };
    check_own(account.account_id == admin.account.account_id, &disabled, now)?;
    let entry = entry_about(&app, &admin, client, Event::PersonDisabled, &account.email, &account.standing);
    answer(&admin, app.store.disable_person(&account.account_id, &entry).await?)
}

/// `POST /api/v1/admin/people/{account_id}/enable`
pub(super) async fn enable(
    app: web::Data<App>,
    Recent(admin): RecentOrToken<Administrator>,
    client: Client,
    id: web::Path<String>,
) -> Result<HttpResponse, Refusal> {
    let account = find_to_change(&app, &admin, &id).await?;
    let entry = entry_about(&app, &admin, client, Event::PersonEnabled, &account.email, &account.standing);
    answer(&admin, app.store.enable_person(&account.account_id, &entry).await?)
}

/// `DELETE /api/v1/admin/people/{account_id}/identity`: whoever got another one at the provider connects anew. It lets somebody in
/// who was not, so it is asked for like what gives rights.
pub(super) async fn disconnect(
    app: web::Data<App>,
    Recent(admin): RecentOrToken<Administrator>,
    client: Client,
    id: web::Path<String>,
) -> Result<HttpResponse, Refusal> {
    let account = find_to_change(&app, &admin, &id).await?;
    if !account.has_identity {
        return Err(Refusal::not_found());
    }
    if account.account_id == admin.account.account_id {
        let detail = "This is your own account. Please disconnect it on your account page.";
        return Err(Refusal::new(ProblemKind::ProviderNeeded, detail));
    }
    app.ties(&account).await?.check_by_administrator()?;
    let notice = notice(
        "An administrator disconnected your account from your clinic's sign-in and ended its sessions and access tokens.",
    )?;
    let entry = entry_about(&app, &admin, client, Event::IdentityUnbound, &account.email, &account.standing);
    unbind(&app, &account.account_id, &notice, &entry).await
}

/// `POST /api/v1/admin/people/{account_id}/invitation`: mails it (again). Also lets somebody stay whom the configuration
/// no longer lists.
pub(super) async fn invite_again(
    app: web::Data<App>,
    Recent(admin): RecentOrToken<Administrator>,
    client: Client,
    id: web::Path<String>,
) -> Result<HttpResponse, Refusal> {
    let account = find(&app, &id).await?;
    check_by(&admin, &[&account.standing.roles])?;
    rates::INVITATIONS_BY_PERSON.spend(&app, &account.account_id).await?;
    let entry = entry_about(&app, &admin, client, Event::PersonInvited, &account.email, &account.standing);
    let mail = NewMail::invitation(make_name()?, &account.email, app.clock.now());
    let invited = app.store.invite_person(&account.account_id, Some(&mail), &entry).await?;
    app.outbox_bell.notify_one();
    answer(&admin, invited)
}

/// `POST /api/v1/first-administrator`: whoever is signed in, and has the link from the console, while there is no
/// administrator.
pub(super) async fn become_first(
    app: web::Data<App>,
    client: Client,
    By(person, request): By<Person, FirstAdministratorRequest>,
) -> Result<HttpResponse, Refusal> {
    rates::SIGN_INS_BY_NETWORK.spend(&app, &client.network()).await?;
    let entry = person.entry(&app, Event::FirstAdministrator, client);
    let link_hash = hash_secret(request.token.as_bytes());
    if app.store.make_first_administrator(&link_hash, &person.account.account_id, &entry).await? {
        return Ok(HttpResponse::NoContent().finish());
    }
    let detail = "This link was used, is older than a day, or there is an administrator already. The server prints a new one when it starts without an administrator.";
    Err(Refusal::new(ProblemKind::LinkInvalid, detail))
}

/// Whom one of these acts is about, if whoever asks may do it to them. It is counted first.
async fn find_to_change(app: &App, admin: &Administrator, id: &str) -> Result<Account, Refusal> {
    rates::CHANGES_BY_ACCOUNT.spend(app, &admin.account.account_id).await?;
    let account = find(app, id).await?;
    check_by(admin, &[&account.standing.roles])?;
    Ok(account)
}

/// What an access token must not do to people.
fn check_by(admin: &Administrator, roles: &[&Roles]) -> Result<(), Refusal> {
    if admin.is_by_token() { Ok(check_by_token(roles)?) } else { Ok(()) }
}

fn answer(admin: &Administrator, change: PersonChange) -> Result<HttpResponse, Refusal> {
    match change {
        PersonChange::Made => Ok(HttpResponse::NoContent().finish()),
        // Became more than a sender since it was looked at: no program ends the last administrator.
        PersonChange::Refused if admin.is_by_token() => Err(beyond_tokens().into()),
        PersonChange::Refused => {
            let detail = "Nobody would be left who administers this server for good. Please make another administrator without a last day first, and have them sign in once.";
            Err(Refusal::new(ProblemKind::AdministratorNeeded, detail))
        }
    }
}

fn entry_about(
    app: &App,
    admin: &Administrator,
    client: Client,
    event: Event,
    email: &EmailAddress,
    standing: &Standing,
) -> AuditEntry {
    AuditEntry { detail: format!("{email}; {standing}"), ..admin.entry(app, event, client) }
}

async fn find(app: &App, id: &str) -> Result<Account, Refusal> {
    check_name(id)?;
    app.store.find_person(id).await?.ok_or_else(Refusal::not_found)
}

fn shown(
    app: &App,
    admin: &Administrator,
    account: &Account,
    tokens: &BTreeMap<String, u32>,
) -> protocol::people::Person {
    account.shown(&app.config.sign_in, Some(&admin.account.account_id), tokens, app.clock.now())
}
