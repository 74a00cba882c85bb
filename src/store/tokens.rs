//! Access tokens. The hash of each one's 256 random bits names its row: nothing slower than SHA-256 is needed where nobody
//! can try all values, and the database finds it by what tells nothing about the rest.

use super::accounts::{Account, AccountRow, account_columns};
use super::audit::{AuditEntry, append};
use super::locks::lock_account;
use super::outbox::{AccountNotice, queue_account_notice};
use super::{Result, Store, damaged, to_text, to_time, to_u32};
use crate::people::{MAX_TOKENS, NewToken, Standing, scopes_for};
use protocol::Timestamp;
use protocol::tokens::{Scope, TokenEntry};
use sqlx::{AnyConnection, FromRow};
use std::collections::BTreeMap;

#[derive(FromRow)]
struct TokenRow {
    token_hash: String,
    name: String,
    scopes: String,
    created_at: i64,
    expires_at: i64,
    last_used_at: Option<i64>,
}

impl TokenRow {
    fn read(self) -> Result<TokenEntry> {
        let scopes = self.scopes.split(' ').map(|text| Scope::parse(text).ok_or_else(|| damaged("scope")));
        Ok(TokenEntry {
            scopes: scopes.collect::<Result<_>>()?,
            token_id: self.token_hash,
            name: self.name,
            created_at: to_time(self.created_at),
            expires_at: to_time(self.expires_at),
            last_used_at: self.last_used_at.map(to_time),
        })
    }
}

#[derive(FromRow)]
struct HeldRow {
    #[sqlx(flatten)]
    account: AccountRow,
    #[sqlx(flatten)]
    token: TokenColumns,
    factors: i64,
}

/// The same columns under names that no account has.
#[derive(FromRow)]
struct TokenColumns {
    token_hash: String,
    token_name: String,
    scopes: String,
    token_created_at: i64,
    token_expires_at: i64,
    last_used_at: Option<i64>,
}

/// A token and whose it is.
#[derive(Debug, Clone)]
pub struct HeldToken {
    /// Whose.
    pub account: Account,
    /// Whether the account has a factor.
    pub has_factor: bool,
    /// What it is.
    pub token: TokenEntry,
}

/// What became of a new token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenAdded {
    /// It is kept.
    Kept,
    /// The account has as many as it may have.
    TooMany,
    /// The session is over.
    Over,
}

