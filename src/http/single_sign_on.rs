//! Signing in by the institution's own provider: a browser goes there with a question and comes back with an answer.
//!
//! The session's cookie does not travel on a navigation that began on the provider's page. So what is to be known of the
//! browser is read when it leaves, and kept with the question; and the answer is a small page of ours that goes on by itself.

use super::client::Client;
use super::cookies::SecretCookie;
use super::error::Refusal;
use super::pages::{Frame, SignedInPage, render, see_other};
use super::rates;
use super::second_step::{begin, take};
use super::sign_in::new_browser;
use super::signed_in::{NextSession, notice};
use crate::app::App;
use crate::keys::{SecretBytes, hash_secret, make_secret};
use crate::people::{EmailAddress, Standing};
use crate::single_sign_on::{Fault, Kept, SingleSignOn, Told, error_word};
use crate::store::{
    Account, AuditEntry, Binding, CeremonyKind, Event, Identity, NewIdentity, NewSession, Proof, SeenBrowser,
};
use actix_web::http::header::{HeaderValue, LOCATION};
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::sign_in::Role;
use protocol::{Problem, ProblemKind};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use zeroize::Zeroizing;

/// Seconds after which it makes sense to ask the provider again.
const AWAY_RETRY: u64 = 30;

/// Pages on which an act may ask for the second step once more, or for the provider: where a browser comes back to. A closed list,
/// because whoever makes a link would otherwise say where a sign-in ends (open redirect, CWE-601).
const PAGES: [&str; 2] = ["/account", "/admin/people"];

/// What may be asked of `GET /sign-in/provider`.
#[derive(Deserialize)]
pub(super) struct StartQuery {
    /// The page to come back to; any but ours is none.
    #[serde(default)]
    then: String,
}

/// Where somebody who is signed in was before they went to the provider.
#[derive(Deserialize, Serialize)]
struct Before {
    account_id: String,
    page: String,
}

/// What is kept of a browser that went to the provider.
#[derive(Deserialize, Serialize)]
struct Leaving {
    question: Kept,
    /// Nothing for who begins to sign in.
    before: Option<Before>,
    /// The hash of its session, which ends when it comes back as somebody.
    replaces: Option<[u8; 32]>,
    /// The secret by which it is known for longer.
    known: [u8; 32],
}

impl Leaving {
    /// Where the browser goes on: to the page where this same person was, if it is one of ours, else to the first one.
    fn next_page(&self, account: &Account) -> &'static str {
        let before = self.before.as_ref().filter(|before| before.account_id == account.account_id);
        before.and_then(|before| PAGES.into_iter().find(|page| *page == before.page)).unwrap_or("/")
    }
}

/// What the provider sends back (OpenID Connect Core 1.0 §3.1.2.5, RFC 9207). It may add more.
#[derive(Deserialize)]
pub(super) struct CallbackQuery {
    #[serde(default)]
    state: String,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// `GET /sign-in/provider`: sends the browser to the provider.
pub(super) async fn start(
    app: web::Data<App>,
    request: HttpRequest,
    client: Client,
    query: web::Query<StartQuery>,
) -> Result<HttpResponse, Refusal> {
    let provider = provider_of(&app)?;
    // Another website must not sign somebody in, even as themselves.
    if request.headers().get("sec-fetch-site").is_some_and(|site| site == "cross-site" || site == "same-site") {
        return Ok(see_other("/"));
    }
    rates::PROVIDER_BY_NETWORK.spend(&app, &client.network()).await?;
    // The same one for as long as it is there: of two tabs, both come back.
    let browser = SecretCookie::Provider.read(&request, &app).map_or_else(make_secret, Ok)?;
    let state = make_secret()?;
    let replaces = SecretCookie::Session.read_hash(&request, &app);
    // Who is signed in already goes there to confirm that it is them, or to connect their account.
    let session = match &replaces {
        Some(hash) => app.store.find_session(hash).await?,
        None => None,
    };
    let question = provider.ask(URL_SAFE_NO_PAD.encode(*state), session.is_some()).await.map_err(away)?;
    let page = PAGES.into_iter().find(|page| *page == query.then);
    let before = session
        .zip(page)
        .map(|(session, page)| Before { account_id: session.account.account_id, page: page.to_owned() });
    let leaving = Leaving {
        question: question.kept,
        before,
        replaces,
        known: *SecretCookie::Known.read(&request, &app).map_or_else(make_secret, Ok)?,
    };
    let leaving = Zeroizing::new(serde_json::to_vec(&leaving).map_err(std::io::Error::other)?);
    begin(&app, CeremonyKind::Provider, &attempt(&state, &browser), &leaving).await?;
    let location = HeaderValue::try_from(question.url).map_err(std::io::Error::other)?;
    let cookie = SecretCookie::Provider.make(&app, &browser);
    Ok(HttpResponse::SeeOther().insert_header((LOCATION, location)).cookie(cookie).finish())
}

/// `GET /sign-in/provider/callback`: the browser is back.
pub(super) async fn finish(
    app: web::Data<App>,
    request: HttpRequest,
    client: Client,
    query: web::Query<CallbackQuery>,
) -> Result<HttpResponse, Refusal> {
    let provider = provider_of(&app)?;
    let query = query.into_inner();
    // Any web page can send browsers here: what this server did not ask is neither counted nor written down.
    let Some(leaving) = leaving_of(&app, &request, &query.state).await? else {
        let sentence = "This sign-in was begun in another browser, more than ten minutes ago, or is over already. Please begin again.";
        return Err(Refusal::new(ProblemKind::SingleSignOnRefused, sentence));
    };
    rates::PROVIDER_BACK_BY_NETWORK.spend(&app, &client.network()).await?;
    let back = Back { app: &app, provider, client };
    let code = back.code_of(query).await?;
    let mut told = match provider.redeem(code, &leaving.question).await {
        Ok(told) => told,
        Err(Fault::Refused(why)) => {
            let sentence = "Your clinic's sign-in could not be confirmed. Please begin again; if it stays, tell your administrator.";
            return Err(back.refuse("unknown", &why, sentence).await?);
        }
        Err(fault) => return Err(away(fault)),
    };
    let account = match app.store.find_identity(back.identity(&told)).await? {
        Some(account) => account,
        None => back.bind(&mut told, &leaving).await?,
    };
    let account = back.set_roles(account, &told).await?;
    if !back.admits(&account.email, Some(&account.standing)) {
        return Err(back.refuse_person(&account.email, "the account may not be used").await?);
    }
    back.start_session(&account, &told, &leaving).await
}

/// A browser that came back.
struct Back<'a> {
    app: &'a App,
    provider: &'a SingleSignOn,
    client: Client,
}

