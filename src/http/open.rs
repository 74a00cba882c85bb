//! Opening: what a link leads to, unlocking with the passcode's proof, and the receipt.

use super::client::Client;
use super::cookies::SecretCookie;
use super::error::Refusal;
use super::extract::{Json, TicketHeader};
use super::mailbox;
use super::rates::{self, in_words};
use super::sealing::unwrap_key;
use crate::app::App;
use crate::keys::{hash_secret, is_same_hash, make_name, make_secret, unseal_under};
use crate::store::{Attempt, AuditEntry, Event, LinkedTransfer, MailboxSessions, NewOpening, Opened, WrongPasscode};
use crate::transfer::{CapsuleHeader, H_LEN, TICKET_LIFETIME, needs_mailbox_code};
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::open::{OpenAnswer, OpenRequest, ReceiptRequest, SenderName, UnlockAnswer, UnlockRequest};
use protocol::{Base64Bytes, LinkToken, Problem, ProblemKind, Sha256Digest, Ticket, Timestamp, TransferId};
use subtle::ConstantTimeEq as _;

/// `POST /api/v1/open`: spends nothing.
pub(super) async fn look(
    app: web::Data<App>,
    request: HttpRequest,
    client: Client,
    Json(body): Json<OpenRequest>,
) -> Result<HttpResponse, Refusal> {
    rates::OPENS_BY_NETWORK.spend(&app, &client.network()).await?;
    let held = hold(&app, &request, &body.token, &body.transfer_id).await?;
    mailbox::require(&app, &held).await?;
    let linked = held.linked;
    let capsule = open_capsule(&app, &body.transfer_id, &linked)?;
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
    request: HttpRequest,
    client: Client,
    Json(body): Json<UnlockRequest>,
) -> Result<HttpResponse, Refusal> {
    rates::OPENS_BY_NETWORK.spend(&app, &client.network()).await?;
    let id = body.transfer_id;
    let held = hold(&app, &request, &body.token, &id).await?;
    mailbox::require(&app, &held).await?;
    let network = client.network();
    let attempt = Attempt { transfer_id: &id, network: &network };
    let now = app.clock.now();
    if let Some(until) = app.store.find_pause(&attempt, now).await? {
        return Err(paused(until, now));
    }
    let capsule = open_capsule(&app, &id, &held.linked)?;
    let header = CapsuleHeader::parse(&capsule, &id, held.linked.expires_at)?;
    let verifier = app.keys.derive_verifier(&id, header.slot, &body.proof);
    if !is_same_hash(&held.linked.verifier, &verifier) {
        return Err(refuse(&app, &attempt, &recipient_entry(Event::Refused, &id, now, client)).await?);
    }
    let ticket = Ticket::from_bytes(*make_secret()?);
    let new = NewOpening {
        token_hash: held.token_hash.as_ref(),
        mailbox: held.needs_proof().then_some(&held.sessions),
        ticket_hash: &hash_secret(ticket.as_bytes()),
        ticket_until: now.plus(TICKET_LIFETIME).min(held.linked.expires_at),
        notice_id: &make_name()?,
    };
    let mut entry = recipient_entry(Event::Opened, &id, now, client);
    if held.token_hash.is_none() {
        "from the recipient's own page".clone_into(&mut entry.detail);
    }
    let opened = app.store.open_transfer(&attempt, &new, &entry).await?;
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
        return Err(Problem::invalid("verified", detail).into());
    }
    let mut entry = recipient_entry(Event::Received, &grant.transfer_id, now, client);
    entry.detail = format!("{} of {} files verified", request.verified, request.total);
    app.store.record(&entry).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A transfer in the hands of someone who may ask about it.
pub(super) struct Held {
    pub(super) linked: LinkedTransfer,
    /// Whether a code from the recipient's mailbox comes before the passcode.
    pub(super) needs_code: bool,
    /// Of the link's token; none for an opening right.
    token_hash: Option<[u8; 32]>,
    /// What may prove the mailbox.
    sessions: MailboxSessions,
    transfer_id: TransferId,
}

impl Held {
    /// An opening right rests on a proven mailbox, whether or not a code is asked for with the link.
    fn needs_proof(&self) -> bool {
        self.needs_code || self.token_hash.is_none()
    }

    pub(super) async fn is_proven(&self, app: &App) -> Result<bool, Refusal> {
        Ok(app.store.is_mailbox_proven(&self.transfer_id, &self.sessions, app.clock.now()).await?)
    }
}

/// The transfer that a link's token or an opening right leads to. Whatever is wrong with it, the answer is the same.
pub(super) async fn hold(
    app: &App,
    request: &HttpRequest,
    token: &LinkToken,
    id: &TransferId,
) -> Result<Held, Refusal> {
    let [mine, transfer] = [SecretCookie::Mine, SecretCookie::Mailbox].map(|cookie| cookie.read_hash(request, app));
    let (asked, is_right) = (hash_secret(token.as_bytes()), is_right(app, mine, token, id));
    let linked = app.store.find_linked(id, (!is_right).then_some(&asked)).await?.ok_or_else(Refusal::link_invalid)?;
    let token_hash = Some(asked).filter(|hash| is_same_hash(&linked.token_hash, hash));
    let held = Held {
        needs_code: needs_mailbox_code(app.config.policy.mailbox_code, linked.recipient_kind, linked.mailbox_code),
        // A right is its own session's: another one that the browser has proves nothing for it.
        sessions: MailboxSessions { mine, transfer: transfer.filter(|_| token_hash.is_some()) },
        linked,
        token_hash,
        transfer_id: *id,
    };
    if token_hash.is_none() && !(is_right && held.is_proven(app).await?) {
        return Err(Refusal::link_invalid());
    }
    let now = app.clock.now();
    if held.linked.expires_at <= now {
        // Written down at once, so that a clock that is set back does not revive it.
        app.store.end_overdue(now, make_name).await?;
        return Err(Refusal::link_invalid());
    }
    Ok(held)
}

/// Whether this is the opening right that the browser's session gives for this transfer, compared in constant time.
fn is_right(app: &App, session: Option<[u8; 32]>, token: &LinkToken, id: &TransferId) -> bool {
    session.is_some_and(|session| {
        app.keys.derive_opening_right(&session, id).as_slice().ct_eq(token.as_bytes().as_slice()).into()
    })
}

fn open_capsule(app: &App, id: &TransferId, linked: &LinkedTransfer) -> Result<Vec<u8>, Refusal> {
    let wrapping = unwrap_key(app, id, &linked.wrapped_key)?;
    Ok(unseal_under(&wrapping, &id.to_text(), &linked.capsule)?.to_vec())
}

async fn refuse(app: &App, attempt: &Attempt<'_>, entry: &AuditEntry) -> Result<Refusal, Refusal> {
    let counted = match app.store.refuse_passcode(attempt, &make_name()?, entry).await? {
        WrongPasscode::Counted(counted) => {
            app.outbox_bell.notify_one();
            counted
        }
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

/// An audit row about what whoever holds a transfer does.
pub(super) fn recipient_entry(event: Event, id: &TransferId, at: Timestamp, client: Client) -> AuditEntry {
    AuditEntry { transfer_id: Some(*id), address: Some(client.address()), ..AuditEntry::by("recipient", event, at) }
}
