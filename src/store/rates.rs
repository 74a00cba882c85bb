//! Requests counted in fixed windows, one statement a request.

use super::{Result, Store, to_time};
use protocol::Timestamp;

/// How often something has happened in its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hits {
    /// This one included.
    pub count: i64,
    /// When counting starts anew.
    pub until: Timestamp,
}

impl Store {
    /// Counts one more hit of `scope` in the current window of `seconds`.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn count_hit(&self, scope: &str, seconds: i64, now: Timestamp) -> Result<Hits> {
        let starts_at = now.as_unix() - now.as_unix().rem_euclid(seconds);
        let ends_at = starts_at + seconds;
        let (count,): (i64,) = sqlx::query_as(
            "INSERT INTO rate_windows (scope, starts_at, ends_at, hits) VALUES ($1, $2, $3, 1)
             ON CONFLICT (scope) DO UPDATE SET
                 hits = CASE WHEN rate_windows.starts_at = excluded.starts_at THEN rate_windows.hits + 1 ELSE 1 END,
                 starts_at = excluded.starts_at, ends_at = excluded.ends_at
             RETURNING hits",
        )
        .bind(scope)
        .bind(starts_at)
        .bind(ends_at)
        .fetch_one(&self.writes)
        .await?;
        Ok(Hits { count, until: to_time(ends_at) })
    }
}
