//! The sessions of an account, as their owner sees and ends them; and the browsers that it was signed in to from.

use super::audit::{AuditEntry, append};
use super::outbox::{AccountNotice, queue_account_notice};
use super::{Result, Store, to_text, to_time};
use protocol::Timestamp;
use sqlx::AnyConnection;

/// One session in its owner's list.
#[derive(Debug, Clone)]
pub struct ListedSession {
    /// The hash of its secret, as text: it names the session, and opens nothing.
    pub session_id: String,
    /// The network that it began in, without the house number.
    pub network: String,
    /// When its code was typed.
    pub created_at: Timestamp,
    /// When it last did something.
    pub seen_at: Timestamp,
}

/// A session goes on under a new secret: whoever knew the old one before a step was taken is left behind (session
/// fixation).
#[derive(Debug)]
pub struct Rotation<'a> {
    /// The hash of the secret until now.
    pub old: &'a [u8; 32],
    /// The hash of the secret from now on.
    pub new: &'a [u8; 32],
}

/// A browser that signs in.
#[derive(Debug)]
pub struct SeenBrowser<'a> {
    /// The hash of its long-lived secret.
    pub hash: &'a [u8; 32],
    /// Names the mail that tells the account's owner of a new one.
    pub notice: &'a AccountNotice,
}

impl Store {
    /// An account's sessions, newest first; those that are over may still be among them.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn list_sessions(&self, account_id: &str) -> Result<Vec<ListedSession>> {
        let rows: Vec<(String, String, i64, i64)> = sqlx::query_as(
            "SELECT session_hash, network, created_at, seen_at FROM sessions WHERE account_id = $1
             ORDER BY created_at DESC, session_hash",
        )
        .bind(account_id)
        .fetch_all(&self.reads)
        .await?;
        let read = |(session_id, network, created_at, seen_at)| ListedSession {
            session_id,
            network,
            created_at: to_time(created_at),
            seen_at: to_time(seen_at),
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// Ends one session of an account; false if it has no such session.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn end_session_of(&self, account_id: &str, session_id: &str, entry: &AuditEntry) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let ended = sqlx::query("DELETE FROM sessions WHERE session_hash = $1 AND account_id = $2")
            .bind(session_id)
            .bind(account_id)
            .execute(&mut *transaction)
            .await?;
        if ended.rows_affected() != 1 {
            return Ok(false);
        }
        append(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Ends all sessions of an account but one.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn end_other_sessions(&self, account_id: &str, kept: &[u8; 32], entry: &AuditEntry) -> Result<()> {
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM sessions WHERE account_id = $1 AND session_hash <> $2")
            .bind(account_id)
            .bind(to_text(kept))
            .execute(&mut *transaction)
            .await?;
        append(&mut transaction, entry).await?;
        Ok(transaction.commit().await?)
    }
}

/// The second step was shown: the session goes on under its new secret. False if it is over.
pub(super) async fn rotate(connection: &mut AnyConnection, rotation: &Rotation<'_>, now: Timestamp) -> Result<bool> {
    let rotated =
        sqlx::query("UPDATE sessions SET session_hash = $2, second_step_at = $3, provider_step = 0, seen_at = $3 WHERE session_hash = $1")
            .bind(to_text(rotation.old))
            .bind(to_text(rotation.new))
            .bind(now.as_unix())
            .execute(connection)
            .await?;
    Ok(rotated.rows_affected() == 1)
}

/// The account has one more factor: its other sessions have not shown it, and show their step (once more).
pub(super) async fn forget_steps(connection: &mut AnyConnection, account_id: &str, kept: &[u8; 32]) -> Result<()> {
    sqlx::query(
        "UPDATE sessions SET second_step_at = NULL, provider_step = 0 WHERE account_id = $1 AND session_hash <> $2",
    )
    .bind(account_id)
    .bind(to_text(kept))
    .execute(connection)
    .await?;
    Ok(())
}

/// Remembers that this browser signed in to this account. If it is not the first one and nothing more is asked for (`is_whole`:
/// the provider has), the account's owner is told.
pub(super) async fn note_browser(
    connection: &mut AnyConnection,
    email_key: &str,
    browser: &SeenBrowser<'_>,
    is_whole: bool,
    now: Timestamp,
) -> Result<()> {
    let (account_id, factors): (String, i64) = sqlx::query_as(
        "SELECT a.account_id, (SELECT COUNT(*) FROM factors f WHERE f.account_id = a.account_id)
         FROM accounts a WHERE a.email_key = $1",
    )
    .bind(email_key)
    .fetch_one(&mut *connection)
    .await?;
    let known = sqlx::query("UPDATE known_browsers SET seen_at = $3 WHERE browser_hash = $1 AND account_id = $2")
        .bind(to_text(browser.hash))
        .bind(&account_id)
        .bind(now.as_unix())
        .execute(&mut *connection)
        .await?;
    // Where a factor is asked for, what came before it makes nobody known, and lets nobody in.
    if known.rows_affected() == 1 || factors > 0 && !is_whole {
        return Ok(());
    }
    let (others,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM known_browsers WHERE account_id = $1")
        .bind(&account_id)
        .fetch_one(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO known_browsers (browser_hash, account_id, seen_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(to_text(browser.hash))
    .bind(&account_id)
    .bind(now.as_unix())
    .execute(&mut *connection)
    .await?;
    if others > 0 || factors > 0 {
        queue_account_notice(connection, &account_id, browser.notice, now).await?;
    }
    Ok(())
}
