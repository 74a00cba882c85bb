//! What the rules look at, and what they found.

use super::accounts::{Account, AccountRow, account_columns};
use super::audit::{AuditEntry, Event, append};
use super::outbox::{MailKind, queue_for_auditor};
use super::{Result, Store, StoreError, to_time, to_u64};
use crate::audit::{Fact, Flag};
use protocol::{DAY, Timestamp, TransferId};

const HOUR: i64 = 60 * 60;

/// Acts that are looked at for their hour at most, the newest first: one a person and night is all that comes of it.
const ACTS: i64 = 1_000;

/// A stored flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFlag {
    /// When it was found.
    pub at: Timestamp,
    /// The rule's stable name.
    pub rule: String,
    /// Whom or what it is about.
    pub subject: String,
    /// About which transfer.
    pub transfer_id: Option<String>,
    /// One sentence.
    pub detail: String,
}

impl Store {
    /// What happened lately, as the rules look at it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_facts(&self, now: Timestamp) -> Result<Vec<Fact>> {
        let mut facts = self.refusals(now).await?;
        facts.extend(self.openings(now).await?);
        facts.extend(self.volumes(now).await?);
        facts.extend(self.acts(now).await?);
        Ok(facts)
    }

    async fn refusals(&self, now: Timestamp) -> Result<Vec<Fact>> {
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "SELECT transfer_id, COUNT(*) FROM audit
             WHERE event = 'transfer.refused' AND at > $1 AND transfer_id IS NOT NULL GROUP BY transfer_id",
        )
        .bind(now.plus(-DAY).as_unix())
        .fetch_all(&self.reads)
        .await?;
        let fact = |(transfer_id, count)| Fact::Refusals { transfer_id, count: to_u64(count) };
        Ok(rows.into_iter().map(fact).collect())
    }

    /// Of what was opened in the last hour, all openings of a month.
    async fn openings(&self, now: Timestamp) -> Result<Vec<Fact>> {
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT DISTINCT transfer_id, address FROM audit
             WHERE event = 'transfer.opened' AND at > $1 AND address IS NOT NULL AND transfer_id IN
                 (SELECT transfer_id FROM audit WHERE event = 'transfer.opened' AND at > $2)",
        )
        .bind(now.plus(-30 * DAY).as_unix())
        .bind(now.plus(-HOUR).as_unix())
        .fetch_all(&self.reads)
        .await?;
        Ok(rows.into_iter().map(|(transfer_id, address)| Fact::Opening { transfer_id, address }).collect())
    }

    /// Of who sealed something today, what they sealed on each day of two months.
    async fn volumes(&self, now: Timestamp) -> Result<Vec<Fact>> {
        let today = now.as_unix().div_euclid(DAY) * DAY;
        let rows: Vec<(String, i64, i64)> = sqlx::query_as(
            "SELECT a.email, t.ready_at / 86400, CAST(SUM(t.total_len) AS BIGINT)
             FROM transfers t JOIN accounts a ON a.account_id = t.account_id
             WHERE t.ready_at >= $1 AND t.account_id IN (SELECT account_id FROM transfers WHERE ready_at >= $2)
             GROUP BY a.email, t.ready_at / 86400",
        )
        .bind(today - 60 * DAY)
        .bind(today)
        .fetch_all(&self.reads)
        .await?;
        let fact = |(sender, day, bytes)| Fact::Volume { sender, day, bytes: to_u64(bytes) };
        Ok(rows.into_iter().map(fact).collect())
    }

    /// Recipients come when they can, also to see what waits for them; and who was refused may be anyone.
    async fn acts(&self, now: Timestamp) -> Result<Vec<Fact>> {
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "SELECT actor, at FROM audit WHERE at > $1 AND address IS NOT NULL AND actor <> 'recipient'
                 AND event NOT IN ('sign_in.refused', 'mine.started', 'mine.refused', 'mine.ended') ORDER BY at DESC, seq DESC LIMIT $2",
        )
        .bind(now.plus(-HOUR).as_unix())
        .bind(ACTS)
        .fetch_all(&self.reads)
        .await?;
        Ok(rows.into_iter().map(|(sender, at)| Fact::Act { sender, at: to_time(at) }).collect())
    }

    /// Writes down something unusual and mails it to `recipients`, unless that was done before. Returns whether it was new.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn flag(
        &self,
        flag: &Flag,
        recipients: &[String],
        now: Timestamp,
        make_id: impl Fn() -> std::io::Result<String>,
    ) -> Result<bool> {
        let known = sqlx::query("SELECT 1 FROM audit_flags WHERE flag_id = $1").bind(flag.id());
        if known.fetch_optional(&self.reads).await?.is_some() {
            return Ok(false);
        }
        let mut transaction = self.begin().await?;
        let new = sqlx::query(
            "INSERT INTO audit_flags (flag_id, at, rule, subject, transfer_id, detail) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (flag_id) DO NOTHING",
        )
        .bind(flag.id())
        .bind(now.as_unix())
        .bind(flag.rule)
        .bind(flag.subject.as_str())
        .bind(flag.transfer_id.as_deref())
        .bind(flag.detail.as_str())
        .execute(&mut *transaction)
        .await?;
        if new.rows_affected() != 1 {
            return Ok(false);
        }
        for recipient in recipients {
            let mail_id = make_id().map_err(|error| StoreError::Broken(error.into()))?;
            let told = format!("{}: {}", flag.subject, flag.detail);
            queue_for_auditor(&mut transaction, MailKind::AuditFlag, &mail_id, recipient, &told, now).await?;
        }
        let entry = AuditEntry {
            transfer_id: flag.transfer_id.as_deref().and_then(|id| TransferId::parse(id).ok()),
            detail: if flag.transfer_id.is_some() {
                flag.detail.clone()
            } else {
                format!("{}: {}", flag.subject, flag.detail)
            },
            ..AuditEntry::by("system", Event::Flagged, now)
        };
        append(&mut transaction, &entry).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// All who hold the role *auditor*, whether or not they may sign in now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_auditors(&self) -> Result<Vec<Account>> {
        let sql = concat!("SELECT ", account_columns!(), " FROM accounts a WHERE a.auditor = 1 ORDER BY a.email");
        let rows: Vec<AccountRow> = sqlx::query_as(sql).fetch_all(&self.reads).await?;
        rows.into_iter().map(AccountRow::read).collect()
    }

    /// The newest flags.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_flags(&self, limit: u32) -> Result<Vec<StoredFlag>> {
        let rows: Vec<(i64, String, String, Option<String>, String)> = sqlx::query_as(
            "SELECT at, rule, subject, transfer_id, detail FROM audit_flags ORDER BY at DESC, flag_id DESC LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&self.reads)
        .await?;
        let flag = |(at, rule, subject, transfer_id, detail)| StoredFlag {
            at: to_time(at),
            rule,
            subject,
            transfer_id,
            detail,
        };
        Ok(rows.into_iter().map(flag).collect())
    }
}
