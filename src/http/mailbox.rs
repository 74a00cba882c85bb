//! The mailbox code: before the passcode, whoever opens a transfer proves that they read the mailbox it was sent to.

use super::client::Client;
use super::codes::{self, wrong_code};
use super::cookies::SecretCookie;
use super::error::Refusal;
use super::extract::Json;
use super::open::{Held, hold, recipient_entry};
use super::rates;
use crate::app::App;
use crate::keys::{CodePurpose, hash_secret, make_secret};
use crate::people::{MAILBOX_LIFETIME, mask};
use crate::store::{Event, NewMailboxSession};
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::open::{MailboxCodeRequest, OpenRequest};
use protocol::{Problem, ProblemKind};

/// `POST /api/v1/open/mailbox`: mails a code to the recipient.
pub(super) async fn ask(
    app: web::Data<App>,
    request: HttpRequest,
    client: Client,
    Json(body): Json<OpenRequest>,
) -> Result<HttpResponse, Refusal> {
    rates::OPENS_BY_NETWORK.spend(&app, &client.network()).await?;
    let held = hold(&app, &request, &body.token, &body.transfer_id).await?;
    if !held.needs_code {
        return Err(Refusal::new(ProblemKind::WrongState, "No code is needed for this. Please enter the passcode."));
    }
    let link = URL_SAFE_NO_PAD.encode(hash_secret(body.token.as_bytes()));
    rates::CODES_BY_NETWORK.spend(&app, &client.network()).await?;
    rates::CODES_BY_LINK_AND_NETWORK.spend(&app, &format!("{link} {}", client.network())).await?;
    rates::CODES_BY_LINK.spend(&app, &link).await?;
    rates::CODES_BY_ADDRESS.spend(&app, &held.linked.recipient.account_key()).await?;
    let entry = recipient_entry(Event::MailboxAsked, &body.transfer_id, app.clock.now(), client);
    let purpose = CodePurpose::Mailbox(body.transfer_id);
    let cookie = codes::make(&app, purpose, &held.linked.recipient, Some(&entry)).await?;
    Ok(HttpResponse::Accepted().cookie(cookie).finish())
}

/// `POST /api/v1/open/mailbox/code`
pub(super) async fn enter(
    app: web::Data<App>,
    request: HttpRequest,
    client: Client,
    Json(body): Json<MailboxCodeRequest>,
) -> Result<HttpResponse, Refusal> {
    rates::SIGN_INS_BY_NETWORK.spend(&app, &client.network()).await?;
    let held = hold(&app, &request, &body.token, &body.transfer_id).await?;
    let (id, recipient, now) = (body.transfer_id, &held.linked.recipient, app.clock.now());
    let code = codes::try_one(&app, &request, CodePurpose::Mailbox(id), recipient, &body.code).await?;
    if !code.is_right {
        app.store.record(&recipient_entry(Event::MailboxRefused, &id, now, client)).await?;
        return Err(wrong_code());
    }
    let session = make_secret()?;
    let new = NewMailboxSession {
        session_hash: &hash_secret(&session),
        browser_hash: &code.browser_hash,
        email_key: &recipient.account_key(),
        transfer_id: Some(&id),
        expires_at: now.plus(MAILBOX_LIFETIME),
    };
    let entry = recipient_entry(Event::MailboxProven, &id, now, client);
    if !app.store.start_mailbox_session(&new, &entry).await? {
        return Err(wrong_code());
    }
    Ok(HttpResponse::NoContent().cookie(SecretCookie::Mailbox.make(&app, &session)).finish())
}

/// Refuses unless the mailbox is proved, where that is asked for. Of the transfer only the masked address is told until then.
pub(super) async fn require(app: &App, held: &Held) -> Result<(), Refusal> {
    if !held.needs_code || held.is_proven(app).await? {
        return Ok(());
    }
    let mailbox = mask(&held.linked.recipient);
    let detail =
        format!("Before the passcode, please prove that you read the mailbox {mailbox}: we mail a code there.");
    Err(Problem { mailbox: Some(mailbox), ..Problem::new(ProblemKind::MailboxCodeNeeded, detail) }.into())
}