impl Back<'_> {
    /// The code, if the provider gave one and is the one that was asked.
    async fn code_of(&self, query: CallbackQuery) -> Result<String, Refusal> {
        if query.iss.is_some_and(|issuer| issuer != self.provider.settings().issuer) {
            let sentence =
                "The answer came from another sign-in service than the one that was asked. Please begin again.";
            return Err(self.refuse("unknown", "another provider answered", sentence).await?);
        }
        if let (None, Some(code)) = (&query.error, query.code) {
            return Ok(code);
        }
        let error = query.error.unwrap_or_default();
        let sentence = if error == "access_denied" {
            "Your clinic's sign-in was broken off, or does not let you in here. Please begin again, or ask your administrator."
        } else {
            "Your clinic's sign-in did not let you in. Please begin again; if it stays, tell your administrator."
        };
        Err(self.refuse("unknown", &format!("the provider said {}", error_word(&error)), sentence).await?)
    }

    fn identity<'a>(&'a self, told: &'a Told) -> Identity<'a> {
        Identity { issuer: &self.provider.settings().issuer, subject: &told.subject }
    }

    fn admits(&self, email: &EmailAddress, standing: Option<&Standing>) -> bool {
        self.app.config.sign_in.admits(email, standing, self.app.clock.now())
    }

    /// Somebody's first time: they get the account of the address that the provider vouches for, by the rules for codes.
    /// Where the account has a factor, only for who showed it in this browser a moment ago.
    async fn bind(&self, told: &mut Told, leaving: &Leaving) -> Result<Account, Refusal> {
        let Some(email) = &told.email else {
            let sentence = "Your clinic's sign-in does not vouch for your e-mail address, which is needed the first time. Please ask your administrator.";
            return Err(self.refuse("unknown", "no address that the provider vouches for", sentence).await?);
        };
        let account = self.app.store.find_account(email).await?;
        let fresh = Standing { roles: [Role::Sender].into(), ..Standing::default() };
        let standing = account.as_ref().map_or(&fresh, |account| &account.standing);
        let next = self.by_groups(standing, told);
        let is_known = account.is_some();
        if !self.admits(email, is_known.then_some(standing)) || !next.is_in_force(self.app.clock.now()) {
            return Err(self.refuse_person(email, "the address may not sign in, or no group gives a role").await?);
        }
        let notice = notice(
            "Your account was connected with your clinic's sign-in: whoever signs in there as you is you here.",
        )?;
        let identity = self.identity(told);
        let session = leaving.replaces.as_ref();
        let new = NewIdentity { identity, email, session, new_account_id: &*make_secret()?, notice: &notice };
        let entry = self.entry(Event::IdentityBound, email.as_str(), &identity.to_string());
        let (why, sentence) = match self.app.store.bind_identity(&new, &entry).await? {
            Binding::Made { with_factor } => {
                let account = self.app.store.find_account(email).await?.ok_or_else(Refusal::not_found)?;
                // The first time, what the account had before is asked for once more.
                told.second_step_at = told.second_step_at.filter(|_| !with_factor);
                return Ok(account);
            }
            Binding::Taken => (
                "the address is bound to another identity",
                "This e-mail address already belongs to somebody else at your clinic's sign-in. Please ask your administrator.",
            ),
            Binding::Unconfirmed => (
                "the account's own second step was not shown before",
                "Your account here has a second step. Please sign in as usual, confirm with your second step, and then connect your clinic's sign-in on your account page, within five minutes.",
            ),
        };
        let why = format!("{why}; {identity}");
        Err(self.refuse(email.as_str(), &why, sentence).await?)
    }

    fn by_groups<'a>(&self, standing: &'a Standing, told: &Told) -> Cow<'a, Standing> {
        let roles = self.provider.settings().group_roles().apply(&standing.roles, &told.groups);
        if roles == standing.roles {
            Cow::Borrowed(standing)
        } else {
            Cow::Owned(Standing { roles, ..standing.clone() })
        }
    }

    /// Has the account hold what its groups give.
    async fn set_roles(&self, account: Account, told: &Told) -> Result<Account, Refusal> {
        let rule = self.provider.settings().group_roles();
        if rule.is_empty() {
            return Ok(account);
        }
        let entry = self.entry(Event::PersonChanged, "system", account.email.as_str());
        self.app.store.set_roles(&account.account_id, &rule, &told.groups, &entry).await?;
        self.app.store.find_person(&account.account_id).await?.ok_or_else(Refusal::not_found)
    }

    async fn start_session(&self, account: &Account, told: &Told, leaving: &Leaving) -> Result<HttpResponse, Refusal> {
        let app = self.app;
        let next = NextSession::make(app)?;
        let new = NewSession {
            email: &account.email,
            new_account_id: &*make_secret()?,
            session_hash: &next.hash,
            replaces: leaving.replaces.as_ref(),
            proof: Proof::Provider { identity: self.identity(told), second_step_at: told.second_step_at },
            browser: SeenBrowser { hash: &hash_secret(&leaving.known), notice: &new_browser(self.client)? },
            network: &self.client.masked(),
        };
        let detail =
            if told.second_step_at.is_some() { "by the provider, second step included" } else { "by the provider" };
        let entry = self.entry(Event::SessionStarted, account.email.as_str(), detail);
        if !app.store.start_session(&new, &entry).await? {
            return Err(self.refuse_person(&account.email, "the account was changed in this moment").await?);
        }
        app.outbox_bell.notify_one();
        let mut answer = render(&SignedInPage { frame: Frame::open(""), next: leaving.next_page(account) });
        let known = SecretCookie::Known.make(app, &leaving.known);
        for cookie in [next.cookie, known, SecretCookie::Provider.remove(app)] {
            answer.add_cookie(&cookie).map_err(std::io::Error::other)?;
        }
        Ok(answer)
    }

    fn entry(&self, event: Event, actor: &str, detail: &str) -> AuditEntry {
        AuditEntry {
            at: self.app.clock.now(),
            event,
            actor: actor.to_owned(),
            token: None,
            transfer_id: None,
            address: Some(self.client.address()),
            detail: detail.to_owned(),
        }
    }

    async fn refuse_person(&self, email: &EmailAddress, why: &str) -> Result<Refusal, Refusal> {
        let sentence =
            "Your clinic knows you, but you may not use this server at present. Please ask your administrator.";
        self.refuse(email.as_str(), why, sentence).await
    }

    /// Writes down that `actor` was not let in, and why; what they are told.
    async fn refuse(&self, actor: &str, why: &str, sentence: &str) -> Result<Refusal, Refusal> {
        tracing::info!(why, "a sign-in by the provider was refused");
        self.app.store.record(&self.entry(Event::SignInRefused, actor, &format!("by the provider: {why}"))).await?;
        Ok(Refusal::new(ProblemKind::SingleSignOnRefused, sentence))
    }
}

