//! Mail leaves: the one whose turn it is is taken, put into words, handed over, and forgotten with its secret.
//!
//! Whether anybody still needs it is asked here, when its turn has come, not when it was queued.

use super::JobError;
use crate::app::App;
use crate::keys::{Purpose, make_name};
use crate::mail::{self, Letter, Line, MailError, MailId, OutgoingMail, Secret};
use crate::people::{CODE_LIFETIME, EmailAddress, INVITATION_LIFETIME};
use crate::store::{AuditEntry, Event, MailKind, MailSubject, QueuedMail};
use crate::transfer::make_link;
use protocol::transfers::State;
use protocol::{LinkToken, Timestamp};

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
        MailKind::MineCode => Ok(app.store.has_waiting(&queued.recipient.to_ascii_lowercase(), now).await?),
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
    let at = |path: &str| format!("{}{path}", app.config.public_url.origin());
    let recipient = || Some(Line::from(subject?.recipient.as_str()));
    Some(match queued.kind {
        MailKind::SignInCode | MailKind::MineCode | MailKind::MailboxCode => {
            return make_code_letter(app, queued, subject);
        }
        MailKind::TransferLink => return make_link_letter(app, queued, subject?),
        MailKind::Invitation => Letter::Invitation(mail::Invitation {
            address: Line::from(queued.recipient.as_str()),
            expires_at: queued.created_at.plus(INVITATION_LIFETIME),
            sign_in_url: at("/"),
        }),
        MailKind::AccountNotice => Letter::AccountNotice(mail::AccountNotice {
            what: Line::from(queued.reason.as_deref()?),
            happened_at: queued.created_at,
            account_url: at("/account"),
        }),
        MailKind::AuditAnchor => Letter::AuditAnchor(mail::AuditAnchor { anchor: queued.reason.clone()? }),
        MailKind::AuditFlag => Letter::AuditFlag(mail::AuditFlag {
            told: Line::from(queued.reason.as_deref()?),
            found_at: queued.created_at,
            audit_url: at("/audit"),
        }),
        MailKind::Opened => Letter::Opened(mail::Opened {
            recipient: recipient()?,
            opened_at: queued.created_at,
            sent_url: at("/sent"),
        }),
        MailKind::WrongPasscodes => Letter::WrongPasscodes(mail::WrongPasscodes {
            recipient: recipient()?,
            tried_at: queued.created_at,
            log_url: at(&format!("/sent/{}", queued.transfer_id?)),
        }),
        MailKind::Refused => Letter::Refused(mail::Refused {
            recipient: recipient()?,
            reason: Line::from(queued.reason.as_deref().unwrap_or("no reason was given")),
            sent_url: at("/sent"),
        }),
        MailKind::ExpiringUnopened => Letter::ExpiringUnopened(mail::ExpiringUnopened {
            recipient: recipient()?,
            expires_at: subject?.expires_at,
            sent_url: at("/sent"),
        }),
        MailKind::ExpiredUnopened => Letter::ExpiredUnopened(mail::ExpiredUnopened {
            recipient: recipient()?,
            expired_at: subject?.expires_at,
            sent_url: at("/sent"),
        }),
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
