//! Opening: what a link leads to, unlocking with the passcode's proof, and the receipt.

use super::client::Client;
use super::error::Refusal;
use super::extract::{Json, TicketHeader};
use super::rates::{self, in_words};
use super::sealing::unwrap_key;
use crate::app::App;
use crate::keys::{hash_secret, is_same_hash, make_name, make_secret, unseal_under};
use crate::store::{Attempt, AuditEntry, Event, LinkedTransfer, NewOpening, Opened, WrongPasscode};
use crate::transfer::{CapsuleHeader, H_LEN, TICKET_LIFETIME};
use actix_web::{HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::open::{OpenAnswer, OpenRequest, ReceiptRequest, SenderName, UnlockAnswer, UnlockRequest};
use protocol::{Base64Bytes, LinkToken, Problem, ProblemKind, Sha256Digest, Ticket, Timestamp, TransferId};

/// `POST /api/v1/open`: spends nothing.
pub(super) async fn look(
    app: web::Data<App>,
    client: Client,
    Json(request): Json<OpenRequest>,
) -> Result<HttpResponse, Refusal> {
    rates::OPENS_BY_NETWORK.spend(&app, &client.network()).await?;
    let linked = find_linked(&app, &request.token, &request.transfer_id).await?;
    let capsule = open_capsule(&app, &request.transfer_id, &linked)?;
    Ok(HttpResponse::Ok().json(OpenAnswer {
        h: Base64Bytes(capsule.get(..H_LEN).unwrap_or_default().to_vec()),
        sender: SenderName { name: linked.sender_name, organisation: linked.organisation },
        recipient_kind: linked.recipient_kind,
        expires_at: linked.expires_at,
    }))
}

/// `POST /api/v1/open/unlock`: the only step that counts an opening.
pub(super) async fn unlock(
    app: web::Data<App>,
    client: Client,
    Json(request): Json<UnlockRequest>,
) -> Result<HttpResponse, Refusal> {
    rates::OPENS_BY_NETWORK.spend(&app, &client.network()).await?;
    let id = request.transfer_id;
    let linked = find_linked(&app, &request.token, &id).await?;
    let network = client.network();
    let attempt = Attempt { transfer_id: &id, network: &network };
    let now = app.clock.now();
    if let Some(until) = app.store.find_pause(&attempt, now).await? {
        return Err(paused(until, now));
    }
    let capsule = open_capsule(&app, &id, &linked)?;
    let header = CapsuleHeader::parse(&capsule, &id, linked.expires_at)?;
    let verifier = app.keys.derive_verifier(&id, header.slot, &request.proof);
    if !is_same_hash(&linked.verifier, &verifier) {
        return Err(refuse(&app, &attempt, &audit_entry(Event::Refused, &id, now, client)).await?);
    }
    let ticket = Ticket::from_bytes(*make_secret()?);
    let new = NewOpening {
        token_hash: &hash_secret(request.token.as_bytes()),
        ticket_hash: &hash_secret(ticket.as_bytes()),
        ticket_until: now.plus(TICKET_LIFETIME).min(linked.expires_at),
        notice_id: &make_name()?,
    };
    let opened = app.store.open_transfer(&attempt, &new, &audit_entry(Event::Opened, &id, now, client)).await?;
    let Opened { manifest, objects } = opened.ok_or_else(Refusal::link_invalid)?;
    app.outbox_bell.notify_one();
    let manifest = Base64Bytes(URL_SAFE_NO_PAD.decode(manifest).map_err(std::io::Error::other)?);
    let (capsule, download) = (Base64Bytes(capsule), app.blobs.way());
    Ok(HttpResponse::Ok().json(UnlockAnswer { ticket, capsule, manifest, download, objects }))
}

/// `POST /api/v1/open/receipt`
pub(super) async fn receipt(
    app: web::Data<App>,
    client: Client,
    TicketHeader(ticket): TicketHeader,
    Json(request): Json<ReceiptRequest>,
) -> Result<HttpResponse, Refusal> {
    let now = app.clock.now();
    let ticket_hash = hash_secret(ticket.as_bytes());
    let grant = app.store.find_grant(&ticket_hash, now).await?.ok_or_else(Refusal::ticket_invalid)?;
    rates::RECEIPTS_BY_TICKET.spend(&app, &Sha256Digest::from_bytes(ticket_hash).to_text()).await?;
    if request.total != grant.files || request.verified > request.total {
        let detail = format!("This transfer has {} files; a receipt says how many of them were verified.", grant.files);
        return Err(
            Problem { field: Some("verified".to_owned()), ..Problem::new(ProblemKind::InvalidField, detail) }.into()
        );
    }
    let mut entry = audit_entry(Event::Received, &grant.transfer_id, now, client);
    entry.detail = format!("{} of {} files verified", request.verified, request.total);
    app.store.record(&entry).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The transfer that a link leads to. Whatever is wrong with the link, the answer is the same.
async fn find_linked(app: &App, token: &LinkToken, id: &TransferId) -> Result<LinkedTransfer, Refusal> {
    let linked = app.store.find_linked(id).await?.ok_or_else(Refusal::link_invalid)?;
    if !is_same_hash(&linked.token_hash, &hash_secret(token.as_bytes())) {
        return Err(Refusal::link_invalid());
    }
    let now = app.clock.now();
    if linked.expires_at <= now {
        // Written down at once, so that a clock that is set back does not revive it.
        app.store.end_overdue(now, make_name).await?;
        return Err(Refusal::link_invalid());
    }
    Ok(linked)
}

fn open_capsule(app: &App, id: &TransferId, linked: &LinkedTransfer) -> Result<Vec<u8>, Refusal> {
    let wrapping = unwrap_key(app, id, &linked.wrapped_key)?;
    Ok(unseal_under(&wrapping, &id.to_text(), &linked.capsule)?.to_vec())
}

async fn refuse(app: &App, attempt: &Attempt<'_>, entry: &AuditEntry) -> Result<Refusal, Refusal> {
    let counted = match app.store.refuse_passcode(attempt, entry).await? {
        WrongPasscode::Counted(counted) => counted,
        WrongPasscode::Paused(until) => return Ok(paused(until, entry.at)),
    };
    let pause = u64::try_from(counted.pause).unwrap_or(0);
    let next = match (counted.tries, pause) {
        (0, pause) => format!("Please wait {} before you try again.", in_words(pause)),
        (1, _) => "You can try once more before a pause.".to_owned(),
        (tries, _) => format!("You can try {tries} more times before a pause."),
    };
    let detail = format!("This passcode does not open the transfer. {next} The sender can read it to you again.");
    Ok(Problem {
        tries: Some(counted.tries),
        retry_after: (pause > 0).then_some(pause),
        ..Problem::new(ProblemKind::WrongPasscode, detail)
    }
    .into())
}

fn paused(until: Timestamp, now: Timestamp) -> Refusal {
    let seconds = u64::try_from(until.as_unix() - now.as_unix()).unwrap_or(1).max(1);
    let detail = format!("There were several wrong passcodes. Please wait {} before you try again.", in_words(seconds));
    Refusal::too_many_requests(seconds, detail)
}

fn audit_entry(event: Event, id: &TransferId, at: Timestamp, client: Client) -> AuditEntry {
    let actor = "recipient".to_owned();
    AuditEntry { at, event, actor, transfer_id: Some(*id), address: Some(client.address()), detail: String::new() }
}
