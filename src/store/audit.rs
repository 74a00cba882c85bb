//! The audit: who did what, when, from where. Rows are only ever appended, in the transaction of what they tell, and each is
//! chained to the one before (`crate::audit`).

use super::{Result, Store, damaged, to_time};
use crate::audit::{CUT, RESTORED, Row, derive_hash, genesis};
use protocol::transfers::LogEntry;
use protocol::{Sha256Digest, Timestamp, TransferId};
use sqlx::AnyConnection;

/// What happened; the text is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Someone signed in.
    SessionStarted,
    /// Someone signed out.
    SessionEnded,
    /// Someone ended all their other sessions.
    OtherSessionsEnded,
    /// Someone made an access token.
    TokenMade,
    /// Someone revoked one.
    TokenRevoked,
    /// A second step was shown.
    FactorUsed,
    /// A second step that proves nothing was refused.
    FactorRefused,
    /// A factor was set up.
    FactorAdded,
    /// A factor got another name.
    FactorRenamed,
    /// A factor was removed.
    FactorRemoved,
    /// All factors of an account were removed by the operator.
    FactorsReset,
    /// New recovery codes were made; those before are worthless.
    RecoveryCodesMade,
    /// A recovery code took the place of a factor.
    RecoveryCodeUsed,
    /// Somebody's identity at the provider of single sign-on was bound to an account.
    IdentityBound,
    /// An account's identities were taken from it.
    IdentityUnbound,
    /// A wrong sign-in code was typed, or a provider's word was not taken.
    SignInRefused,
    /// Someone proved their address on the page for what waits for them.
    MineStarted,
    /// They left it.
    MineEnded,
    /// A wrong code was typed there.
    MineRefused,
    /// A sender changed their name or organisation.
    ProfileChanged,
    /// Somebody was given an account before they signed in.
    PersonInvited,
    /// What somebody may do, when, or in which department was changed.
    PersonChanged,
    /// Somebody was taken off at once.
    PersonDisabled,
    /// That was taken back.
    PersonEnabled,
    /// Somebody became the first administrator by the link on the console.
    FirstAdministrator,
    /// A draft was made.
    Created,
    /// A file of a draft started again under a new key, in a new object.
    Restarted,
    /// A draft was sealed and its mail queued.
    Sealed,
    /// A new link was made and mailed; the old one is dead.
    Resent,
    /// The mail server took the mail with the link.
    MailAccepted,
    /// The mail server refused the mail with the link, or took none for two days.
    MailRefused,
    /// A code was mailed to the recipient, because someone wants to open the transfer.
    MailboxAsked,
    /// That code was typed.
    MailboxProven,
    /// A wrong code was typed instead.
    MailboxRefused,
    /// The transfer was unlocked; one opening is spent.
    Opened,
    /// A wrong passcode was refused.
    Refused,
    /// The recipient's client verified what it fetched.
    Received,
    /// The sender ended it.
    Revoked,
    /// Its time ran out.
    Expired,
    /// Its openings were spent and the last ticket ran out.
    UsedUp,
    /// Its bytes and keys were removed.
    Purged,
    /// The rows of a backup took the place of those that were there.
    Restored,
    /// Rows of the audit that are older than they are kept were removed.
    AuditCut,
    /// A rule found something unusual.
    Flagged,
}

impl Event {
    /// Its stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SessionStarted => "session.started",
            Self::SessionEnded => "session.ended",
            Self::OtherSessionsEnded => "session.others_ended",
            Self::TokenMade => "token.made",
            Self::TokenRevoked => "token.revoked",
            Self::FactorUsed => "factor.used",
            Self::FactorRefused => "factor.refused",
            Self::FactorAdded => "factor.added",
            Self::FactorRenamed => "factor.renamed",
            Self::FactorRemoved => "factor.removed",
            Self::FactorsReset => "factor.all_removed",
            Self::RecoveryCodesMade => "recovery_codes.made",
            Self::RecoveryCodeUsed => "recovery_code.used",
            Self::IdentityBound => "identity.bound",
            Self::IdentityUnbound => "identity.unbound",
            Self::SignInRefused => "sign_in.refused",
            Self::MineStarted => "mine.started",
            Self::MineEnded => "mine.ended",
            Self::MineRefused => "mine.refused",
            Self::ProfileChanged => "profile.changed",
            Self::PersonInvited => "person.invited",
            Self::PersonChanged => "person.changed",
            Self::PersonDisabled => "person.disabled",
            Self::PersonEnabled => "person.enabled",
            Self::FirstAdministrator => "person.first_administrator",
            Self::Created => "transfer.created",
            Self::Restarted => "transfer.file_restarted",
            Self::Sealed => "transfer.sealed",
            Self::Resent => "transfer.resent",
            Self::MailAccepted => "mail.accepted",
            Self::MailRefused => "mail.refused",
            Self::MailboxAsked => "mailbox.asked",
            Self::MailboxProven => "mailbox.proven",
            Self::MailboxRefused => "mailbox.refused",
            Self::Opened => "transfer.opened",
            Self::Refused => "transfer.refused",
            Self::Received => "transfer.received",
            Self::Revoked => "transfer.revoked",
            Self::Expired => "transfer.expired",
            Self::UsedUp => "transfer.used_up",
            Self::Purged => "transfer.purged",
            Self::Restored => RESTORED,
            Self::AuditCut => CUT,
            Self::Flagged => "audit.flagged",
        }
    }
}

