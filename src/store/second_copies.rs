//! Which objects have their second copy, and who writes an object's bytes just now.
//!
//! Bytes that are written while their transfer ends would outlive its purge. So whoever writes into a ready object (the
//! copying job, a repair) first leases it, and a transfer is purged only when none of its objects is leased. Who died gives
//! its lease back by its end.

use super::locks::lock_transfer;
use super::uploads::to_ids;
use super::{Result, Store, to_time, to_u64};
use protocol::{ObjectId, Timestamp, TransferId};

/// Seconds that a lease is believed without a word from its holder: twice what one part may take at worst.
pub(super) const LEASE: i64 = 10 * 60;

/// The right to write an object's bytes.
#[derive(Debug, Clone)]
pub struct Lease {
    /// Of which transfer.
    pub transfer_id: TransferId,
    /// Which object.
    pub object_id: ObjectId,
    /// Whose it is; random.
    holder: String,
}

impl Lease {
    /// One to be asked for. `holder` is random.
    pub fn new(transfer_id: TransferId, object_id: ObjectId, holder: String) -> Self {
        Self { transfer_id, object_id, holder }
    }
}

/// Which objects nobody writes: `$1` is now, `$2` the latest end of a lease that was not given before the clock was set back.
macro_rules! free {
    () => {
        "(leased_by IS NULL OR leased_until <= $1 OR leased_until > $2)"
    };
}

impl Store {
    /// Objects of ready transfers that have no copy and are free, 200 at most, those first that have been ready longest.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn list_uncopied(&self, now: Timestamp) -> Result<Vec<(TransferId, ObjectId)>> {
        // CROSS JOIN keeps SQLite from beginning with all that is ready.
        let rows: Vec<(String, String)> = sqlx::query_as(concat!(
            "SELECT t.transfer_id, o.object_id FROM objects o CROSS JOIN transfers t
             WHERE t.transfer_id = o.transfer_id AND o.copied_at IS NULL AND t.state = 'ready' AND ",
            free!(),
            " ORDER BY t.ready_at, o.object_id LIMIT 200"
        ))
        .bind(now.as_unix())
        .bind(now.plus(LEASE).as_unix())
        .fetch_all(&self.reads)
        .await?;
        to_ids(rows)
    }

    /// Takes the lease, if the object is free, has no copy, and its transfer is ready.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn lease_for_copy(&self, lease: &Lease, now: Timestamp) -> Result<bool> {
        let sql = concat!(
            "UPDATE objects SET leased_by = $3, leased_until = $2 WHERE object_id = $4 AND copied_at IS NULL AND ",
            free!(),
            " AND EXISTS (SELECT 1 FROM transfers WHERE transfer_id = $5 AND state = 'ready')"
        );
        self.lease(sql, lease, now).await
    }

    /// Takes the lease, if the object is free and its transfer is ready.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn lease_for_repair(&self, lease: &Lease, now: Timestamp) -> Result<bool> {
        let sql = concat!(
            "UPDATE objects SET leased_by = $3, leased_until = $2 WHERE object_id = $4 AND ",
            free!(),
            " AND EXISTS (SELECT 1 FROM transfers WHERE transfer_id = $5 AND state = 'ready')"
        );
        self.lease(sql, lease, now).await
    }

    async fn lease(&self, sql: &'static str, lease: &Lease, now: Timestamp) -> Result<bool> {
        let mut transaction = self.begin().await?;
        // Whoever ends the transfer changes this row: they see the lease, or we see the end.
        lock_transfer(&mut transaction, &lease.transfer_id).await?;
        let taken = sqlx::query(sql)
            .bind(now.as_unix())
            .bind(now.plus(LEASE).as_unix())
            .bind(lease.holder.as_str())
            .bind(lease.object_id.to_text())
            .bind(lease.transfer_id.to_text())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(taken.rows_affected() == 1)
    }

    /// Whether the lease still holds and the transfer is still ready: asked before each part. Prolongs it when half of its
    /// time is over.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn keep_lease(&self, lease: &Lease, now: Timestamp) -> Result<bool> {
        let row: Option<(i64,)> = sqlx::query_as(
            "SELECT o.leased_until FROM objects o JOIN transfers t ON t.transfer_id = o.transfer_id
             WHERE o.object_id = $1 AND o.leased_by = $2 AND t.state = 'ready'",
        )
        .bind(lease.object_id.to_text())
        .bind(lease.holder.as_str())
        .fetch_optional(&self.reads)
        .await?;
        let Some((until,)) = row else { return Ok(false) };
        if until > now.plus(LEASE / 2).as_unix() {
            return Ok(true);
        }
        let kept = sqlx::query("UPDATE objects SET leased_until = $3 WHERE object_id = $1 AND leased_by = $2")
            .bind(lease.object_id.to_text())
            .bind(lease.holder.as_str())
            .bind(now.plus(LEASE).as_unix())
            .execute(&self.writes)
            .await?;
        Ok(kept.rows_affected() == 1)
    }

    /// Gives the lease back, if it still holds.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn end_lease(&self, lease: &Lease) -> Result<()> {
        let sql = "UPDATE objects SET leased_by = NULL, leased_until = NULL WHERE object_id = $1 AND leased_by = $2";
        sqlx::query(sql).bind(lease.object_id.to_text()).bind(lease.holder.as_str()).execute(&self.writes).await?;
        Ok(())
    }

    /// Writes down that an object's copy is whole, and gives the lease back. False if the lease no longer held: then somebody
    /// else writes, or nothing is to be written any more.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn mark_copied(&self, lease: &Lease, now: Timestamp) -> Result<bool> {
        let marked = sqlx::query(
            "UPDATE objects SET copied_at = $3, leased_by = NULL, leased_until = NULL
             WHERE object_id = $1 AND leased_by = $2",
        )
        .bind(lease.object_id.to_text())
        .bind(lease.holder.as_str())
        .bind(now.as_unix())
        .execute(&self.writes)
        .await?;
        Ok(marked.rows_affected() == 1)
    }

    /// Whether an object has its copy; `None` if its transfer is not ready (any more).
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn is_copied(&self, object_id: &ObjectId) -> Result<Option<bool>> {
        let row: Option<(Option<i64>,)> = sqlx::query_as(
            "SELECT o.copied_at FROM objects o JOIN transfers t ON t.transfer_id = o.transfer_id
             WHERE o.object_id = $1 AND t.state = 'ready'",
        )
        .bind(object_id.to_text())
        .fetch_optional(&self.reads)
        .await?;
        Ok(row.map(|(copied_at,)| copied_at.is_some()))
    }

    /// How many objects wait for their copy, and since when the one has that waits longest.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn measure_uncopied(&self) -> Result<(u64, Option<Timestamp>)> {
        let (count, oldest): (i64, i64) = sqlx::query_as(
            "SELECT COUNT(*), COALESCE(MIN(t.ready_at), 0) FROM objects o CROSS JOIN transfers t
             WHERE t.transfer_id = o.transfer_id AND o.copied_at IS NULL AND t.state = 'ready'",
        )
        .fetch_one(&self.reads)
        .await?;
        Ok((to_u64(count), (count > 0).then(|| to_time(oldest))))
    }
}
