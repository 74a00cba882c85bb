//! Recipients' mailboxes that were proved by a mailed code, and what waits for them.

use super::audit::{AuditEntry, append};
use super::codes::spend_code;
use super::{Result, Store, damaged, to_text, to_time, to_u32, to_u64};
use protocol::{Timestamp, TransferId};
use sqlx::FromRow;

/// Transfers listed at most: more than anyone is sent in thirty days, few enough for a phone.
const LISTED: i64 = 200;

/// What a right code starts.
#[derive(Debug)]
pub struct NewMailboxSession<'a> {
    /// The new session.
    pub session_hash: &'a [u8; 32],
    /// The browser whose code is spent.
    pub browser_hash: &'a [u8; 32],
    /// The address that was proved, as an account key.
    pub email_key: &'a str,
    /// The one transfer that it was proved for; none for all that were sent to the address.
    pub transfer_id: Option<&'a TransferId>,
    /// Until when it holds.
    pub expires_at: Timestamp,
}

/// The sessions that a request brings, of which one may prove a mailbox.
#[derive(Debug, Clone, Copy, Default)]
pub struct MailboxSessions {
    /// For all that was sent to the address.
    pub mine: Option<[u8; 32]>,
    /// For one transfer.
    pub transfer: Option<[u8; 32]>,
}

impl MailboxSessions {
    /// As SQL compares them: no session has an empty hash.
    pub(super) fn texts(&self) -> [String; 2] {
        [self.mine, self.transfer].map(|hash| hash.as_ref().map(to_text).unwrap_or_default())
    }
}

/// A transfer that its recipient can open now.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Which transfer.
    pub transfer_id: TransferId,
    /// As the sender gave it.
    pub sender_name: String,
    /// As the sender gave it.
    pub organisation: String,
    /// When it was sealed.
    pub sent_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Number of files.
    pub files: u32,
    /// Plaintext bytes of all files.
    pub total_len: u64,
    /// How often it can still be opened.
    pub openings_left: u32,
}

#[derive(FromRow)]
struct WaitingRow {
    transfer_id: String,
    name: String,
    organisation: String,
    ready_at: i64,
    expires_at: i64,
    files: i64,
    total_len: i64,
    openings_left: i64,
}

/// Whether one of the sessions `$4` and `$5` proves, at `$3`, that its browser's user reads the mailbox that the row of
/// `transfers` was sent to.
macro_rules! mailbox_is_proven {
    () => {
        "EXISTS (SELECT 1 FROM mailbox_sessions m WHERE m.session_hash IN ($4, $5) AND m.expires_at > $3
             AND m.email_key = transfers.recipient_key
             AND (m.transfer_id IS NULL OR m.transfer_id = transfers.transfer_id))"
    };
}
pub(super) use mailbox_is_proven;

/// Which transfers their recipient `$1` can open at `$2`.
macro_rules! waits {
    () => {
        "t.recipient_key = $1 AND t.state = 'ready' AND t.expires_at > $2 AND t.openings < t.max_openings"
    };
}

impl Store {
    /// Spends a code and starts what it leads to; false if the code was already spent.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn start_mailbox_session(&self, new: &NewMailboxSession<'_>, entry: &AuditEntry) -> Result<bool> {
        let mut transaction = self.begin().await?;
        if !spend_code(&mut transaction, new.browser_hash).await? {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO mailbox_sessions (session_hash, email_key, transfer_id, expires_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(to_text(new.session_hash))
        .bind(new.email_key)
        .bind(new.transfer_id.map(TransferId::to_text))
        .bind(new.expires_at.as_unix())
        .execute(&mut *transaction)
        .await?;
        append(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// The address that a session proves, if it proves one for all that was sent to it.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn find_mailbox(&self, session_hash: &[u8; 32], now: Timestamp) -> Result<Option<String>> {
        let row: Option<(String,)> = sqlx::query_as(
            "SELECT email_key FROM mailbox_sessions WHERE session_hash = $1 AND transfer_id IS NULL AND expires_at > $2",
        )
        .bind(to_text(session_hash))
        .bind(now.as_unix())
        .fetch_optional(&self.reads)
        .await?;
        Ok(row.map(|(email_key,)| email_key))
    }

    /// Whether one of these sessions proves the mailbox that a transfer was sent to.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn is_mailbox_proven(
        &self,
        transfer_id: &TransferId,
        sessions: &MailboxSessions,
        now: Timestamp,
    ) -> Result<bool> {
        let [mine, transfer] = sessions.texts();
        let sql = concat!(
            // An old row may have no key at all: nobody proves that one.
            "SELECT 1 FROM transfers WHERE transfer_id = $1 AND recipient_key <> $2 AND ",
            mailbox_is_proven!()
        );
        let row = sqlx::query(sql)
            .bind(transfer_id.to_text())
            .bind("")
            .bind(now.as_unix())
            .bind(mine)
            .bind(transfer)
            .fetch_optional(&self.reads)
            .await?;
        Ok(row.is_some())
    }

    /// What its recipient can open now, the newest first.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn list_waiting(&self, email_key: &str, now: Timestamp) -> Result<Vec<Waiting>> {
        let rows: Vec<WaitingRow> = sqlx::query_as(concat!(
            "SELECT t.transfer_id, a.name, a.organisation, t.ready_at, t.expires_at, t.files, t.total_len,
                 t.max_openings - t.openings AS openings_left
             FROM transfers t JOIN accounts a ON a.account_id = t.account_id WHERE ",
            waits!(),
            " ORDER BY t.ready_at DESC, t.transfer_id DESC LIMIT $3"
        ))
        .bind(email_key)
        .bind(now.as_unix())
        .bind(LISTED)
        .fetch_all(&self.reads)
        .await?;
        let read = |row: WaitingRow| {
            Ok(Waiting {
                transfer_id: TransferId::parse(&row.transfer_id).map_err(|_| damaged("transfer id"))?,
                sender_name: row.name,
                organisation: row.organisation,
                sent_at: to_time(row.ready_at),
                expires_at: to_time(row.expires_at),
                files: to_u32(row.files),
                total_len: to_u64(row.total_len),
                openings_left: to_u32(row.openings_left),
            })
        };
        rows.into_iter().map(read).collect()
    }

    /// Whether anything waits for an address.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn has_waiting(&self, email_key: &str, now: Timestamp) -> Result<bool> {
        let row = sqlx::query(concat!("SELECT 1 FROM transfers t WHERE ", waits!(), " LIMIT 1"))
            .bind(email_key)
            .bind(now.as_unix())
            .fetch_optional(&self.reads)
            .await?;
        Ok(row.is_some())
    }

    /// Ends a session, and with it every opening right that it gave.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn end_mailbox_session(&self, session_hash: &[u8; 32], entry: &AuditEntry) -> Result<()> {
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM mailbox_sessions WHERE session_hash = $1")
            .bind(to_text(session_hash))
            .execute(&mut *transaction)
            .await?;
        append(&mut transaction, entry).await?;
        Ok(transaction.commit().await?)
    }
}
