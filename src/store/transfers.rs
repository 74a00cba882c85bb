//! Transfers and their objects, as their sender sees them.

use super::audit::{AuditEntry, append};
use super::sweeps::shred;
use super::{Result, Store, damaged, to_time, to_u32, to_u64};
use crate::transfer::{parse_kind, parse_state};
use protocol::transfers::{MailState, Recipient, State, StoredObject, StoredPart, TransferSummary};
use protocol::{ObjectId, Sha256Digest, Timestamp, TransferId};
use sqlx::FromRow;
use std::collections::BTreeMap;

/// A sender's transfer, as far as rules ask.
#[derive(Debug, Clone)]
pub struct OwnedTransfer {
    /// Where it is in its life, by the clock that was given.
    pub state: State,
    /// When the link stops working.
    pub expires_at: Timestamp,
    /// Where the link is mailed.
    pub recipient: String,
    /// How often it may be opened.
    pub max_openings: u32,
}

/// The columns of a [`SummaryRow`].
macro_rules! summary_columns {
    () => {
        "t.transfer_id, t.recipient_email, t.recipient_kind, t.state, t.created_at, t.expires_at, t.ended_at, t.files,
         t.total_len, t.openings, t.max_openings, t.last_opened_at, t.refused_attempts, t.mailbox_code,
         t.mail_state, t.mail_reason"
    };
}
pub(super) use summary_columns;

#[derive(FromRow)]
pub(super) struct SummaryRow {
    transfer_id: String,
    recipient_email: String,
    recipient_kind: String,
    state: String,
    created_at: i64,
    expires_at: i64,
    ended_at: Option<i64>,
    files: i64,
    total_len: i64,
    openings: i64,
    max_openings: i64,
    last_opened_at: Option<i64>,
    refused_attempts: i64,
    mailbox_code: i64,
    mail_state: Option<String>,
    mail_reason: Option<String>,
}

impl SummaryRow {
    pub(super) fn read(self, now: Timestamp) -> Result<TransferSummary> {
        let kind = parse_kind(&self.recipient_kind).ok_or_else(|| damaged("kind"))?;
        let expires_at = to_time(self.expires_at);
        let state = state_now(&self.state, expires_at, now)?;
        Ok(TransferSummary {
            transfer_id: TransferId::parse(&self.transfer_id).map_err(|_| damaged("transfer id"))?,
            recipient: Recipient { email: self.recipient_email, kind },
            state,
            created_at: to_time(self.created_at),
            expires_at,
            ended_at: self.ended_at.map(to_time),
            files: to_u32(self.files),
            total_len: to_u64(self.total_len),
            openings: to_u32(self.openings),
            max_openings: to_u32(self.max_openings),
            last_opened_at: self.last_opened_at.map(to_time),
            refused_attempts: to_u32(self.refused_attempts),
            mailbox_code: self.mailbox_code != 0,
            mail: self.mail_state.map(|state| read_mail_state(&state, self.mail_reason)),
        })
    }
}

/// A transfer is over at its end, not when the job has come round to write it down.
pub(super) fn state_now(text: &str, expires_at: Timestamp, now: Timestamp) -> Result<State> {
    match parse_state(text).ok_or_else(|| damaged("state"))? {
        State::Draft | State::Ready if expires_at <= now => Ok(State::Expired),
        state => Ok(state),
    }
}

fn read_mail_state(state: &str, reason: Option<String>) -> MailState {
    match state {
        "accepted" => MailState::Accepted,
        "refused" => MailState::Refused { reason: reason.unwrap_or_default() },
        _ => MailState::Queued,
    }
}

impl Store {
    /// A page of a sender's transfers, newest first. Drafts that came to nothing are left out.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn list_transfers(
        &self,
        account_id: &str,
        before: Option<&TransferId>,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<TransferSummary>> {
        let Some((before_time, before_id)) = self.find_place(account_id, before).await? else { return Ok(Vec::new()) };
        // The index is in this order, so a page far back costs what the first one costs.
        let rows: Vec<SummaryRow> = sqlx::query_as(concat!(
            "SELECT ",
            summary_columns!(),
            " FROM transfers t
             WHERE account_id = $1 AND (created_at, transfer_id) < ($2, $3) AND (state = 'draft' OR ready_at IS NOT NULL)
             ORDER BY created_at DESC, transfer_id DESC LIMIT $4"
        ))
        .bind(account_id)
        .bind(before_time)
        .bind(before_id)
        .bind(i64::from(limit))
        .fetch_all(&self.reads)
        .await?;
        rows.into_iter().map(|row| row.read(now)).collect()
    }

