//! Links, unlocking, and wrong passcodes.

use super::audit::{AuditEntry, append};
use super::locks::lock_transfer;
use super::mailboxes::{MailboxSessions, mailbox_is_proven};
use super::outbox::{MailKind, queue_notice};
use super::{Result, Store, damaged, to_text, to_time, to_u32, to_u64};
use crate::people::EmailAddress;
use crate::transfer::{Failures, PauseRule, WARN_AGAIN_AFTER, parse_kind};
use protocol::transfers::{ObjectEntry, RecipientKind};
use protocol::{ObjectId, Timestamp, TransferId};
use sqlx::{Any, FromRow, Transaction};

/// A ready transfer, as whoever holds its link meets it.
#[derive(Debug, Clone)]
pub struct LinkedTransfer {
    /// SHA-256 of the current link's token, as text.
    pub token_hash: String,
    /// Whom it was sent to.
    pub recipient: EmailAddress,
    /// Whether its sender wants a code from the recipient's mailbox before the passcode.
    pub mailbox_code: bool,
    /// What the passcode's proof is checked with, as text.
    pub verifier: String,
    /// Wrapped under the transfer's key.
    pub capsule: String,
    /// The transfer's key under the server key.
    pub wrapped_key: String,
    /// When the link stops working; may have passed already.
    pub expires_at: Timestamp,
    /// Whose words are used.
    pub recipient_kind: RecipientKind,
    /// As the sender gave it.
    pub sender_name: String,
    /// As the sender gave it.
    pub organisation: String,
}

#[derive(FromRow)]
struct LinkedRow {
    transfer_id: String,
    token_hash: String,
    recipient_email: String,
    mailbox_code: i64,
    verifier: String,
    capsule: String,
    wrapped_key: String,
    expires_at: i64,
    recipient_kind: String,
    name: String,
    organisation: String,
}

/// Reads a [`LinkedRow`] of a transfer that can be opened.
macro_rules! linked_where {
    ($condition:literal) => {
        concat!(
            "SELECT t.transfer_id, t.token_hash, t.recipient_email, t.mailbox_code, t.verifier, s.capsule, k.wrapped_key, t.expires_at,
                 t.recipient_kind, a.name, a.organisation
             FROM transfers t JOIN accounts a ON a.account_id = t.account_id
             JOIN sealed s ON s.transfer_id = t.transfer_id JOIN transfer_keys k ON k.transfer_id = t.transfer_id
             WHERE ",
            $condition,
            " AND t.state = 'ready' AND t.openings < t.max_openings"
        )
    };
}

/// One attempt to unlock.
#[derive(Debug)]
pub struct Attempt<'a> {
    /// Which transfer.
    pub transfer_id: &'a TransferId,
    /// The client's network, as it is counted.
    pub network: &'a str,
}

impl Attempt<'_> {
    fn scopes(&self) -> [(String, PauseRule); 2] {
        [
            (format!("transfer {}", self.transfer_id), PauseRule::TRANSFER),
            (format!("network {}", self.network), PauseRule::NETWORK),
        ]
    }
}

/// What a right passcode writes down.
#[derive(Debug)]
pub struct NewOpening<'a> {
    /// SHA-256 of the link's token; none for an opening right, which rests on a proven mailbox alone.
    pub token_hash: Option<&'a [u8; 32]>,
    /// One of which must prove the recipient's mailbox; none where that is not asked for.
    pub mailbox: Option<&'a MailboxSessions>,
    /// SHA-256 of the new ticket.
    pub ticket_hash: &'a [u8; 32],
    /// Until when the ticket lasts.
    pub ticket_until: Timestamp,
    /// Names the notice to the sender, if they asked for one.
    pub notice_id: &'a str,
}

/// What an opening hands out, besides the capsule.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The sealed manifest, as text.
    pub manifest: String,
    /// What may be fetched, in order.
    pub objects: Vec<ObjectEntry>,
}

/// What a wrong passcode led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrongPasscode {
    /// It is counted.
    Counted(Failures),
    /// A pause is on; it was not even looked at.
    Paused(Timestamp),
}

