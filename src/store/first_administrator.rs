//! How there comes to be a first administrator: by a link that the server tells its operator while there is none.

use super::audit::{AuditEntry, append};
use super::locks::lock_people;
use super::{Result, Store, to_text};
use protocol::Timestamp;

/// Whether there is an administrator: `$1` is now.
macro_rules! any_administrator {
    () => {
        "EXISTS (SELECT 1 FROM accounts WHERE administrator = 1 AND disabled_at IS NULL
             AND (valid_until IS NULL OR valid_until > $1))"
    };
}

impl Store {
    /// Keeps the hash of a link that makes the first administrator; false if there is one.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn add_admin_link(&self, link_hash: &[u8; 32], expires_at: Timestamp, now: Timestamp) -> Result<bool> {
        let mut transaction = self.begin().await?;
        lock_people(&mut transaction).await?;
        let added = sqlx::query(concat!(
            "INSERT INTO admin_links (link_hash, expires_at) SELECT $2, $3 WHERE NOT ",
            any_administrator!()
        ))
        .bind(now.as_unix())
        .bind(to_text(link_hash))
        .bind(expires_at.as_unix())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(added.rows_affected() == 1)
    }

    /// Makes an account the first administrator, with a link that works once and only while there is none; false if it
    /// does not. All other such links go with it.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn make_first_administrator(
        &self,
        link_hash: &[u8; 32],
        account_id: &str,
        entry: &AuditEntry,
    ) -> Result<bool> {
        let mut transaction = self.begin().await?;
        lock_people(&mut transaction).await?;
        let spent = sqlx::query("DELETE FROM admin_links WHERE link_hash = $1 AND expires_at > $2")
            .bind(to_text(link_hash))
            .bind(entry.at.as_unix())
            .execute(&mut *transaction)
            .await?;
        if spent.rows_affected() != 1 {
            return Ok(false);
        }
        let made = sqlx::query(concat!(
            "UPDATE accounts SET administrator = 1 WHERE account_id = $2 AND disabled_at IS NULL AND NOT ",
            any_administrator!()
        ))
        .bind(entry.at.as_unix())
        .bind(account_id)
        .execute(&mut *transaction)
        .await?;
        if made.rows_affected() != 1 {
            return Ok(false);
        }
        sqlx::query("DELETE FROM admin_links").execute(&mut *transaction).await?;
        append(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(true)
    }
}
