//! Mail as it is queued: in the transaction that makes it true. `deliveries` takes it from here.

use super::Result;
use crate::people::EmailAddress;
use protocol::{Timestamp, TransferId};
use sqlx::AnyConnection;

/// Seconds during which a mail is tried again (RFC 5321 §4.5.4.1 asks for days; a link is of no use much later).
pub const GIVE_UP_AFTER: i64 = 48 * 60 * 60;

/// What a mail says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailKind {
    /// To someone who wants to sign in.
    SignInCode,
    /// To the recipient of a transfer that is being opened.
    MailboxCode,
    /// To someone who wants to see what waits for them.
    MineCode,
    /// To someone who was given an account.
    Invitation,
    /// To the recipient.
    TransferLink,
    /// To the sender: it was opened.
    Opened,
    /// To the sender: several wrong passcodes were tried.
    WrongPasscodes,
    /// To the sender: the mail with the link was refused.
    Refused,
    /// To the sender: it ends soon, unopened.
    ExpiringUnopened,
    /// To the sender: it ended, unopened.
    ExpiredUnopened,
    /// To an auditor: where the audit's chain ends, signed.
    AuditAnchor,
    /// To an auditor: a rule found something unusual.
    AuditFlag,
    /// To an account's owner: how it signs in has changed, or somebody signed in.
    AccountNotice,
}

impl MailKind {
    pub(super) const ALL: [Self; 13] = [
        Self::SignInCode,
        Self::MailboxCode,
        Self::MineCode,
        Self::Invitation,
        Self::TransferLink,
        Self::Opened,
        Self::WrongPasscodes,
        Self::Refused,
        Self::ExpiringUnopened,
        Self::ExpiredUnopened,
        Self::AuditAnchor,
        Self::AuditFlag,
        Self::AccountNotice,
    ];

    /// As it stands in the database.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::SignInCode => "sign_in_code",
            Self::MailboxCode => "mailbox_code",
            Self::MineCode => "mine_code",
            Self::Invitation => "invitation",
            Self::TransferLink => "transfer_link",
            Self::Opened => "opened",
            Self::WrongPasscodes => "wrong_passcodes",
            Self::Refused => "refused",
            Self::ExpiringUnopened => "expiring_unopened",
            Self::ExpiredUnopened => "expired_unopened",
            Self::AuditAnchor => "audit_anchor",
            Self::AuditFlag => "audit_flag",
            Self::AccountNotice => "account_notice",
        }
    }
}

/// A mail to be queued.
#[derive(Debug, Clone)]
pub struct NewMail {
    /// Random; stays the same over all tries.
    pub mail_id: String,
    /// What it says.
    pub kind: MailKind,
    /// To whom.
    pub recipient: String,
    /// About which transfer.
    pub transfer_id: Option<TransferId>,
    /// The link's token or the code, sealed under the server key.
    pub secret: Option<String>,
    /// Until when it makes sense.
    pub give_up_at: Timestamp,
}

impl NewMail {
    /// The mail that tells somebody of their account.
    pub fn invitation(mail_id: String, email: &EmailAddress, now: Timestamp) -> Self {
        Self {
            mail_id,
            kind: MailKind::Invitation,
            recipient: email.to_string(),
            transfer_id: None,
            secret: None,
            give_up_at: now.plus(GIVE_UP_AFTER),
        }
    }
}

/// Puts a mail into the outbox, within the transaction that makes it true.
pub(super) async fn queue(connection: &mut AnyConnection, mail: &NewMail, now: Timestamp) -> Result<()> {
    sqlx::query(
        "INSERT INTO outbox (mail_id, kind, recipient, transfer_id, secret, created_at, give_up_at, next_try_at, tries)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $6, 0)",
    )
    .bind(mail.mail_id.as_str())
    .bind(mail.kind.text())
    .bind(mail.recipient.as_str())
    .bind(mail.transfer_id.map(|id| id.to_text()))
    .bind(mail.secret.as_deref())
    .bind(now.as_unix())
    .bind(mail.give_up_at.as_unix())
    .execute(connection)
    .await?;
    Ok(())
}

/// A mail to an account's owner.
#[derive(Debug, Clone)]
pub struct AccountNotice {
    /// Random; stays the same over all tries.
    pub mail_id: String,
    /// What happened, in one sentence.
    pub what: String,
}

/// Tells an account's owner what happened to it, within the transaction in which it does.
pub(super) async fn queue_account_notice(
    connection: &mut AnyConnection,
    account_id: &str,
    notice: &AccountNotice,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO outbox (mail_id, kind, recipient, reason, created_at, give_up_at, next_try_at, tries)
         SELECT $1, $2, email, $4, $5, $6, $5, 0 FROM accounts WHERE account_id = $3",
    )
    .bind(notice.mail_id.as_str())
    .bind(MailKind::AccountNotice.text())
    .bind(account_id)
    .bind(notice.what.as_str())
    .bind(now.as_unix())
    .bind(now.plus(GIVE_UP_AFTER).as_unix())
    .execute(connection)
    .await?;
    Ok(())
}

/// Puts a notice to a transfer's sender into the outbox. Openings are told only to those who asked.
pub(super) async fn queue_notice(
    connection: &mut AnyConnection,
    kind: MailKind,
    mail_id: &str,
    transfer_id: &str,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO outbox (mail_id, kind, recipient, transfer_id, reason, created_at, give_up_at, next_try_at, tries)
         SELECT $1, $2, a.email, t.transfer_id, $4, $5, $6, $5, 0
         FROM transfers t JOIN accounts a ON a.account_id = t.account_id
         WHERE t.transfer_id = $3 AND ($2 <> 'opened' OR t.notify_opened = 1)",
    )
    .bind(mail_id)
    .bind(kind.text())
    .bind(transfer_id)
    .bind(reason)
    .bind(now.as_unix())
    .bind(now.plus(GIVE_UP_AFTER).as_unix())
    .execute(connection)
    .await?;
    Ok(())
}

/// Puts a mail to an auditor into the outbox.
pub(super) async fn queue_for_auditor(
    connection: &mut AnyConnection,
    kind: MailKind,
    mail_id: &str,
    recipient: &str,
    told: &str,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO outbox (mail_id, kind, recipient, reason, created_at, give_up_at, next_try_at, tries)
         VALUES ($1, $2, $3, $4, $5, $6, $5, 0)",
    )
    .bind(mail_id)
    .bind(kind.text())
    .bind(recipient)
    .bind(told)
    .bind(now.as_unix())
    .bind(now.plus(GIVE_UP_AFTER).as_unix())
    .execute(connection)
    .await?;
    Ok(())
}
