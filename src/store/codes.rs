//! Mailed codes that wait to be typed, whatever they lead to.

use super::audit::{AuditEntry, append};
use super::outbox::{NewMail, queue};
use super::{Result, Store, to_text};
use crate::people::CODE_TRIES;
use protocol::Timestamp;
use sqlx::AnyConnection;

/// A waiting code, after one more try at it was counted.
#[derive(Debug, Clone)]
pub struct TriedCode {
    /// The address that it was mailed to, as an account key.
    pub email_key: String,
    /// The keyed hash of the code.
    pub code_mac: String,
}

/// A code that was asked for.
#[derive(Debug)]
pub struct NewCode<'a> {
    /// The browser that asked.
    pub browser_hash: &'a [u8; 32],
    /// To which address it is mailed, as an account key.
    pub email_key: &'a str,
    /// The keyed hash of the code.
    pub code_mac: &'a [u8; 32],
    /// Until when it works.
    pub expires_at: Timestamp,
    /// The mail with it.
    pub mail: &'a NewMail,
    /// For one that is about a transfer.
    pub entry: Option<&'a AuditEntry>,
}

impl Store {
    /// Keeps a code's hash and queues its mail.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn add_code(&self, code: &NewCode<'_>, now: Timestamp) -> Result<()> {
        let mut transaction = self.begin().await?;
        sqlx::query("INSERT INTO sign_in_codes (browser_hash, email_key, code_mac, tries, expires_at) VALUES ($1, $2, $3, 0, $4)")
            .bind(to_text(code.browser_hash))
            .bind(code.email_key)
            .bind(to_text(code.code_mac))
            .bind(code.expires_at.as_unix())
            .execute(&mut *transaction)
            .await?;
        queue(&mut transaction, code.mail, now).await?;
        if let Some(entry) = code.entry {
            append(&mut transaction, entry).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Counts one more try at a browser's code, and gives what it is compared with; `None` if there is no code, or
    /// it is too old, or was tried too often.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn try_code(&self, browser_hash: &[u8; 32], now: Timestamp) -> Result<Option<TriedCode>> {
        let row: Option<(String, String)> = sqlx::query_as(
            "UPDATE sign_in_codes SET tries = tries + 1
             WHERE browser_hash = $1 AND expires_at > $2 AND tries < $3 RETURNING email_key, code_mac",
        )
        .bind(to_text(browser_hash))
        .bind(now.as_unix())
        .bind(CODE_TRIES)
        .fetch_optional(&self.writes)
        .await?;
        Ok(row.map(|(email_key, code_mac)| TriedCode { email_key, code_mac }))
    }
}

/// Spends a browser's code, in the transaction of what it leads to; false if it was spent already.
pub(super) async fn spend_code(connection: &mut AnyConnection, browser_hash: &[u8; 32]) -> Result<bool> {
    let spent = sqlx::query("DELETE FROM sign_in_codes WHERE browser_hash = $1")
        .bind(to_text(browser_hash))
        .execute(connection)
        .await?;
    Ok(spent.rows_affected() == 1)
}
