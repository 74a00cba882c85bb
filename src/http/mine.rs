//! What waits for an address: whoever proves that they read it sees every live transfer that was sent there, and opens each
//! with its passcode, without the mailed link. It changes nothing but its own session.

use super::client::Client;
use super::codes::{self, wrong_code};
use super::cookies::SecretCookie;
use super::error::Refusal;
use super::extract::{Json, Reader};
use super::rates;
use crate::app::App;
use crate::keys::{CodePurpose, hash_secret, make_secret};
use crate::people::{EmailAddress, MAILBOX_LIFETIME};
use crate::store::{AuditEntry, Event, NewMailboxSession, Waiting};
use actix_web::{HttpRequest, HttpResponse, web};
use protocol::LinkToken;
use protocol::mine::{Mine, WaitingTransfer};
use protocol::open::SenderName;
use protocol::sign_in::{SignInCodeRequest, SignInRequest};

/// `POST /api/v1/mine`: the same answer, the same rows and the same work whether or not anything waits. Whether the mail is
/// worth sending is found out when it is its turn (`jobs`).
pub(super) async fn ask(
    app: web::Data<App>,
    client: Client,
    Json(request): Json<SignInRequest>,
) -> Result<HttpResponse, Refusal> {
    let email = EmailAddress::parse(&request.email, "email")?;
    rates::spend_for_code(&app, &email, client).await?;
    let cookie = codes::make(&app, CodePurpose::Mine, &email, None).await?;
    Ok(HttpResponse::Accepted().cookie(cookie).finish())
}

/// `POST /api/v1/mine/code`
pub(super) async fn enter(
    app: web::Data<App>,
    request: HttpRequest,
    client: Client,
    Json(body): Json<SignInCodeRequest>,
) -> Result<HttpResponse, Refusal> {
    rates::SIGN_INS_BY_NETWORK.spend(&app, &client.network()).await?;
    let email = EmailAddress::parse(&body.email, "email")?;
    let code = codes::try_one(&app, &request, CodePurpose::Mine, &email, &body.code).await?;
    let email_key = email.account_key();
    if !code.is_right {
        app.store.record(&entry(&app, Event::MineRefused, &email_key, client)).await?;
        return Err(wrong_code());
    }
    let session = make_secret()?;
    let new = NewMailboxSession {
        session_hash: &hash_secret(&session),
        browser_hash: &code.browser_hash,
        email_key: &email_key,
        transfer_id: None,
        expires_at: app.clock.now().plus(MAILBOX_LIFETIME),
    };
    if !app.store.start_mailbox_session(&new, &entry(&app, Event::MineStarted, &email_key, client)).await? {
        return Err(wrong_code());
    }
    Ok(HttpResponse::NoContent().cookie(SecretCookie::Mine.make(&app, &session)).finish())
}

/// `GET /api/v1/mine`
pub(super) async fn list(app: web::Data<App>, reader: Reader) -> Result<HttpResponse, Refusal> {
    let waiting = app.store.list_waiting(&reader.email_key, app.clock.now()).await?;
    let tell = |waiting: Waiting| WaitingTransfer {
        transfer_id: waiting.transfer_id,
        opening_right: LinkToken::from_bytes(
            *app.keys.derive_opening_right(&reader.session_hash, &waiting.transfer_id),
        ),
        sender: SenderName { name: waiting.sender_name, organisation: waiting.organisation },
        sent_at: waiting.sent_at,
        expires_at: waiting.expires_at,
        files: waiting.files,
        total_len: waiting.total_len,
        openings_left: waiting.openings_left,
    };
    let transfers = waiting.into_iter().map(tell).collect();
    Ok(HttpResponse::Ok().json(Mine { email: reader.email_key, transfers }))
}

/// `DELETE /api/v1/mine`: the opening rights end with it; what was opened stays open as long as its ticket.
pub(super) async fn end(app: web::Data<App>, reader: Reader, client: Client) -> Result<HttpResponse, Refusal> {
    let entry = entry(&app, Event::MineEnded, &reader.email_key, client);
    app.store.end_mailbox_session(&reader.session_hash, &entry).await?;
    Ok(HttpResponse::NoContent().cookie(SecretCookie::Mine.remove(&app)).finish())
}

fn entry(app: &App, event: Event, email_key: &str, client: Client) -> AuditEntry {
    AuditEntry { address: Some(client.address()), ..AuditEntry::by(email_key, event, app.clock.now()) }
}
