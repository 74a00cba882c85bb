//! The step from draft to ready, and new links for what is ready.

use super::audit::{AuditEntry, append};
use super::locks::lock_transfer;
use super::outbox::{NewMail, queue};
use super::{Result, Store, from_len, to_text};
use protocol::TransferId;
use protocol::layout::PART_LEN;
use sqlx::{Any, FromRow, Transaction};

/// All that makes a draft ready.
#[derive(Debug)]
pub struct NewSeal<'a> {
    /// Whose transfer.
    pub account_id: &'a str,
    /// Which transfer.
    pub transfer_id: &'a TransferId,
    /// SHA-256 of the link's token.
    pub token_hash: &'a [u8; 32],
    /// What the passcode's proof is checked with.
    pub verifier: &'a [u8; 32],
    /// Wrapped under the transfer's key.
    pub capsule: &'a str,
    /// As text.
    pub manifest: &'a str,
    /// The transfer's key under the server key.
    pub wrapped_key: &'a str,
    /// The token for a repeated request, under a key that only the proof gives.
    pub repeat_token: &'a str,
    /// The mail with the link.
    pub mail: &'a NewMail,
}

/// What a repeated request is compared with.
#[derive(Debug, FromRow)]
pub struct SealRow {
    /// What the passcode's proof is checked with.
    pub verifier: String,
    /// Wrapped under the transfer's key.
    pub capsule: String,
    /// As text.
    pub manifest: String,
    /// The transfer's key under the server key.
    pub wrapped_key: String,
    /// Gone once a newer link was mailed.
    pub repeat_token: Option<String>,
}

impl Store {
    /// Makes a complete draft ready and queues its mail; false if it is no draft any more, over, or not complete.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn seal_transfer(&self, seal: &NewSeal<'_>, entry: &AuditEntry) -> Result<bool> {
        let mut transaction = self.begin().await?;
        lock_transfer(&mut transaction, seal.transfer_id).await?;
        let id = seal.transfer_id.to_text();
        let sealed = sqlx::query(
            "UPDATE transfers SET state = 'ready', ready_at = $3, token_hash = $4, verifier = $5
             WHERE transfer_id = $1 AND account_id = $2 AND state = 'draft' AND expires_at > $3
               AND (SELECT COUNT(*) FROM parts p JOIN objects o ON o.object_id = p.object_id WHERE o.transfer_id = $1)
                 = (SELECT SUM((object_len + $6 - 1) / $6) FROM objects WHERE transfer_id = $1)",
        )
        .bind(&id)
        .bind(seal.account_id)
        .bind(entry.at.as_unix())
        .bind(to_text(seal.token_hash))
        .bind(to_text(seal.verifier))
        // Counted here and not beforehand: an object may be replaced at any moment before this one.
        .bind(from_len(PART_LEN))
        .execute(&mut *transaction)
        .await?;
        if sealed.rows_affected() != 1 {
            return Ok(false);
        }
        sqlx::query("INSERT INTO sealed (transfer_id, capsule, manifest, repeat_token) VALUES ($1, $2, $3, $4)")
            .bind(&id)
            .bind(seal.capsule)
            .bind(seal.manifest)
            .bind(seal.repeat_token)
            .execute(&mut *transaction)
            .await?;
        sqlx::query("INSERT INTO transfer_keys (transfer_id, wrapped_key) VALUES ($1, $2)")
            .bind(&id)
            .bind(seal.wrapped_key)
            .execute(&mut *transaction)
            .await?;
        queue_link(&mut transaction, &id, seal.mail, entry).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// What a transfer was sealed with; `None` if it is not ready.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn find_seal(&self, account_id: &str, transfer_id: &TransferId) -> Result<Option<SealRow>> {
        let row = sqlx::query_as(
            "SELECT t.verifier, s.capsule, s.manifest, k.wrapped_key, s.repeat_token
             FROM transfers t JOIN sealed s ON s.transfer_id = t.transfer_id
             JOIN transfer_keys k ON k.transfer_id = t.transfer_id
             WHERE t.account_id = $1 AND t.transfer_id = $2 AND t.state = 'ready'",
        )
        .bind(account_id)
        .bind(transfer_id.to_text())
        .fetch_optional(&self.reads)
        .await?;
        Ok(row)
    }

    /// Gives a ready transfer a new link and queues its mail; the old link is dead, also if its mail is still on its
    /// way. False if nobody could open it any more.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn renew_link(
        &self,
        account_id: &str,
        transfer_id: &TransferId,
        token_hash: &[u8; 32],
        mail: &NewMail,
        entry: &AuditEntry,
    ) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let id = transfer_id.to_text();
        let renewed = sqlx::query(
            "UPDATE transfers SET token_hash = $4
             WHERE transfer_id = $1 AND account_id = $2 AND state = 'ready' AND expires_at > $3 AND openings < max_openings",
        )
        .bind(&id)
        .bind(account_id)
        .bind(entry.at.as_unix())
        .bind(to_text(token_hash))
        .execute(&mut *transaction)
        .await?;
        if renewed.rows_affected() != 1 {
            return Ok(false);
        }
        sqlx::query("UPDATE sealed SET repeat_token = NULL WHERE transfer_id = $1")
            .bind(&id)
            .execute(&mut *transaction)
            .await?;
        sqlx::query("DELETE FROM outbox WHERE transfer_id = $1 AND kind = 'transfer_link'")
            .bind(&id)
            .execute(&mut *transaction)
            .await?;
        queue_link(&mut transaction, &id, mail, entry).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

/// Queues the mail with the link as the one that counts, and appends the audit row.
async fn queue_link(
    transaction: &mut Transaction<'_, Any>,
    id: &str,
    mail: &NewMail,
    entry: &AuditEntry,
) -> Result<()> {
    sqlx::query("UPDATE transfers SET mail_id = $2, mail_state = 'queued', mail_reason = NULL WHERE transfer_id = $1")
        .bind(id)
        .bind(mail.mail_id.as_str())
        .execute(&mut **transaction)
        .await?;
    queue(transaction, mail, entry.at).await?;
    append(transaction, entry).await
}
