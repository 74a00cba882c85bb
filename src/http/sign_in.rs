//! Signing in with a mailed code, and out.

use super::client::Client;
use super::cookies::SecretCookie;
use super::error::Refusal;
use super::extract::{Json, Person};
use super::rates;
use crate::app::App;
use crate::keys::{Purpose, hash_secret, is_same_hash, make_name, make_secret};
use crate::people::{CODE_LIFETIME, EmailAddress, SignInCode};
use crate::store::{AuditEntry, Event, MailKind, NewCode, NewMail, NewSession};
use actix_web::cookie::Cookie;
use actix_web::{HttpRequest, HttpResponse, web};
use protocol::ProblemKind;
use protocol::sign_in::{SignInCodeRequest, SignInRequest};

/// `POST /api/v1/sign-in`: the same answer and the same rows whether or not the address may sign in; only the mail
/// makes the difference.
pub(super) async fn ask(
    app: web::Data<App>,
    client: Client,
    Json(request): Json<SignInRequest>,
) -> Result<HttpResponse, Refusal> {
    let email = EmailAddress::parse(&request.email, "email")?;
    rates::CODES_BY_NETWORK.spend(&app, &client.network()).await?;
    rates::CODES_BY_ADDRESS_AND_NETWORK.spend(&app, &format!("{} {}", email.account_key(), client.network())).await?;
    rates::CODES_BY_ADDRESS.spend(&app, &email.account_key()).await?;
    let browser = make_secret()?;
    let browser_hash = hash_secret(&browser);
    let code = SignInCode::make().map_err(std::io::Error::other)?;
    let mail = make_mail(&app, &email, &code)?;
    let admitted = is_admitted(&app, &email).await?;
    let new = NewCode {
        browser_hash: &browser_hash,
        email_key: &email.account_key(),
        code_mac: &app.keys.derive_code_mac(&browser_hash, &email.account_key(), code.expose()),
        expires_at: mail.give_up_at,
        mail: admitted.then_some(&mail),
    };
    app.store.add_code(&new, app.clock.now()).await?;
    app.outbox_bell.notify_one();
    Ok(HttpResponse::Accepted().cookie(SecretCookie::Browser.make(&app, &browser)).finish())
}

/// Whether this address may sign in now, by its account or, without one, by the configuration's list.
async fn is_admitted(app: &App, email: &EmailAddress) -> Result<bool, Refusal> {
    let account = app.store.find_account(email).await?;
    Ok(app.config.sign_in.admits(email, account.as_ref().map(|account| &account.standing), app.clock.now()))
}

fn make_mail(app: &App, email: &EmailAddress, code: &SignInCode) -> Result<NewMail, Refusal> {
    let mail_id = make_name()?;
    Ok(NewMail {
        secret: Some(app.keys.seal(Purpose::Outbox, &mail_id, code.expose().as_bytes())?),
        mail_id,
        kind: MailKind::SignInCode,
        recipient: email.to_string(),
        transfer_id: None,
        give_up_at: app.clock.now().plus(CODE_LIFETIME),
    })
}

/// `POST /api/v1/sign-in/code`
pub(super) async fn enter(
    app: web::Data<App>,
    request: HttpRequest,
    client: Client,
    Json(body): Json<SignInCodeRequest>,
) -> Result<HttpResponse, Refusal> {
    rates::SIGN_INS_BY_NETWORK.spend(&app, &client.network()).await?;
    let email = EmailAddress::parse(&body.email, "email")?;
    let code = SignInCode::parse(&body.code)?;
    let browser_hash = SecretCookie::Browser.read_hash(&request, &app).ok_or_else(wrong_code)?;
    let now = app.clock.now();
    let entry = |event| AuditEntry {
        at: now,
        event,
        actor: email.to_string(),
        transfer_id: None,
        address: Some(client.address()),
        detail: String::new(),
    };
    let waiting = app.store.try_code(&browser_hash, now).await?.ok_or_else(wrong_code)?;
    let code_mac = app.keys.derive_code_mac(&browser_hash, &email.account_key(), code.expose());
    let is_right = waiting.email_key == email.account_key() && is_same_hash(&waiting.code_mac, &code_mac);
    if !is_right || !is_admitted(&app, &email).await? {
        app.store.record(&entry(Event::SignInRefused)).await?;
        return Err(wrong_code());
    }
    let replaced = SecretCookie::Session.read_hash(&request, &app);
    let session = start(&app, &email, &browser_hash, replaced.as_ref(), &entry(Event::SessionStarted)).await?;
    Ok(HttpResponse::NoContent().cookie(session).cookie(SecretCookie::Browser.remove(&app)).finish())
}

/// Spends the code, ends the browser's session until now, and starts a new one under a new secret.
async fn start(
    app: &App,
    email: &EmailAddress,
    browser_hash: &[u8; 32],
    replaces: Option<&[u8; 32]>,
    entry: &AuditEntry,
) -> Result<Cookie<'static>, Refusal> {
    let session = make_secret()?;
    let new = NewSession {
        email,
        new_account_id: &*make_secret()?,
        session_hash: &hash_secret(&session),
        replaces,
        browser_hash,
    };
    if !app.store.start_session(&new, entry).await? {
        return Err(wrong_code());
    }
    Ok(SecretCookie::Session.make(app, &session))
}

/// Wrong, used, too old, tried too often, of another browser: the answer is the same.
fn wrong_code() -> Refusal {
    Refusal::new(
        ProblemKind::WrongCode,
        "This code does not work here. Please use the newest mail, in the browser that asked for it, within ten minutes; or ask for a new code.",
    )
}

/// `DELETE /api/v1/session`
pub(super) async fn end(app: web::Data<App>, person: Person, client: Client) -> Result<HttpResponse, Refusal> {
    app.store.end_session(&person.session_hash, &person.entry(&app, Event::SessionEnded, client)).await?;
    Ok(HttpResponse::NoContent().cookie(SecretCookie::Session.remove(&app)).finish())
}