/// What stands before the name of an access token, last in a row's detail.
const BY_TOKEN: &str = "by the access token ";

/// One row to be appended.
#[derive(Debug, Clone)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: Event,
    /// Who: an account's address, `recipient`, `operator` (the command line), `unknown` (back from a provider, not named), or
    /// `system`.
    pub actor: String,
    /// The access token by which they did it, by its name; the row tells it with the detail.
    pub token: Option<String>,
    /// About which transfer.
    pub transfer_id: Option<TransferId>,
    /// From which network address, if a request caused it.
    pub address: Option<String>,
    /// What else matters. The transfer's sender reads it in the log, so never a secret.
    pub detail: String,
}

impl AuditEntry {
    /// What somebody did; everything else is for the caller to add.
    pub fn by(actor: &str, event: Event, at: Timestamp) -> Self {
        let actor = actor.to_owned();
        Self { at, event, actor, token: None, transfer_id: None, address: None, detail: String::new() }
    }

    /// Something that the server did by itself to a transfer.
    pub fn by_system(event: Event, transfer_id: TransferId, at: Timestamp) -> Self {
        Self { transfer_id: Some(transfer_id), ..Self::by("system", event, at) }
    }

    /// What the row says besides who, what and where.
    fn told(&self) -> String {
        let by = self.token.as_ref().map(|name| format!("{BY_TOKEN}“{name}”"));
        let parts = Some(self.detail.clone()).filter(|detail| !detail.is_empty()).into_iter().chain(by);
        parts.collect::<Vec<_>>().join("; ")
    }
}

/// Appends a row: the last that a transaction does. Numbers have no gap, and are in the order in which their transactions
/// are committed: the writer that has changed the head takes the next one, and all others wait for it.
pub(super) async fn append(connection: &mut AnyConnection, entry: &AuditEntry) -> Result<()> {
    let (seq, previous): (i64, String) = sqlx::query_as(
        "INSERT INTO audit_head (head_id, seq, hash, cut_seq, cut_hash, anchor_day) VALUES (1, 1, $1, 0, $1, 0)
         ON CONFLICT (head_id) DO UPDATE SET seq = audit_head.seq + 1 RETURNING seq, hash",
    )
    .bind(genesis().to_text())
    .fetch_one(&mut *connection)
    .await?;
    let previous = Sha256Digest::parse(&previous).map_err(|_| damaged("head of the audit"))?;
    let row = Row {
        seq,
        at: entry.at,
        event: entry.event.name().to_owned(),
        actor: entry.actor.clone(),
        transfer_id: entry.transfer_id.map(|id| id.to_text()),
        address: entry.address.clone(),
        detail: entry.told(),
    };
    let hash = derive_hash(&previous, &row).to_text();
    sqlx::query(
        "INSERT INTO audit (seq, at, event, actor, transfer_id, address, detail, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(row.seq)
    .bind(row.at.as_unix())
    .bind(row.event)
    .bind(row.actor)
    .bind(row.transfer_id)
    .bind(row.address)
    .bind(row.detail)
    .bind(hash.as_str())
    .execute(&mut *connection)
    .await?;
    sqlx::query("UPDATE audit_head SET hash = $1 WHERE head_id = 1").bind(hash).execute(connection).await?;
    Ok(())
}

impl Store {
    /// Writes down an event that changed nothing else, such as a refused sign-in.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn record(&self, entry: &AuditEntry) -> Result<()> {
        let mut transaction = self.begin().await?;
        append(&mut transaction, entry).await?;
        Ok(transaction.commit().await?)
    }

    /// All that happened to a transfer, oldest first, as `sender`, the address of who sent it, may see it.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn list_events(&self, transfer_id: &TransferId, sender: &str) -> Result<Vec<LogEntry>> {
        let rows: Vec<(i64, String, String, Option<String>, String)> =
            sqlx::query_as("SELECT at, event, actor, address, detail FROM audit WHERE transfer_id = $1 ORDER BY seq")
                .bind(transfer_id.to_text())
                .fetch_all(&self.reads)
                .await?;
        // From where an administrator came, and with which of their programs, is the auditors' business, not the sender's.
        let entry = |(at, event, actor, address, detail): (i64, String, String, Option<String>, String)| {
            let is_theirs = actor == "recipient" || actor == sender;
            let (before, _) = detail.split_once(BY_TOKEN).filter(|_| !is_theirs).unwrap_or((&detail, ""));
            let detail = before.trim_end_matches("; ").to_owned();
            LogEntry { at: to_time(at), event, actor, address: address.filter(|_| is_theirs), detail }
        };
        Ok(rows.into_iter().map(entry).collect())
    }
}