    /// Where a transfer stands in its sender's list; behind all if none is named, nowhere if it is not theirs.
    async fn find_place(&self, account_id: &str, transfer: Option<&TransferId>) -> Result<Option<(i64, String)>> {
        let Some(transfer) = transfer else { return Ok(Some((i64::MAX, String::new()))) };
        let row: Option<(i64,)> =
            sqlx::query_as("SELECT created_at FROM transfers WHERE account_id = $1 AND transfer_id = $2")
                .bind(account_id)
                .bind(transfer.to_text())
                .fetch_optional(&self.reads)
                .await?;
        Ok(row.map(|(created_at,)| (created_at, transfer.to_text())))
    }

    /// One of a sender's transfers.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn find_summary(
        &self,
        account_id: &str,
        transfer_id: &TransferId,
        now: Timestamp,
    ) -> Result<Option<TransferSummary>> {
        let row: Option<SummaryRow> = sqlx::query_as(concat!(
            "SELECT ",
            summary_columns!(),
            " FROM transfers t WHERE account_id = $1 AND transfer_id = $2"
        ))
        .bind(account_id)
        .bind(transfer_id.to_text())
        .fetch_optional(&self.reads)
        .await?;
        row.map(|row| row.read(now)).transpose()
    }

    /// One of a sender's transfers, as far as rules ask.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn find_owned(
        &self,
        account_id: &str,
        transfer_id: &TransferId,
        now: Timestamp,
    ) -> Result<Option<OwnedTransfer>> {
        let summary = self.find_summary(account_id, transfer_id, now).await?;
        Ok(summary.map(|found| OwnedTransfer {
            state: found.state,
            expires_at: found.expires_at,
            recipient: found.recipient.email,
            max_openings: found.max_openings,
        }))
    }

    /// A transfer's objects in order, each with what has arrived of it; empty once purged.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn list_objects(&self, transfer_id: &TransferId) -> Result<Vec<StoredObject>> {
        let uploads = self.list_uploads(transfer_id).await?;
        Ok(uploads.into_iter().map(|(object, _)| object).collect())
    }

    /// The same, each with what the store of bytes calls it; `None` for one that was not begun.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn list_uploads(&self, transfer_id: &TransferId) -> Result<Vec<(StoredObject, Option<String>)>> {
        let objects: Vec<(String, i64, Option<String>)> = sqlx::query_as(
            "SELECT object_id, object_len, upload FROM objects WHERE transfer_id = $1 ORDER BY position",
        )
        .bind(transfer_id.to_text())
        .fetch_all(&self.reads)
        .await?;
        let rows: Vec<(String, i64, String)> = sqlx::query_as(
            "SELECT p.object_id, p.n, p.sha256 FROM parts p JOIN objects o ON o.object_id = p.object_id
             WHERE o.transfer_id = $1 ORDER BY p.object_id, p.n",
        )
        .bind(transfer_id.to_text())
        .fetch_all(&self.reads)
        .await?;
        let mut parts: BTreeMap<String, Vec<StoredPart>> = BTreeMap::new();
        for (object_id, n, sha256) in rows {
            let sha256 = Sha256Digest::parse(&sha256).map_err(|_| damaged("digest"))?;
            parts.entry(object_id).or_default().push(StoredPart { n: to_u32(n), sha256 });
        }
        let read = |(id, len, upload): (String, i64, Option<String>)| {
            let object_id = ObjectId::parse(&id).map_err(|_| damaged("object id"))?;
            let parts = parts.remove(&id).unwrap_or_default();
            Ok((StoredObject { object_id, object_len: to_u64(len), parts }, upload))
        };
        objects.into_iter().map(read).collect()
    }

    /// Ends a draft or a transfer under way, of this account or, without one, of any, and shreds it at once; false if it is
    /// over already.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn revoke_transfer(
        &self,
        account_id: Option<&str>,
        transfer_id: &TransferId,
        entry: &AuditEntry,
    ) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let ended = sqlx::query(
            "UPDATE transfers SET state = 'revoked', ended_at = $3
             WHERE transfer_id = $1 AND account_id = COALESCE($2, account_id) AND state IN ('draft', 'ready') AND expires_at > $3",
        )
        .bind(transfer_id.to_text())
        .bind(account_id)
        .bind(entry.at.as_unix())
        .execute(&mut *transaction)
        .await?;
        if ended.rows_affected() != 1 {
            return Ok(false);
        }
        shred(&mut transaction, &transfer_id.to_text()).await?;
        append(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(true)
    }
}
