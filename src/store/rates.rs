//! Requests counted in fixed windows.

use super::{Result, Store, to_time};
use protocol::Timestamp;

impl Store {
    /// Counts one more request of `scope`, of which a window of `seconds` allows `limit`. Answers with the window's end
    /// if this one is too many. A full window is only read: refusing a flood must not keep the one writer busy.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn spend_hit(&self, scope: &str, limit: i64, seconds: i64, now: Timestamp) -> Result<Option<Timestamp>> {
        let starts_at = now.as_unix() - now.as_unix().rem_euclid(seconds);
        let ends_at = starts_at + seconds;
        let full = sqlx::query("SELECT 1 FROM rate_windows WHERE scope = $1 AND starts_at = $2 AND hits >= $3")
            .bind(scope)
            .bind(starts_at)
            .bind(limit)
            .fetch_optional(&self.reads)
            .await?;
        if full.is_some() {
            return Ok(Some(to_time(ends_at)));
        }
        let (hits,): (i64,) = sqlx::query_as(
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
        Ok((hits > limit).then(|| to_time(ends_at)))
    }
}