impl Store {
    /// The transfer that a link with this token leads to, or without one an opening right, if it is ready and has openings left.
    /// Whether its time is over is for the caller to check, who also compares the token's hash in constant time.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn find_linked(
        &self,
        transfer_id: &TransferId,
        token_hash: Option<&[u8; 32]>,
    ) -> Result<Option<LinkedTransfer>> {
        let id = transfer_id.to_text();
        // A wrong token finds nothing, whatever there is of its transfer: what a row takes to be read would tell of it.
        let (query, key) = match token_hash {
            Some(hash) => (linked_where!("t.token_hash = $1"), to_text(hash)),
            None => (linked_where!("t.transfer_id = $1"), id.clone()),
        };
        let row: Option<LinkedRow> = sqlx::query_as(query).bind(key).fetch_optional(&self.reads).await?;
        let Some(row) = row.filter(|row| row.transfer_id == id) else { return Ok(None) };
        Ok(Some(LinkedTransfer {
            token_hash: row.token_hash,
            recipient: EmailAddress::parse(&row.recipient_email, "email").map_err(|_| damaged("address"))?,
            mailbox_code: row.mailbox_code != 0,
            verifier: row.verifier,
            capsule: row.capsule,
            wrapped_key: row.wrapped_key,
            expires_at: to_time(row.expires_at),
            recipient_kind: parse_kind(&row.recipient_kind).ok_or_else(|| damaged("kind"))?,
            sender_name: row.name,
            organisation: row.organisation,
        }))
    }

    /// Until when attempts have to wait, if a pause is on.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn find_pause(&self, attempt: &Attempt<'_>, now: Timestamp) -> Result<Option<Timestamp>> {
        let [(transfer, _), (network, _)] = attempt.scopes();
        // A pause from the future was set before the clock was set back, and is forgotten.
        let (until,): (Option<i64>,) = sqlx::query_as(
            "SELECT MAX(paused_until) FROM passcode_failures
             WHERE scope IN ($1, $2) AND paused_until > $3 AND last_at <= $3",
        )
        .bind(transfer)
        .bind(network)
        .bind(now.as_unix())
        .fetch_one(&self.reads)
        .await?;
        Ok(until.map(to_time))
    }

    /// Spends one opening and makes a ticket; `None` if there is nothing to open (any more) or a pause is on.
    /// If the audit row cannot be written, nothing is opened.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn open_transfer(
        &self,
        attempt: &Attempt<'_>,
        new: &NewOpening<'_>,
        entry: &AuditEntry,
    ) -> Result<Option<Opened>> {
        let mut transaction = self.begin().await?;
        lock_transfer(&mut transaction, attempt.transfer_id).await?;
        let id = attempt.transfer_id.to_text();
        let [(transfer_scope, _), (network_scope, _)] = attempt.scopes();
        let [mine, transfer] = new.mailbox.map(MailboxSessions::texts).unwrap_or_default();
        let opened = sqlx::query(concat!(
            "UPDATE transfers SET openings = openings + 1, last_opened_at = $3
             WHERE transfer_id = $1 AND token_hash = COALESCE($2, token_hash) AND state = 'ready' AND expires_at > $3
               AND openings < max_openings
               AND NOT EXISTS (SELECT 1 FROM passcode_failures
                   WHERE scope IN ($6, $7) AND paused_until > $3 AND last_at <= $3)
               AND ($8 = 0 OR ",
            mailbox_is_proven!(),
            ")"
        ))
        .bind(&id)
        .bind(new.token_hash.map(to_text))
        .bind(entry.at.as_unix())
        .bind(mine)
        .bind(transfer)
        .bind(&transfer_scope)
        .bind(network_scope)
        .bind(i64::from(new.mailbox.is_some()))
        .execute(&mut *transaction)
        .await?;
        if opened.rows_affected() != 1 {
            return Ok(None);
        }
        sqlx::query("INSERT INTO tickets (ticket_hash, transfer_id, expires_at) VALUES ($1, $2, $3)")
            .bind(to_text(new.ticket_hash))
            .bind(&id)
            .bind(new.ticket_until.as_unix())
            .execute(&mut *transaction)
            .await?;
        sqlx::query("DELETE FROM passcode_failures WHERE scope = $1")
            .bind(transfer_scope)
            .execute(&mut *transaction)
            .await?;
        queue_notice(&mut transaction, MailKind::Opened, new.notice_id, &id, None, entry.at).await?;
        let contents = read_contents(&mut transaction, &id).await?;
        append(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(Some(contents))
    }

    /// Counts a wrong passcode, unless a pause is on. When there were many in a row, the sender is told in a mail named
    /// `notice_id`, once a day at most.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn refuse_passcode(
        &self,
        attempt: &Attempt<'_>,
        notice_id: &str,
        entry: &AuditEntry,
    ) -> Result<WrongPasscode> {
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE transfers SET refused_attempts = refused_attempts + 1 WHERE transfer_id = $1")
            .bind(attempt.transfer_id.to_text())
            .execute(&mut *transaction)
            .await?;
        let now = entry.at;
        let mut worst = Failures { tries: u32::MAX, pause: 0 };
        for (scope, rule) in attempt.scopes() {
            let Some(failures) = count_failure(&mut transaction, &scope, rule, now).await? else {
                drop(transaction);
                let until = self.find_pause(attempt, now).await?;
                return Ok(WrongPasscode::Paused(until.unwrap_or(now)));
            };
            let after = rule.after(failures);
            sqlx::query("UPDATE passcode_failures SET paused_until = $2 WHERE scope = $1")
                .bind(scope)
                .bind(after.paused_until(now).as_unix())
                .execute(&mut *transaction)
                .await?;
            worst = worst.stricter(after);
        }
        warn_sender(&mut transaction, attempt, notice_id, now).await?;
        append(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(WrongPasscode::Counted(worst))
    }
}

/// Tells the sender, if as many passcodes in a row were wrong as lead to a pause, and that was not told today.
async fn warn_sender(
    transaction: &mut Transaction<'_, Any>,
    attempt: &Attempt<'_>,
    notice_id: &str,
    now: Timestamp,
) -> Result<()> {
    let [(scope, rule), _] = attempt.scopes();
    let id = attempt.transfer_id.to_text();
    let due = sqlx::query(
        "UPDATE transfers SET alarmed_at = $2 WHERE transfer_id = $1 AND (alarmed_at IS NULL OR alarmed_at <= $3)
           AND EXISTS (SELECT 1 FROM passcode_failures WHERE scope = $4 AND failures >= $5)",
    )
    .bind(&id)
    .bind(now.as_unix())
    .bind(now.plus(-WARN_AGAIN_AFTER).as_unix())
    .bind(scope)
    .bind(i64::from(rule.free))
    .execute(&mut **transaction)
    .await?;
    if due.rows_affected() == 1 {
        queue_notice(transaction, MailKind::WrongPasscodes, notice_id, &id, None, now).await?;
    }
    Ok(())
}

/// One more failure in this scope; `None` while a pause is on.
pub(super) async fn count_failure(
    transaction: &mut Transaction<'_, Any>,
    scope: &str,
    rule: PauseRule,
    now: Timestamp,
) -> Result<Option<u32>> {
    let row: Option<(i64,)> = sqlx::query_as(
        "INSERT INTO passcode_failures (scope, failures, last_at, paused_until) VALUES ($1, 1, $2, $2)
         ON CONFLICT (scope) DO UPDATE SET last_at = excluded.last_at,
             failures = CASE WHEN passcode_failures.last_at <= $3 THEN 1 ELSE passcode_failures.failures + 1 END
         WHERE passcode_failures.paused_until <= $2 OR passcode_failures.last_at > $2
         RETURNING failures",
    )
    .bind(scope)
    .bind(now.as_unix())
    .bind(now.plus(-rule.forget).as_unix())
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(row.map(|(failures,)| to_u32(failures)))
}

async fn read_contents(transaction: &mut Transaction<'_, Any>, id: &str) -> Result<Opened> {
    let (manifest,): (String,) = sqlx::query_as("SELECT manifest FROM sealed WHERE transfer_id = $1")
        .bind(id)
        .fetch_one(&mut **transaction)
        .await?;
    let rows: Vec<(String, i64)> =
        sqlx::query_as("SELECT object_id, object_len FROM objects WHERE transfer_id = $1 ORDER BY position")
            .bind(id)
            .fetch_all(&mut **transaction)
            .await?;
    let read = |(id, len): (String, i64)| {
        let object_id = ObjectId::parse(&id).map_err(|_| damaged("object id"))?;
        Ok(ObjectEntry { object_id, object_len: to_u64(len) })
    };
    Ok(Opened { manifest, objects: rows.into_iter().map(read).collect::<Result<_>>()? })
}
