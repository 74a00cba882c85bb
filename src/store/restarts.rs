//! Giving up an object of a draft for a new one, when its file starts again under a new key.

use super::audit::{AuditEntry, append};
use super::creation::{DEPARTMENT_STORED, insert_object};
use super::locks::{lock_account, lock_department_of, lock_transfer};
use super::{Result, Store, damaged, from_len, to_u64};
use crate::transfer::{DepartmentFull, Replacement, Room, parse_state};
use protocol::transfers::State;
use protocol::{ObjectId, Timestamp, TransferId};
use sqlx::{Any, Transaction};

/// What came of a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restart {
    /// The new object stands in the old one's place, or the same request put it there before.
    Done,
    /// The object was replaced by another one before.
    Different,
    /// The transfer has no such object.
    NoObject,
    /// The transfer is no draft any more.
    NotDraft(State),
    /// The new object's id is taken.
    ObjectTaken,
    /// The files would be too long together.
    TransferFull,
    /// The sender has this many bytes waiting beside it, and there is no room for these.
    StorageFull {
        /// Plaintext bytes that wait.
        stored: u64,
    },
    /// The department has no room for these bytes.
    DepartmentFull(DepartmentFull),
}

impl Store {
    /// Puts a new object, of which nothing is stored, in the place of an old one, whose bytes the jobs remove.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn restart_object(
        &self,
        account_id: &str,
        transfer_id: &TransferId,
        old: &ObjectId,
        new: &Replacement,
        room: Room<'_>,
        entry: &AuditEntry,
    ) -> Result<Restart> {
        let mut transaction = self.begin().await?;
        lock_account(&mut transaction, account_id).await?;
        lock_department_of(&mut transaction, transfer_id).await?;
        lock_transfer(&mut transaction, transfer_id).await?;
        let id = transfer_id.to_text();
        sqlx::query(
            "DELETE FROM parts WHERE object_id IN
                 (SELECT o.object_id FROM objects o JOIN transfers t ON t.transfer_id = o.transfer_id
                  WHERE o.object_id = $1 AND t.transfer_id = $2 AND t.account_id = $3 AND t.state = 'draft')",
        )
        .bind(old.to_text())
        .bind(&id)
        .bind(account_id)
        .execute(&mut *transaction)
        .await?;
        let removed: Option<(i64, i64)> = sqlx::query_as(
            "DELETE FROM objects WHERE object_id = $1 AND transfer_id IN
                 (SELECT transfer_id FROM transfers
                  WHERE transfer_id = $2 AND account_id = $3 AND state = 'draft' AND expires_at > $4)
             RETURNING position, object_len",
        )
        .bind(old.to_text())
        .bind(&id)
        .bind(account_id)
        .bind(entry.at.as_unix())
        .fetch_optional(&mut *transaction)
        .await?;
        let Some((position, old_len)) = removed else {
            drop(transaction);
            return self.why_not_restarted(transfer_id, old, new, entry.at).await;
        };
        insert_replaced(&mut transaction, transfer_id, old, new).await?;
        if !insert_object(&mut transaction, transfer_id, &new.object_id, new.object_len, position).await? {
            return Ok(Restart::ObjectTaken);
        }
        let old_plain = protocol::layout::plain_len(to_u64(old_len)).ok_or_else(|| damaged("length"))?;
        if let Some(full) = change_total(&mut transaction, &id, account_id, old_plain, new, room, entry.at).await? {
            return Ok(full);
        }
        append(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(Restart::Done)
    }

    async fn why_not_restarted(
        &self,
        transfer_id: &TransferId,
        old: &ObjectId,
        new: &Replacement,
        now: Timestamp,
    ) -> Result<Restart> {
        let before: Option<(String, i64)> = sqlx::query_as(
            "SELECT replacement_id, object_len FROM replaced_objects WHERE object_id = $1 AND transfer_id = $2",
        )
        .bind(old.to_text())
        .bind(transfer_id.to_text())
        .fetch_optional(&self.reads)
        .await?;
        if let Some((replacement_id, object_len)) = before {
            let same = replacement_id == new.object_id.to_text() && to_u64(object_len) == new.object_len;
            return Ok(if same { Restart::Done } else { Restart::Different });
        }
        let row: Option<(String, i64)> = sqlx::query_as(
            "SELECT t.state, t.expires_at FROM transfers t JOIN objects o ON o.transfer_id = t.transfer_id
             WHERE t.transfer_id = $1 AND o.object_id = $2",
        )
        .bind(transfer_id.to_text())
        .bind(old.to_text())
        .fetch_optional(&self.reads)
        .await?;
        match row {
            None => Ok(Restart::NoObject),
            Some((_, expires_at)) if expires_at <= now.as_unix() => Ok(Restart::NotDraft(State::Expired)),
            Some((state, _)) => Ok(Restart::NotDraft(parse_state(&state).ok_or_else(|| damaged("state"))?)),
        }
    }

    /// Replaced objects whose bytes may still be there.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn list_replaced(&self) -> Result<Vec<ObjectId>> {
        let rows: Vec<(String,)> = sqlx::query_as("SELECT object_id FROM replaced_objects WHERE purged_at IS NULL")
            .fetch_all(&self.reads)
            .await?;
        rows.into_iter().map(|(id,)| ObjectId::parse(&id).map_err(|_| damaged("object id"))).collect()
    }

    /// Writes down that a replaced object's bytes are gone.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn mark_replaced_purged(&self, object_id: &ObjectId, now: Timestamp) -> Result<()> {
        sqlx::query("UPDATE replaced_objects SET purged_at = $2 WHERE object_id = $1")
            .bind(object_id.to_text())
            .bind(now.as_unix())
            .execute(&self.writes)
            .await?;
        Ok(())
    }
}