fn provider_of(app: &App) -> Result<&SingleSignOn, Refusal> {
    app.single_sign_on.as_ref().ok_or_else(Refusal::not_found)
}

/// Takes out what was kept of the browser when it left, once.
async fn leaving_of(app: &App, request: &HttpRequest, state: &str) -> Result<Option<Leaving>, Refusal> {
    let Some(browser) = SecretCookie::Provider.read(request, app) else { return Ok(None) };
    let Some(state) = URL_SAFE_NO_PAD.decode(state).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) else {
        return Ok(None);
    };
    let kept = take(app, CeremonyKind::Provider, &attempt(&state.into(), &browser)).await?.map(Zeroizing::new);
    Ok(kept.and_then(|kept| serde_json::from_str(&kept).ok()))
}

/// Under which an attempt is known: only the browser that began it and the answer to it have both halves. So an answer that
/// was smuggled into another browser finds nothing, and takes nothing away there.
fn attempt(state: &SecretBytes, browser: &SecretBytes) -> [u8; 32] {
    Sha256::new().chain_update(**state).chain_update(**browser).finalize().into()
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn away(fault: Fault) -> Refusal {
    tracing::warn!(%fault, "nobody can sign in by the provider");
    let detail = "Your clinic's sign-in service does not answer at present. Please try again in a moment, or tell your administrator.";
    Problem { retry_after: Some(AWAY_RETRY), ..Problem::new(ProblemKind::ProviderAway, detail) }.into()
}
