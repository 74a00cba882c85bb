//! Showing a factor or recovery code, and wrong tries at them.
//!
//! Every try takes the account's lock first, so that tries are counted one after the other on every node.

use super::audit::{AuditEntry, append};
use super::locks::lock_account;
use super::openings::count_failure;
use super::outbox::{AccountNotice, queue_account_notice};
use super::sessions::{Rotation, rotate};
use super::{Result, Store, to_text, to_time};
use crate::transfer::{Failures, PauseRule};
use protocol::Timestamp;

/// What was shown.
#[derive(Debug)]
pub enum Shown<'a> {
    /// A factor.
    Factor {
        /// Which.
        factor_id: &'a str,
        /// Must be higher than at its last use, unless both are 0.
        counter: i64,
        /// What is kept of it from now on, if that changed.
        sealed: Option<&'a str>,
    },
    /// A recovery code.
    RecoveryCode {
        /// Its keyed hash.
        mac: &'a [u8; 32],
        /// Its owner is told.
        notice: &'a AccountNotice,
    },
}

/// Where wrong tries of an account are counted.
pub(super) fn scope(account_id: &str) -> String {
    format!("second step {account_id}")
}

impl Store {
    /// Counts a factor or recovery code as used, and gives the session a new secret. False if it is not the account's, was
    /// used before, a pause is on, or the session is over.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn show_second_step(
        &self,
        account_id: &str,
        shown: &Shown<'_>,
        rotation: &Rotation<'_>,
        entry: &AuditEntry,
    ) -> Result<bool> {
        let mut transaction = self.begin().await?;
        lock_account(&mut transaction, account_id).await?;
        let used = match shown {
            Shown::Factor { factor_id, counter, sealed } => sqlx::query(
                "UPDATE factors SET counter = $3, sealed = COALESCE($4, sealed), last_used_at = $5
                 WHERE factor_id = $1 AND account_id = $2 AND (counter < $3 OR (counter = 0 AND $3 = 0))
                   AND NOT EXISTS (SELECT 1 FROM passcode_failures WHERE scope = $6 AND paused_until > $5 AND last_at <= $5)",
            )
            .bind(*factor_id)
            .bind(account_id)
            .bind(*counter)
            .bind(*sealed)
            .bind(entry.at.as_unix())
            .bind(scope(account_id)),
            Shown::RecoveryCode { mac, .. } => sqlx::query(
                "DELETE FROM recovery_codes WHERE code_mac = $1 AND account_id = $2
                   AND NOT EXISTS (SELECT 1 FROM passcode_failures WHERE scope = $4 AND paused_until > $3 AND last_at <= $3)",
            )
            .bind(to_text(mac))
            .bind(account_id)
            .bind(entry.at.as_unix())
            .bind(scope(account_id)),
        };
        let used = used.execute(&mut *transaction).await?;
        if used.rows_affected() != 1 || !rotate(&mut transaction, rotation, entry.at).await? {
            return Ok(false);
        }
        sqlx::query("DELETE FROM passcode_failures WHERE scope = $1")
            .bind(scope(account_id))
            .execute(&mut *transaction)
            .await?;
        if let Shown::RecoveryCode { notice, .. } = shown {
            queue_account_notice(&mut transaction, account_id, notice, entry.at).await?;
        }
        append(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Until when an account's second step has to wait, if a pause is on.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn find_second_step_pause(&self, account_id: &str, now: Timestamp) -> Result<Option<Timestamp>> {
        // A pause from the future was set before the clock was set back, and is forgotten.
        let row: Option<(i64,)> = sqlx::query_as(
            "SELECT paused_until FROM passcode_failures WHERE scope = $1 AND paused_until > $2 AND last_at <= $2",
        )
        .bind(scope(account_id))
        .bind(now.as_unix())
        .fetch_optional(&self.reads)
        .await?;
        Ok(row.map(|(until,)| to_time(until)))
    }

    /// Counts a wrong second step; `None` while a pause is on. When the first pause begins, the account's owner is told:
    /// whoever tries can read their mail.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn refuse_second_step(
        &self,
        account_id: &str,
        notice: &AccountNotice,
        entry: &AuditEntry,
    ) -> Result<Option<Failures>> {
        let mut transaction = self.begin().await?;
        lock_account(&mut transaction, account_id).await?;
        let (scope, rule) = (scope(account_id), PauseRule::SECOND_STEP);
        let Some(failures) = count_failure(&mut transaction, &scope, rule, entry.at).await? else { return Ok(None) };
        let after = rule.after(failures);
        sqlx::query("UPDATE passcode_failures SET paused_until = $2 WHERE scope = $1")
            .bind(scope)
            .bind(after.paused_until(entry.at).as_unix())
            .execute(&mut *transaction)
            .await?;
        if failures == rule.free {
            queue_account_notice(&mut transaction, account_id, notice, entry.at).await?;
        }
        append(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(Some(after))
    }
}
