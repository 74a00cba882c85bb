//! What time does: transfers end, keys are shredded, what is over is forgotten.

use super::audit::{AuditEntry, Event, append};
use super::engine::Engine;
use super::outbox::{MailKind, queue_notice};
use super::second_copies::LEASE;
use super::{Result, Store, StoreError, damaged};
use crate::people::{KNOWN_BROWSER_LIFETIME, LONGEST, SHOWN_AFTER_END};
use crate::transfer::{DRAFT_LIFETIME, FORGET_AFTER, WARN_BEFORE_END};
use protocol::{ObjectId, Timestamp, TransferId};
use sqlx::{Any, AnyConnection, Transaction};
use std::sync::atomic::Ordering;

/// A transfer that is over and whose bytes are still there.
#[derive(Debug, Clone)]
pub struct Purgeable {
    /// Which transfer.
    pub transfer_id: TransferId,
    /// Whose parts are to be removed.
    pub objects: Vec<ObjectId>,
}

/// Removes what lets anyone open a transfer: its key, capsule, manifest, link and tickets, and the mail that would
/// still bring the link. The bytes are worthless then, wherever copies of them are.
pub(super) async fn shred(connection: &mut AnyConnection, transfer_id: &str) -> Result<()> {
    for statement in [
        "DELETE FROM transfer_keys WHERE transfer_id = $1",
        "DELETE FROM sealed WHERE transfer_id = $1",
        "DELETE FROM tickets WHERE transfer_id = $1",
        "DELETE FROM mailbox_sessions WHERE transfer_id = $1",
        "DELETE FROM outbox WHERE transfer_id = $1 AND kind IN ('transfer_link', 'mailbox_code')",
        "UPDATE transfers SET token_hash = NULL, verifier = NULL WHERE transfer_id = $1",
    ] {
        sqlx::query(statement).bind(transfer_id).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Which transfers are past their end, and which drafts were abandoned: `$1` is now, `$2` when an abandoned draft was
/// last touched.
macro_rules! overdue {
    () => {
        "((state IN ('draft', 'ready') AND expires_at <= $1) OR (state = 'draft' AND touched_at <= $2))"
    };
}

/// Which transfers' openings are spent and last tickets ran out: `$1` is now.
macro_rules! used_up {
    () => {
        "state = 'ready' AND openings >= max_openings AND NOT EXISTS
             (SELECT 1 FROM tickets k WHERE k.transfer_id = transfers.transfer_id AND k.expires_at > $1)"
    };
}

/// Which transfers' senders are to be told that they end soon: `$1` is now, `$2` the latest end, `$3` the shortest life.
macro_rules! expiring {
    () => {
        "state = 'ready' AND openings = 0 AND warned_at IS NULL AND expires_at > $1 AND expires_at <= $2
             AND expires_at - ready_at >= $3"
    };
}

// One transaction a transfer: thousands that end in the same hour hold up nobody, and of several nodes that find the same
// one, the first to change it has it. And 200 a call: somebody waits for the mail with a sign-in code that comes after, while
// an end that is written down some rounds later ended on time, because every question looks at the clock.
impl Store {
    /// Writes down what time has ended by now: transfers and drafts past their end or abandoned (expired), and
    /// transfers whose openings are spent and whose last ticket ran out (used up). Each is shredded at once. `make_id`
    /// names the notices to senders whose transfer was never opened. Returns how many ended.
    ///
    /// # Errors
    /// [`super::StoreError`]. What ended before it stays ended.
    pub async fn end_overdue(&self, now: Timestamp, make_id: impl Fn() -> std::io::Result<String>) -> Result<usize> {
        let mut ended = 0;
        let overdue: Vec<(String,)> = sqlx::query_as(concat!(
            "SELECT transfer_id FROM transfers WHERE ",
            overdue!(),
            " ORDER BY expires_at LIMIT 200"
        ))
        .bind(now.as_unix())
        .bind(now.plus(-DRAFT_LIFETIME).as_unix())
        .fetch_all(&self.reads)
        .await?;
        for (id,) in &overdue {
            ended += usize::from(self.expire_transfer(id, now, &make_id).await?);
        }
        let used_up: Vec<(String,)> =
            sqlx::query_as(concat!("SELECT transfer_id FROM transfers WHERE ", used_up!(), " LIMIT 200"))
                .bind(now.as_unix())
                .fetch_all(&self.reads)
                .await?;
        for (id,) in &used_up {
            ended += usize::from(self.use_up_transfer(id, now).await?);
        }
        Ok(ended)
    }

    async fn expire_transfer(
        &self,
        id: &str,
        now: Timestamp,
        make_id: impl Fn() -> std::io::Result<String>,
    ) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let expired: Option<(i64, Option<i64>)> = sqlx::query_as(concat!(
            "UPDATE transfers SET state = 'expired', ended_at = $1 WHERE transfer_id = $3 AND ",
            overdue!(),
            " RETURNING openings, ready_at"
        ))
        .bind(now.as_unix())
        .bind(now.plus(-DRAFT_LIFETIME).as_unix())
        .bind(id)
        .fetch_optional(&mut *transaction)
        .await?;
        let Some((openings, ready_at)) = expired else { return Ok(false) };
        if openings == 0 && ready_at.is_some() {
            let notice_id = make_id().map_err(|error| StoreError::Broken(error.into()))?;
            queue_notice(&mut transaction, MailKind::ExpiredUnopened, &notice_id, id, None, now).await?;
        }
        end(&mut transaction, id, Event::Expired, now).await?;
        transaction.commit().await?;
        Ok(true)
    }

    async fn use_up_transfer(&self, id: &str, now: Timestamp) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let sql =
            concat!("UPDATE transfers SET state = 'used_up', ended_at = $1 WHERE transfer_id = $2 AND ", used_up!());
        let used_up = sqlx::query(sql).bind(now.as_unix()).bind(id).execute(&mut *transaction).await?;
        if used_up.rows_affected() != 1 {
            return Ok(false);
        }
        end(&mut transaction, id, Event::UsedUp, now).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Queues a notice for each transfer that ends within a day and was never opened, once. Transfers that live less
    /// than two days get none: their sender has only just sent them. Returns how many.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn warn_expiring(&self, now: Timestamp, make_id: impl Fn() -> std::io::Result<String>) -> Result<usize> {
        let rows: Vec<(String,)> =
            sqlx::query_as(concat!("SELECT transfer_id FROM transfers WHERE ", expiring!(), " LIMIT 200"))
                .bind(now.as_unix())
                .bind(now.plus(WARN_BEFORE_END).as_unix())
                .bind(2 * WARN_BEFORE_END)
                .fetch_all(&self.reads)
                .await?;
        let mut warned = 0;
        for (id,) in &rows {
            let mut transaction = self.begin().await?;
            let sql = concat!("UPDATE transfers SET warned_at = $1 WHERE transfer_id = $4 AND ", expiring!());
            let due = sqlx::query(sql)
                .bind(now.as_unix())
                .bind(now.plus(WARN_BEFORE_END).as_unix())
                .bind(2 * WARN_BEFORE_END)
                .bind(id)
                .execute(&mut *transaction)
                .await?;
            if due.rows_affected() == 1 {
                let notice_id = make_id().map_err(|error| StoreError::Broken(error.into()))?;
                queue_notice(&mut transaction, MailKind::ExpiringUnopened, &notice_id, id, None, now).await?;
                transaction.commit().await?;
                warned += 1;
            }
        }
        Ok(warned)
    }

    /// Every transfer that is over and not yet purged, the longest over first; none of whose bytes somebody writes just now.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn list_purgeable(&self, now: Timestamp) -> Result<Vec<Purgeable>> {
        let rows: Vec<(String, Option<String>)> = sqlx::query_as(
            "SELECT t.transfer_id, o.object_id FROM transfers t LEFT JOIN objects o ON o.transfer_id = t.transfer_id
             WHERE t.purged_at IS NULL AND t.ended_at IS NOT NULL AND NOT EXISTS
                 (SELECT 1 FROM objects l WHERE l.transfer_id = t.transfer_id
                      AND l.leased_until > $1 AND l.leased_until <= $2)
             ORDER BY t.ended_at, t.transfer_id",
        )
        .bind(now.as_unix())
        .bind(now.plus(LEASE).as_unix())
        .fetch_all(&self.reads)
        .await?;
        let mut found: Vec<Purgeable> = Vec::new();
        for (id, object_id) in rows {
            let transfer_id = TransferId::parse(&id).map_err(|_| damaged("transfer id"))?;
            let object_id = object_id.map(|id| ObjectId::parse(&id).map_err(|_| damaged("object id"))).transpose()?;
            match found.last_mut().filter(|last| last.transfer_id == transfer_id) {
                Some(last) => last.objects.extend(object_id),
                None => found.push(Purgeable { transfer_id, objects: object_id.into_iter().collect() }),
            }
        }
        Ok(found)
    }

    /// Writes down that a transfer's bytes are gone, unless another node did.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn mark_purged(&self, transfer_id: &TransferId, entry: &AuditEntry) -> Result<()> {
        let mut transaction = self.begin().await?;
        let id = transfer_id.to_text();
        let purged = sqlx::query("UPDATE transfers SET purged_at = $2 WHERE transfer_id = $1 AND purged_at IS NULL")
            .bind(&id)
            .bind(entry.at.as_unix())
            .execute(&mut *transaction)
            .await?;
        if purged.rows_affected() != 1 {
            return Ok(());
        }
        for statement in [
            "DELETE FROM parts WHERE object_id IN (SELECT object_id FROM objects WHERE transfer_id = $1)",
            "DELETE FROM objects WHERE transfer_id = $1",
            "DELETE FROM replaced_objects WHERE transfer_id = $1",
        ] {
            sqlx::query(statement).bind(&id).execute(&mut *transaction).await?;
        }
        append(&mut transaction, entry).await?;
        transaction.commit().await?;
        self.log_holds_shreds.store(self.engine == Engine::Sqlite, Ordering::Release);
        Ok(())
    }

    /// Empties SQLite's write-ahead log if something was shredded since: it must not live on there. Readers can stand in
    /// the way; then the next round tries again. PostgreSQL's log is its administrator's (docs/OPERATIONS.md).
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn clean_log(&self) -> Result<()> {
        if !self.log_holds_shreds.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        // SQLite tells in the first column of a row, not by an error, that readers were in the way.
        let row: std::result::Result<(i64, i64, i64), _> =
            sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&self.writes).await;
        if !matches!(row, Ok((0, _, _))) {
            self.log_holds_shreds.store(true, Ordering::Release);
        }
        row.map(|_| ()).map_err(Into::into)
    }

    /// Whether any row knows this object.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn knows_object(&self, object_id: &ObjectId) -> Result<bool> {
        let row = sqlx::query("SELECT 1 FROM objects WHERE object_id = $1")
            .bind(object_id.to_text())
            .fetch_optional(&self.reads)
            .await?;
        Ok(row.is_some())
    }

    /// Forgets sessions, codes, tickets, counts and pauses that are over.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn forget_old(&self, now: Timestamp) -> Result<()> {
        // Each for itself: nobody needs them to happen together, and so none holds up what another one waits for.
        for (statement, before) in [
            ("DELETE FROM sessions WHERE seen_at <= $1", now.plus(-LONGEST.idle)),
            ("DELETE FROM sessions WHERE created_at <= $1", now.plus(-LONGEST.lifetime)),
            ("DELETE FROM sign_in_codes WHERE expires_at <= $1", now),
            ("DELETE FROM admin_links WHERE expires_at <= $1", now),
            ("DELETE FROM ceremonies WHERE expires_at <= $1", now),
            ("DELETE FROM known_browsers WHERE seen_at <= $1", now.plus(-KNOWN_BROWSER_LIFETIME)),
            ("DELETE FROM access_tokens WHERE expires_at <= $1", now.plus(-SHOWN_AFTER_END)),
            ("DELETE FROM tickets WHERE expires_at <= $1", now),
            ("DELETE FROM mailbox_sessions WHERE expires_at <= $1", now),
            ("DELETE FROM rate_windows WHERE ends_at <= $1", now),
            ("DELETE FROM passcode_failures WHERE last_at <= $1", now.plus(-FORGET_AFTER)),
        ] {
            sqlx::query(statement).bind(before.as_unix()).execute(&self.writes).await?;
        }
        Ok(())
    }
}

async fn end(transaction: &mut Transaction<'_, Any>, id: &str, event: Event, now: Timestamp) -> Result<()> {
    shred(transaction, id).await?;
    let transfer_id = TransferId::parse(id).map_err(|_| damaged("transfer id"))?;
    append(transaction, &AuditEntry::by_system(event, transfer_id, now)).await
}
