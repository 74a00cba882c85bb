//! Signed statements about where the audit's chain ends, one a day over all nodes, and rows that are no longer kept.

use super::audit::{AuditEntry, Event, append};
use super::audit_rows::{read_after, read_head};
use super::outbox::{MailKind, queue_for_auditor};
use super::{Result, Store, StoreError, damaged};
use crate::audit::{Anchor, cut_detail};
use protocol::{DAY, Sha256Digest, Timestamp};

/// Rows that one transaction removes at most.
const CUT: i64 = 5_000;

impl Store {
    /// Signs where the chain ends, if nobody did today (in UTC), and queues a mail with it to each of `recipients`. A newest
    /// anchor of after tomorrow was made before the clock was set back, and counts for nothing. Returns whether it did.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn anchor_audit(
        &self,
        now: Timestamp,
        recipients: &[String],
        sign: impl Fn(&Anchor) -> String,
        make_id: impl Fn() -> std::io::Result<String>,
    ) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let due: Option<(i64, String, i64)> = sqlx::query_as(
            "UPDATE audit_head SET anchor_day = $1
             WHERE head_id = 1 AND seq > 0 AND (anchor_day < $1 OR anchor_day > $1 + 1) RETURNING seq, hash, cut_seq",
        )
        .bind(now.as_unix().div_euclid(DAY))
        .fetch_optional(&mut *transaction)
        .await?;
        let Some((seq, hash, cut_seq)) = due else { return Ok(false) };
        let hash = Sha256Digest::parse(&hash).map_err(|_| damaged("head of the audit"))?;
        let line = sign(&Anchor { seq, hash, cut_seq, at: now });
        sqlx::query(
            "INSERT INTO audit_anchors (anchor_id, line) SELECT COALESCE(MAX(anchor_id), 0) + 1, $1 FROM audit_anchors",
        )
        .bind(line.as_str())
        .execute(&mut *transaction)
        .await?;
        for recipient in recipients {
            let mail_id = make_id().map_err(|error| StoreError::Broken(error.into()))?;
            queue_for_auditor(&mut transaction, MailKind::AuditAnchor, &mail_id, recipient, &line, now).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// Every anchor that this database knows, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_anchors(&self) -> Result<Vec<String>> {
        let lines: Vec<(String,)> =
            sqlx::query_as("SELECT line FROM audit_anchors ORDER BY anchor_id").fetch_all(&self.reads).await?;
        Ok(lines.into_iter().map(|(line,)| line).collect())
    }

    /// The newest anchor's number; 0 if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest_anchor(&self) -> Result<i64> {
        let (newest,): (i64,) =
            sqlx::query_as("SELECT COALESCE(MAX(anchor_id), 0) FROM audit_anchors").fetch_one(&self.reads).await?;
        Ok(newest)
    }

    /// Removes the oldest rows up to the first that is not from before `before`, some thousand at most, and appends a row that
    /// says so; the newest row always stays. The chain is verified from there on. Returns how many went.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn cut_audit(&self, before: Timestamp, now: Timestamp) -> Result<usize> {
        // Mostly there is nothing to do, and nobody is to wait for that.
        let mut reads = self.reads.acquire().await?;
        let head = read_head(&mut reads).await?;
        if read_after(&mut reads, head.cut_seq, 1).await?.first().is_none_or(|oldest| oldest.row.at >= before) {
            return Ok(0);
        }
        drop(reads);
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE audit_head SET cut_seq = cut_seq WHERE head_id = 1").execute(&mut *transaction).await?;
        let head = read_head(&mut transaction).await?;
        let mut old = read_after(&mut transaction, head.cut_seq, CUT).await?;
        let kept = old.iter().position(|stored| stored.row.at >= before || stored.row.seq == head.seq);
        old.truncate(kept.unwrap_or(old.len()));
        let Some(last) = old.last() else { return Ok(0) };
        sqlx::query("DELETE FROM audit WHERE seq <= $1").bind(last.row.seq).execute(&mut *transaction).await?;
        sqlx::query("UPDATE audit_head SET cut_seq = $1, cut_hash = $2 WHERE head_id = 1")
            .bind(last.row.seq)
            .bind(last.hash.as_str())
            .execute(&mut *transaction)
            .await?;
        let entry = AuditEntry { detail: cut_detail(last.row.seq), ..AuditEntry::by("system", Event::AuditCut, now) };
        append(&mut transaction, &entry).await?;
        transaction.commit().await?;
        Ok(old.len())
    }
}
