//! What happens without a request: transfers end, what is over is purged, what is ready gets its second copy, mail leaves.
//!
//! Each job is a step that a test can call; the loop calls the same ones. A step may be cut at any point: what it had
//! not finished is due again.

pub mod audit;
mod second_copy;

pub use second_copy::copy;

use crate::app::App;
use crate::blobs::{Blobs, CopyFault};
use crate::keys::{Purpose, make_name};
use crate::mail::{self, Letter, Line, MailError, MailId, OutgoingMail, Secret};
use crate::people::{CODE_LIFETIME, EmailAddress, INVITATION_LIFETIME};
use crate::store::{AuditEntry, Event, MailKind, MailSubject, Purgeable, QueuedMail, StoreError};
use crate::transfer::make_link;
use protocol::transfers::State;
use protocol::{LinkToken, ObjectId, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// How often the loop looks for what is due when nothing rings.
const ROUND: Duration = Duration::from_secs(5);

/// Longest time for which queued mail waits for its worker: nobody notices, for mail takes longer on its way.
const LONGEST_REST: Duration = Duration::from_millis(512);

/// How often orphaned bytes are looked for: only a crash at the wrong moment makes any.
const ORPHAN_ROUND: Duration = Duration::from_secs(6 * 60 * 60);

/// How often the audit is anchored if that is due, verified a little further, and looked through.
const AUDIT_ROUND: Duration = Duration::from_secs(30);

/// Seconds that a worker may take for one mail before another takes it over.
const MAIL_LEASE: i64 = 5 * 60;

/// Seconds before a refused hand-over is tried again, doubled each time; greylisting wants a few minutes.
const FIRST_RETRY: i64 = 60;
const LONGEST_RETRY: i64 = 4 * 60 * 60;

/// Whether a step found something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Yes; there may be more.
    Done,
    /// No.
    Idle,
}

/// Why a step did not finish.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ciphertext, or the operating system's random bytes.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// An object has no second copy yet.
    #[error("the second copy of object {0}: {1}")]
    Copy(ObjectId, CopyFault),
}

/// Does what is due, for ever, each job at its own pace: a person waits for a sign-in code, and must not wait for a purge that
/// takes long. A step that fails is logged and due again in the next round.
pub async fn run(app: Arc<App>) {
    tokio::join!(deliver(&app), tidy(&app), keep_copies(&app), find_orphans(&app), prove(&app));
}

async fn deliver(app: &App) {
    let mut rounds = tokio::time::interval(ROUND);
    loop {
        tokio::select! {
            _ = rounds.tick() => renew_certificate(app),
            () = app.outbox_bell.notified() => tokio::time::sleep(make_rest()).await,
        }
        finish(app, "mail", send_outbox(app).await);
    }
}

/// How long the worker waits before it looks at what was queued. Writing a mail slows down what else is asked for in that moment, so
/// whoever asks for a code and at once for something else could feel whether there was a mail to write.
fn make_rest() -> Duration {
    let mut byte = [0];
    // Without random bytes nothing else works either.
    getrandom::fill(&mut byte).unwrap_or_default();
    LONGEST_REST * u32::from(byte[0]) / 256
}

async fn tidy(app: &App) {
    let mut rounds = tokio::time::interval(ROUND);
    loop {
        rounds.tick().await;
        finish(app, "expire", expire(app).await);
        finish(app, "purge", purge(app).await);
    }
}

async fn keep_copies(app: &App) {
    if app.second_copy.is_none() {
        return;
    }
    let mut rounds = tokio::time::interval(ROUND);
    loop {
        rounds.tick().await;
        finish(app, "copy", copy(app).await.map(drop));
    }
}

async fn find_orphans(app: &App) {
    let mut rounds = tokio::time::interval(ORPHAN_ROUND);
    loop {
        rounds.tick().await;
        finish(app, "orphans", sweep_orphans(app).await.map(drop));
    }
}

/// Of the audit: anchors, verification, what is unusual.
async fn prove(app: &App) {
    let mut rounds = tokio::time::interval(AUDIT_ROUND);
    loop {
        rounds.tick().await;
        finish(app, "anchor", audit::anchor(app).await);
        finish(app, "verify", audit::watch(app).await);
        finish(app, "rules", audit::judge(app).await);
    }
}

/// Notes when a job last did all that was due.
fn note(app: &App, job: &'static str, outcome: Result<(), JobError>) -> Result<(), JobError> {
    if outcome.is_ok() {
        app.metrics.job_succeeded(job, app.clock.now().as_unix());
    }
    outcome
}