/// Writes down which object took the old one's place: its id is never used again, and the same request is known again.
async fn insert_replaced(
    transaction: &mut Transaction<'_, Any>,
    transfer_id: &TransferId,
    old: &ObjectId,
    new: &Replacement,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO replaced_objects (object_id, transfer_id, replacement_id, object_len) VALUES ($1, $2, $3, $4)",
    )
    .bind(old.to_text())
    .bind(transfer_id.to_text())
    .bind(new.object_id.to_text())
    .bind(from_len(new.object_len))
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Counts the new length instead of the old one, if the limits allow it; else says which does not.
async fn change_total(
    transaction: &mut Transaction<'_, Any>,
    id: &str,
    account_id: &str,
    old_plain: u64,
    new: &Replacement,
    room: Room<'_>,
    now: Timestamp,
) -> Result<Option<Restart>> {
    let (total, department, stored): (i64, String, i64) = sqlx::query_as(
        "SELECT total_len, department,
             (SELECT CAST(COALESCE(SUM(total_len), 0) AS BIGINT) FROM transfers WHERE account_id = $2 AND purged_at IS NULL)
         FROM transfers WHERE transfer_id = $1",
    )
    .bind(id)
    .bind(account_id)
    .fetch_one(&mut **transaction)
    .await?;
    let total = to_u64(total).saturating_sub(old_plain).saturating_add(new.plain_len);
    if total > room.limits.max_transfer_len {
        return Ok(Some(Restart::TransferFull));
    }
    let stored = to_u64(stored).saturating_sub(old_plain);
    if stored.saturating_add(new.plain_len) > room.limits.max_stored {
        return Ok(Some(Restart::StorageFull { stored }));
    }
    if let Some(max_stored) = room.quotas.of(&department) {
        let (stored,): (i64,) =
            sqlx::query_as(DEPARTMENT_STORED).bind(&department).fetch_one(&mut **transaction).await?;
        let stored = to_u64(stored).saturating_sub(old_plain);
        if stored.saturating_add(new.plain_len) > max_stored {
            return Ok(Some(Restart::DepartmentFull(DepartmentFull { department, stored, max_stored })));
        }
    }
    sqlx::query("UPDATE transfers SET total_len = $2, touched_at = $3 WHERE transfer_id = $1")
        .bind(id)
        .bind(from_len(total))
        .bind(now.as_unix())
        .execute(&mut **transaction)
        .await?;
    Ok(None)
}