impl Store {
    /// The token that this hash names, however old.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn find_token(&self, token_hash: &[u8; 32]) -> Result<Option<HeldToken>> {
        let row: Option<HeldRow> = sqlx::query_as(concat!(
            "SELECT ",
            account_columns!(),
            ", t.token_hash, t.name AS token_name, t.scopes, t.created_at AS token_created_at,
             t.expires_at AS token_expires_at, t.last_used_at,
             (SELECT COUNT(*) FROM factors f WHERE f.account_id = a.account_id) AS factors
             FROM access_tokens t JOIN accounts a ON a.account_id = t.account_id WHERE t.token_hash = $1"
        ))
        .bind(to_text(token_hash))
        .fetch_optional(&self.reads)
        .await?;
        let Some(HeldRow { account, token, factors }) = row else { return Ok(None) };
        let token = TokenRow {
            token_hash: token.token_hash,
            name: token.token_name,
            scopes: token.scopes,
            created_at: token.token_created_at,
            expires_at: token.token_expires_at,
            last_used_at: token.last_used_at,
        };
        Ok(Some(HeldToken { account: account.read()?, has_factor: factors > 0, token: token.read()? }))
    }

    /// An account's tokens, newest first; those that ran out lately are among them.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn list_tokens(&self, account_id: &str) -> Result<Vec<TokenEntry>> {
        let rows: Vec<TokenRow> = sqlx::query_as(
            "SELECT token_hash, name, scopes, created_at, expires_at, last_used_at FROM access_tokens WHERE account_id = $1
             ORDER BY created_at DESC, token_hash",
        )
        .bind(account_id)
        .fetch_all(&self.reads)
        .await?;
        rows.into_iter().map(TokenRow::read).collect()
    }

    /// Writes down that a token was used.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn note_token_use(&self, token_hash: &[u8; 32], now: Timestamp) -> Result<()> {
        sqlx::query(
            "UPDATE access_tokens SET last_used_at = $2 WHERE token_hash = $1 AND (last_used_at IS NULL OR last_used_at < $2)",
        )
        .bind(to_text(token_hash))
        .bind(now.as_unix())
        .execute(&self.writes)
        .await?;
        Ok(())
    }

    /// How many tokens that have not run out each account has; those with none are left out.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn count_tokens(&self, now: Timestamp) -> Result<BTreeMap<String, u32>> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT account_id, COUNT(*) FROM access_tokens WHERE expires_at > $1 GROUP BY account_id")
                .bind(now.as_unix())
                .fetch_all(&self.reads)
                .await?;
        Ok(rows.into_iter().map(|(account_id, count)| (account_id, to_u32(count))).collect())
    }

    /// Keeps a new token by its hash, if the session that asks for it still stands and has shown its second step: of two who
    /// act at once, whoever takes an account's factors and sessions away takes the token too, or it is never made.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn add_token(
        &self,
        account_id: &str,
        session_hash: &[u8; 32],
        token_hash: &[u8; 32],
        new: &NewToken,
        notice: &AccountNotice,
        entry: &AuditEntry,
    ) -> Result<TokenAdded> {
        let mut transaction = self.begin().await?;
        lock_account(&mut transaction, account_id).await?;
        if !has_session(&mut transaction, account_id, session_hash).await? {
            return Ok(TokenAdded::Over);
        }
        let added = sqlx::query(
            "INSERT INTO access_tokens (token_hash, account_id, name, scopes, created_at, expires_at)
             SELECT $1, $2, $3, $4, $5, $6
             WHERE (SELECT COUNT(*) FROM access_tokens WHERE account_id = $2 AND expires_at > $5) < $7",
        )
        .bind(to_text(token_hash))
        .bind(account_id)
        .bind(new.name.as_str())
        .bind(new.scope_texts().join(" "))
        .bind(entry.at.as_unix())
        .bind(new.expires_at.as_unix())
        .bind(MAX_TOKENS)
        .execute(&mut *transaction)
        .await?;
        if added.rows_affected() != 1 {
            return Ok(TokenAdded::TooMany);
        }
        queue_account_notice(&mut transaction, account_id, notice, entry.at).await?;
        append(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(TokenAdded::Kept)
    }

    /// Ends a token of an account at once; false if it has no such token.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn revoke_token(
        &self,
        account_id: &str,
        token_id: &str,
        notice: &AccountNotice,
        entry: &AuditEntry,
    ) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let revoked = sqlx::query("DELETE FROM access_tokens WHERE token_hash = $1 AND account_id = $2")
            .bind(token_id)
            .bind(account_id)
            .execute(&mut *transaction)
            .await?;
        if revoked.rows_affected() != 1 {
            return Ok(false);
        }
        queue_account_notice(&mut transaction, account_id, notice, entry.at).await?;
        append(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

/// Whether a session is there and has shown its second step.
async fn has_session(connection: &mut AnyConnection, account_id: &str, session_hash: &[u8; 32]) -> Result<bool> {
    let found = sqlx::query(
        "SELECT 1 FROM sessions WHERE session_hash = $1 AND account_id = $2 AND second_step_at IS NOT NULL",
    )
    .bind(to_text(session_hash))
    .bind(account_id)
    .fetch_optional(connection)
    .await?;
    Ok(found.is_some())
}

/// Ends the tokens of an account that are for more than its owner may now do.
pub(super) async fn end_tokens_beyond(
    connection: &mut AnyConnection,
    account_id: &str,
    standing: &Standing,
) -> Result<()> {
    let kept: Vec<(String, String)> =
        sqlx::query_as("SELECT token_hash, scopes FROM access_tokens WHERE account_id = $1")
            .bind(account_id)
            .fetch_all(&mut *connection)
            .await?;
    let open = scopes_for(standing);
    let is_open = |text: &str| Scope::parse(text).is_some_and(|scope| open.contains(&scope));
    for (token_hash, _) in kept.iter().filter(|(_, scopes)| !scopes.split(' ').all(is_open)) {
        sqlx::query("DELETE FROM access_tokens WHERE token_hash = $1")
            .bind(token_hash)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Ends all tokens of an account, with whatever else ends then.
pub(super) async fn end_tokens(connection: &mut AnyConnection, account_id: &str) -> Result<()> {
    sqlx::query("DELETE FROM access_tokens WHERE account_id = $1").bind(account_id).execute(connection).await?;
    Ok(())
}