/// The same in the loop, where nobody but the log hears of a failure.
fn finish(app: &App, job: &'static str, outcome: Result<(), JobError>) {
    if let Err(error) = note(app, job, outcome) {
        tracing::error!(job, %error, "a job did not finish; it is tried again");
    }
}

/// Takes a renewed certificate into use.
pub fn renew_certificate(app: &App) {
    match app.certificate.as_ref().map(|certificate| certificate.renew()) {
        None | Some(Ok(false)) => {}
        Some(Ok(true)) => tracing::info!("the renewed certificate is in use"),
        Some(Err(error)) => tracing::error!(%error, "the certificate before stays in use"),
    }
}

/// Does everything that is due now but what [`audit`] is for, one job after the other. What fails holds up nothing else.
///
/// # Errors
/// The first [`JobError`]; what failed is due again.
pub async fn settle(app: &App) -> Result<(), JobError> {
    let done = [
        ("expire", expire(app).await),
        ("mail", send_outbox(app).await),
        ("copy", copy(app).await.map(drop)),
        ("purge", purge(app).await),
    ];
    done.into_iter().map(|(job, outcome)| note(app, job, outcome)).fold(Ok(()), Result::and)
}

/// Ends what time has ended, tells senders whose transfers end within a day unopened, and forgets sessions, codes,
/// tickets and counts that are over.
///
/// # Errors
/// [`JobError`].
pub async fn expire(app: &App) -> Result<(), JobError> {
    let now = app.clock.now();
    app.store.end_overdue(now, make_name).await?;
    app.store.warn_expiring(now, make_name).await?;
    app.store.forget_old(now).await?;
    Ok(())
}

/// Purges everything that is over, and objects that drafts gave up. A transfer whose bytes cannot be removed now holds up no other.
///
/// # Errors
/// [`JobError`], the first one; what failed is due again.
pub async fn purge(app: &App) -> Result<(), JobError> {
    let mut outcome = Ok(());
    for replaced in app.store.list_replaced().await? {
        outcome = outcome.and(purge_replaced(app, &replaced).await);
    }
    for over in app.store.list_purgeable(app.clock.now()).await? {
        outcome = outcome.and(purge_one(app, &over).await);
    }
    outcome.and(app.store.clean_log().await.map_err(Into::into))
}

