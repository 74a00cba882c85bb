//! How much there is of what: to be shown, never for decisions.

use super::creation::DEPARTMENT_STORED;
use super::{Result, Store, to_time, to_u64};
use protocol::Timestamp;
use std::collections::BTreeMap;

impl Store {
    /// How many transfers are in each state, those that are none left out. Reads an index or the whole table: for
    /// monitoring, every quarter of a minute or so.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn count_transfers(&self) -> Result<Vec<(String, u64)>> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT state, COUNT(*) FROM transfers GROUP BY state").fetch_all(&self.reads).await?;
        Ok(rows.into_iter().map(|(state, count)| (state, to_u64(count))).collect())
    }

    /// How many mails wait, and since when the oldest does.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn measure_outbox(&self) -> Result<(u64, Option<Timestamp>)> {
        let (count, oldest): (i64, i64) =
            sqlx::query_as("SELECT COUNT(*), COALESCE(MIN(created_at), 0) FROM outbox").fetch_one(&self.reads).await?;
        Ok((to_u64(count), (count > 0).then(|| to_time(oldest))))
    }

    /// Plaintext bytes of all transfers whose ciphertext is still stored.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn measure_stored(&self) -> Result<u64> {
        // Added up as numbers of any length in PostgreSQL, which must come back as one that fits.
        let sql = "SELECT CAST(COALESCE(SUM(total_len), 0) AS BIGINT) FROM transfers WHERE purged_at IS NULL";
        let (stored,): (i64,) = sqlx::query_as(sql).fetch_one(&self.reads).await?;
        Ok(to_u64(stored))
    }

    /// The same for one department.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn measure_department(&self, department: &str) -> Result<u64> {
        let (stored,): (i64,) = sqlx::query_as(DEPARTMENT_STORED).bind(department).fetch_one(&self.reads).await?;
        Ok(to_u64(stored))
    }

    /// The same for each department that holds anything.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn measure_departments(&self) -> Result<BTreeMap<String, u64>> {
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "SELECT department, CAST(SUM(total_len) AS BIGINT) FROM transfers
             WHERE department <> '' AND purged_at IS NULL GROUP BY department",
        )
        .fetch_all(&self.reads)
        .await?;
        Ok(rows.into_iter().map(|(department, stored)| (department, to_u64(stored))).collect())
    }

    /// Connections to the database by pool: in use, and idle.
    pub fn connections(&self) -> Vec<(&'static str, u64, u64)> {
        [("reads", &self.reads), ("writes", &self.writes)]
            .map(|(name, pool)| {
                let (all, idle) = (u64::from(pool.size()), pool.num_idle() as u64);
                (name, all.saturating_sub(idle), idle)
            })
            .to_vec()
    }
}
