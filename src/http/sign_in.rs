//! Signing in with a mailed code, and out.

use super::client::Client;
use super::codes::{self, wrong_code};
use super::cookies::SecretCookie;
use super::error::Refusal;
use super::extract::Json;
use super::rates;
use super::signed_in::{SignedIn, notice};
use crate::app::App;
use crate::keys::{CodePurpose, hash_secret, make_secret};
use crate::people::EmailAddress;
use crate::store::{AccountNotice, AuditEntry, Event, NewSession, Proof, SeenBrowser};
use actix_web::cookie::Cookie;
use actix_web::{HttpRequest, HttpResponse, web};
use protocol::ProblemKind;
use protocol::sign_in::{SignInCodeRequest, SignInRequest};

/// `POST /api/v1/sign-in`: the same answer, the same rows and the same work whether or not the address may sign in. Whether it may is
/// found out when it is the mail's turn (`jobs`).
pub(super) async fn ask(
    app: web::Data<App>,
    client: Client,
    Json(request): Json<SignInRequest>,
) -> Result<HttpResponse, Refusal> {
    check_mailed_codes(&app)?;
    let email = EmailAddress::parse(&request.email, "email")?;
    rates::spend_for_code(&app, &email, client).await?;
    let cookie = codes::make(&app, CodePurpose::SignIn, &email, None).await?;
    Ok(HttpResponse::Accepted().cookie(cookie).finish())
}

/// Where everybody signs in by the provider, codes are neither mailed nor taken.
fn check_mailed_codes(app: &App) -> Result<(), Refusal> {
    if app.config.single_sign_on.as_ref().is_none_or(|provider| provider.mailed_codes) {
        return Ok(());
    }
    let sentence = "No codes are mailed here. Please sign in by the button on the first page.";
    Err(Refusal::new(ProblemKind::NotFound, sentence))
}

/// `POST /api/v1/sign-in/code`
pub(super) async fn enter(
    app: web::Data<App>,
    request: HttpRequest,
    client: Client,
    Json(body): Json<SignInCodeRequest>,
) -> Result<HttpResponse, Refusal> {
    check_mailed_codes(&app)?;
    rates::SIGN_INS_BY_NETWORK.spend(&app, &client.network()).await?;
    let email = EmailAddress::parse(&body.email, "email")?;
    let code = codes::try_one(&app, &request, CodePurpose::SignIn, &email, &body.code).await?;
    let now = app.clock.now();
    let entry = |event| AuditEntry { address: Some(client.address()), ..AuditEntry::by(email.as_str(), event, now) };
    if !code.is_right || !app.admits_by_code(&email).await? {
        app.store.record(&entry(Event::SignInRefused)).await?;
        return Err(wrong_code());
    }
    let replaced = SecretCookie::Session.read_hash(&request, &app);
    let known = SecretCookie::Known.read(&request, &app).map_or_else(make_secret, Ok)?;
    let new = NewSession {
        email: &email,
        new_account_id: &*make_secret()?,
        session_hash: &[0; 32],
        replaces: replaced.as_ref(),
        proof: Proof::Code(&code.browser_hash),
        browser: SeenBrowser { hash: &hash_secret(&known), notice: &new_browser(client)? },
        network: &client.masked(),
    };
    let session = start(&app, new, &entry(Event::SessionStarted)).await?;
    let (forget, known) = (SecretCookie::Browser.remove(&app), SecretCookie::Known.make(&app, &known));
    Ok(HttpResponse::NoContent().cookie(session).cookie(forget).cookie(known).finish())
}

/// Spends the code, ends the browser's session until now, and starts a new one under a new secret.
async fn start(app: &App, new: NewSession<'_>, entry: &AuditEntry) -> Result<Cookie<'static>, Refusal> {
    let session = make_secret()?;
    let new = NewSession { session_hash: &hash_secret(&session), ..new };
    if !app.store.start_session(&new, entry).await? {
        return Err(wrong_code());
    }
    app.outbox_bell.notify_one();
    Ok(SecretCookie::Session.make(app, &session))
}

pub(super) fn new_browser(client: Client) -> Result<AccountNotice, Refusal> {
    let network = client.masked();
    notice(format!("Somebody signed in to your account from a browser that is new to it, in the network {network}."))
}

/// `DELETE /api/v1/session`
pub(super) async fn end(app: web::Data<App>, signed_in: SignedIn, client: Client) -> Result<HttpResponse, Refusal> {
    app.store.end_session(signed_in.session_hash()?, &signed_in.entry(&app, Event::SessionEnded, client)).await?;
    Ok(HttpResponse::NoContent().cookie(SecretCookie::Session.remove(&app)).finish())
}