/// Hands over every mail whose turn it is.
///
/// # Errors
/// [`JobError`].
pub async fn send_outbox(app: &App) -> Result<(), JobError> {
    let outcome = loop {
        match send_next_mail(app).await {
            Ok(Step::Done) => {}
            Ok(Step::Idle) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    app.mailer.rest().await;
    outcome
}

/// Removes the bytes of one transfer that is over, from every store. Its row has said so before, and its keys went with
/// that.
async fn purge_one(app: &App, over: &Purgeable) -> Result<(), JobError> {
    // A store that is away keeps no other one from letting go.
    let mut outcome = Ok(());
    for object_id in &over.objects {
        for store in app.stores() {
            outcome = outcome.and(store.delete_object(object_id).await);
        }
    }
    outcome?;
    let entry = AuditEntry::by_system(Event::Purged, over.transfer_id, app.clock.now());
    Ok(app.store.mark_purged(&over.transfer_id, &entry).await?)
}

/// Removes the bytes of an object that its draft gave up. No part of it counts since it was.
async fn purge_replaced(app: &App, object_id: &ObjectId) -> Result<(), JobError> {
    app.blobs.delete_object(object_id).await?;
    Ok(app.store.mark_replaced_purged(object_id, app.clock.now()).await?)
}

/// Removes bytes that no row knows, from every store. Rows come before bytes, so these are left over from a crash. Returns
/// how many objects went.
///
/// # Errors
/// [`JobError`], the first one.
pub async fn sweep_orphans(app: &App) -> Result<usize, JobError> {
    let mut swept = Ok(0);
    for store in app.stores() {
        let found = sweep_store(app, store).await;
        swept = swept.and_then(|before| Ok(before + found?));
    }
    swept
}

async fn sweep_store(app: &App, store: &Blobs) -> Result<usize, JobError> {
    let mut swept = 0;
    for object_id in store.list_objects().await? {
        if !app.store.knows_object(&object_id).await? {
            store.delete_object(&object_id).await?;
            swept += 1;
        }
    }
    Ok(swept)
}

/// Hands over the mail whose turn it is. A crash between the hand-over and its row sends the same mail, with the same
/// id and link, once more; never a third time without a third crash.
///
/// # Errors
/// [`JobError`].
pub async fn send_next_mail(app: &App) -> Result<Step, JobError> {
    let now = app.clock.now();
    let Some(queued) = app.store.claim_mail(now, now.plus(MAIL_LEASE), now.plus(LONGEST_RETRY)).await? else {
        return Ok(Step::Idle);
    };
    let subject = match &queued.transfer_id {
        Some(id) => app.store.find_mail_subject(id).await?,
        None => None,
    };
    if queued.give_up_at <= now {
        refuse(app, &queued, "the mail could not leave in time", now).await?;
        return Ok(Step::Done);
    }
    let is_needed = is_needed(app, &queued, now).await?;
    let letter = make_letter(app, &queued, subject.as_ref()).filter(|_| is_needed);
    let (Some(letter), Ok(id)) = (letter, MailId::parse(&queued.mail_id)) else {
        app.store.drop_mail(&queued.mail_id).await?;
        return Ok(Step::Done);
    };
    let outgoing =
        OutgoingMail { id, from: app.mail_from.clone(), to: queued.recipient.clone(), date: queued.created_at, letter };
    match app.mailer.send(&outgoing).await {
        Ok(()) => {
            let entry = mail_entry(&queued, Event::MailAccepted, now, "");
            app.store.mark_mail_accepted(&queued, entry.as_ref()).await?;
        }
        Err(MailError::Temporary(reason)) => postpone(app, &queued, &reason, now).await?,
        Err(MailError::Refused(reason)) => refuse(app, &queued, &reason, now).await?,
    }
    Ok(Step::Done)
}

/// Whether a code is of use to whom it is mailed. Asked here and not when it was asked for: nobody can tell from that answer, nor
/// from the time it took, whether the address may sign in or whether anything waits for it.
async fn is_needed(app: &App, queued: &QueuedMail, now: Timestamp) -> Result<bool, JobError> {
    match queued.kind {
        MailKind::MineCode => Ok(app.store.has_waiting(&account_key(queued), now).await?),
        MailKind::SignInCode => {
            let Ok(email) = EmailAddress::parse(&queued.recipient, "email") else { return Ok(false) };
            Ok(app.admits_by_code(&email).await?)
        }
        _ => Ok(true),
    }
}

async fn postpone(app: &App, queued: &QueuedMail, reason: &str, now: Timestamp) -> Result<(), JobError> {
    tracing::warn!(kind = ?queued.kind, tries = queued.tries, reason = without_addresses(reason), "a mail was not taken yet");
    let doublings = u32::try_from(queued.tries - 1).unwrap_or(0).min(20);
    let next = now.plus(FIRST_RETRY.saturating_mul(1 << doublings).min(LONGEST_RETRY));
    if next < queued.give_up_at {
        Ok(app.store.postpone_mail(&queued.mail_id, next).await?)
    } else {
        refuse(app, queued, &format!("the mail server did not take it in time; last it said: {reason}"), now).await
    }
}

async fn refuse(app: &App, queued: &QueuedMail, reason: &str, now: Timestamp) -> Result<(), JobError> {
    tracing::warn!(kind = ?queued.kind, tries = queued.tries, reason = without_addresses(reason), "a mail was refused");
    // What another server says is kept as it may be shown: one harmless line.
    let reason = Line::from(reason).to_string();
    let entry = mail_entry(queued, Event::MailRefused, now, &reason);
    Ok(app.store.mark_mail_refused(queued, &reason, entry.as_ref(), &make_name()?).await?)
}

/// Mail servers like to repeat the address in their answer, and filters the link; the log must not have them.
fn without_addresses(reason: &str) -> String {
    let is_address = |word: &str| word.contains(['@', '#']) || word.contains("://");
    let words = reason.split_whitespace().map(|word| if is_address(word) { "<address>" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// Only the mail with the link is an event of its transfer.
fn mail_entry(queued: &QueuedMail, event: Event, now: Timestamp, detail: &str) -> Option<AuditEntry> {
    let id = queued.transfer_id.filter(|_| queued.kind == MailKind::TransferLink)?;
    Some(AuditEntry { detail: detail.to_owned(), ..AuditEntry::by_system(event, id, now) })
}

/// Puts a queued mail into words; `None` if nobody needs it any more.
fn make_letter(app: &App, queued: &QueuedMail, subject: Option<&MailSubject>) -> Option<Letter> {
    let sent_url = format!("{}/sent", app.config.public_url.origin());
    if matches!(queued.kind, MailKind::SignInCode | MailKind::MineCode | MailKind::MailboxCode) {
        return make_code_letter(app, queued, subject);
    }
    match queued.kind {
        MailKind::AuditAnchor => {
            return Some(Letter::AuditAnchor(mail::AuditAnchor { anchor: queued.reason.clone()? }));
        }
        MailKind::AuditFlag => {
            let audit_url = format!("{}/audit", app.config.public_url.origin());
            return Some(Letter::AuditFlag(mail::AuditFlag {
                told: Line::from(queued.reason.as_deref()?),
                found_at: queued.created_at,
                audit_url,
            }));
        }
        MailKind::Invitation => {
            return Some(Letter::Invitation(mail::Invitation {
                address: Line::from(queued.recipient.as_str()),
                expires_at: queued.created_at.plus(INVITATION_LIFETIME),
                sign_in_url: format!("{}/", app.config.public_url.origin()),
            }));
        }
        MailKind::AccountNotice => {
            let account_url = format!("{}/account", app.config.public_url.origin());
            let what = Line::from(queued.reason.as_deref()?);
            let happened_at = queued.created_at;
            return Some(Letter::AccountNotice(mail::AccountNotice { what, happened_at, account_url }));
        }
        _ => {}
    }
    let subject = subject?;
    let recipient = Line::from(subject.recipient.as_str());
    Some(match queued.kind {
        MailKind::SignInCode
        | MailKind::MineCode
        | MailKind::MailboxCode
        | MailKind::AuditAnchor
        | MailKind::AuditFlag
        | MailKind::Invitation
        | MailKind::AccountNotice => return None,
        MailKind::TransferLink => return make_link_letter(app, queued, subject),
        MailKind::Opened => Letter::Opened(mail::Opened { recipient, opened_at: queued.created_at, sent_url }),
        MailKind::WrongPasscodes => {
            let log_url = format!("{sent_url}/{}", queued.transfer_id?);
            Letter::WrongPasscodes(mail::WrongPasscodes { recipient, tried_at: queued.created_at, log_url })
        }
        MailKind::Refused => {
            let reason = Line::from(queued.reason.as_deref().unwrap_or("no reason was given"));
            Letter::Refused(mail::Refused { recipient, reason, sent_url })
        }
        MailKind::ExpiringUnopened => {
            Letter::ExpiringUnopened(mail::ExpiringUnopened { recipient, expires_at: subject.expires_at, sent_url })
        }
        MailKind::ExpiredUnopened => {
            Letter::ExpiredUnopened(mail::ExpiredUnopened { recipient, expired_at: subject.expires_at, sent_url })
        }
    })
}

/// A mail with a code: for a transfer only while that can be opened.
fn make_code_letter(app: &App, queued: &QueuedMail, subject: Option<&MailSubject>) -> Option<Letter> {
    let code = unseal(app, queued)?;
    let code = Secret::from(std::str::from_utf8(&code).ok()?);
    let valid_minutes = u32::try_from(CODE_LIFETIME / 60).ok()?;
    let sender_name = match queued.kind {
        MailKind::SignInCode => return Some(Letter::SignInCode(mail::SignInCode { code, valid_minutes })),
        MailKind::MailboxCode => {
            Some(Line::from(&subject.filter(|subject| subject.state == State::Ready)?.sender_name))
        }
        _ => None,
    };
    Some(Letter::MailboxCode(mail::MailboxCode { code, valid_minutes, sender_name }))
}

/// The key of the address that a mail goes to.
fn account_key(queued: &QueuedMail) -> String {
    queued.recipient.to_ascii_lowercase()
}

/// The mail with the link: only for a transfer that can be opened, and only the current link.
fn make_link_letter(app: &App, queued: &QueuedMail, subject: &MailSubject) -> Option<Letter> {
    if subject.state != State::Ready || subject.mail_id.as_deref() != Some(&queued.mail_id) {
        return None;
    }
    let token = LinkToken::from_bytes(unseal(app, queued)?.as_slice().try_into().ok()?);
    let link = make_link(app.config.public_url.origin(), &token, queued.transfer_id.as_ref()?);
    Some(Letter::TransferLink(mail::TransferLink {
        link: Secret::from(link.as_str()),
        sender_name: Line::from(subject.sender_name.as_str()),
        organisation: Line::from(subject.organisation.as_str()),
        recipient_kind: subject.recipient_kind,
        expires_at: subject.expires_at,
        mine_url: format!("{}/mine", app.config.public_url.origin()),
    }))
}

/// A secret that does not open was sealed under another server key: the mail can never be sent.
fn unseal(app: &App, queued: &QueuedMail) -> Option<zeroize::Zeroizing<Vec<u8>>> {
    app.keys
        .unseal(Purpose::Outbox, &queued.mail_id, queued.secret.as_deref()?)
        .inspect_err(|error| tracing::error!(%error, "a mail is dropped"))
        .ok()
}
