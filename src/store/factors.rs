//! Factors and recovery codes: what an account has to show besides the mailed code.
//!
//! Whoever adds or removes one takes the account's lock first, so that the last one is the last one on every node.

use super::audit::{AuditEntry, append};
use super::ceremonies::CeremonyKind;
use super::locks::lock_account;
use super::outbox::{AccountNotice, queue_account_notice};
use super::second_steps::scope;
use super::sessions::{Rotation, end_sessions_and_tokens, forget_steps, rotate};
use super::{Result, Store, damaged, to_text, to_time, to_u32};
use crate::people::MAX_FACTORS;
use protocol::Timestamp;
use protocol::account::FactorKind;
use sqlx::{AnyConnection, FromRow};

/// A factor as it is kept.
#[derive(Debug, Clone)]
pub struct Factor {
    /// Random.
    pub factor_id: String,
    /// What it is.
    pub kind: FactorKind,
    /// What its owner calls it.
    pub name: String,
    /// Its secret or public key, under the server key; `factor_id` is its place.
    pub sealed: String,
    /// A passkey's name in its authenticator.
    pub credential_id: Option<String>,
    /// When it was set up.
    pub created_at: Timestamp,
    /// When it was shown last.
    pub last_used_at: Option<Timestamp>,
}

#[derive(FromRow)]
struct FactorRow {
    factor_id: String,
    kind: String,
    name: String,
    sealed: String,
    credential_id: Option<String>,
    created_at: i64,
    last_used_at: Option<i64>,
}

/// A factor to be kept.
#[derive(Debug)]
pub struct NewFactor<'a> {
    /// Random.
    pub factor_id: &'a str,
    /// Whose.
    pub account_id: &'a str,
    /// What it is.
    pub kind: FactorKind,
    /// What its owner calls it.
    pub name: &'a str,
    /// Under the server key; `factor_id` is its place.
    pub sealed: &'a str,
    /// A passkey's name in its authenticator.
    pub credential_id: Option<&'a str>,
    /// What must rise with the next use.
    pub counter: i64,
    /// Keyed hashes of recovery codes, kept if the account has none.
    pub recovery_codes: &'a [[u8; 32]],
}

/// What became of a new factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It is kept.
    Kept {
        /// Whether the recovery codes were kept with it.
        with_codes: bool,
    },
    /// The account has as many as it may have.
    TooMany,
    /// The passkey is known already, here or at another account.
    Known,
    /// The session or its ceremony is over.
    Over,
}

/// What became of a factor that was to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// It is gone.
    Gone,
    /// It is the last one and must stay.
    Last,
    /// The account has no such factor.
    Unknown,
}

const fn kind_text(kind: FactorKind) -> &'static str {
    match kind {
        FactorKind::Passkey => "passkey",
        FactorKind::App => "app",
    }
}

impl Store {
    /// An account's factors, oldest first.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn list_factors(&self, account_id: &str) -> Result<Vec<Factor>> {
        let rows: Vec<FactorRow> = sqlx::query_as(
            "SELECT factor_id, kind, name, sealed, credential_id, created_at, last_used_at
             FROM factors WHERE account_id = $1 ORDER BY created_at, factor_id",
        )
        .bind(account_id)
        .fetch_all(&self.reads)
        .await?;
        let read = |row: FactorRow| {
            let kinds = [FactorKind::Passkey, FactorKind::App];
            let kind = kinds.into_iter().find(|kind| kind_text(*kind) == row.kind).ok_or_else(|| damaged("factor"))?;
            Ok(Factor {
                factor_id: row.factor_id,
                kind,
                name: row.name,
                sealed: row.sealed,
                credential_id: row.credential_id,
                created_at: to_time(row.created_at),
                last_used_at: row.last_used_at.map(to_time),
            })
        };
        rows.into_iter().map(read).collect()
    }

    /// How many recovery codes an account has left.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn count_recovery_codes(&self, account_id: &str) -> Result<u32> {
        let (count,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM recovery_codes WHERE account_id = $1")
            .bind(account_id)
            .fetch_one(&self.reads)
            .await?;
        Ok(to_u32(count))
    }

    /// Keeps a new factor, and gives the session a new secret: its second step is shown with that.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn add_factor(
        &self,
        new: &NewFactor<'_>,
        rotation: &Rotation<'_>,
        notice: &AccountNotice,
        entry: &AuditEntry,
    ) -> Result<Added> {
        let mut transaction = self.begin().await?;
        lock_account(&mut transaction, new.account_id).await?;
        // Another session may have added the first factor a moment ago: then this one has to show it.
        if !may_add(&mut transaction, new.account_id, rotation.old).await? {
            return Ok(Added::Over);
        }
        // The app's secret may be confirmed at the second attempt; a passkey's question was spent before it came here.
        if new.kind == FactorKind::App && !CeremonyKind::App.spend(&mut transaction, rotation.old, entry.at).await? {
            return Ok(Added::Over);
        }
        if count_factors(&mut transaction, new.account_id).await? >= MAX_FACTORS {
            return Ok(Added::TooMany);
        }
        if !insert_factor(&mut transaction, new, entry.at).await? {
            return Ok(Added::Known);
        }
        let (codes,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM recovery_codes WHERE account_id = $1")
            .bind(new.account_id)
            .fetch_one(&mut *transaction)
            .await?;
        let with_codes = codes == 0;
        if with_codes {
            insert_recovery_codes(&mut transaction, new.account_id, new.recovery_codes).await?;
        }
        if !rotate(&mut transaction, rotation, entry.at).await? {
            return Ok(Added::Over);
        }
        forget_steps(&mut transaction, new.account_id, rotation.new).await?;
        queue_account_notice(&mut transaction, new.account_id, notice, entry.at).await?;
        append(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(Added::Kept { with_codes })
    }

    /// Gives a factor another name; false if the account has no such factor.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn rename_factor(
        &self,
        account_id: &str,
        factor_id: &str,
        name: &str,
        entry: &AuditEntry,
    ) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let renamed = sqlx::query("UPDATE factors SET name = $3 WHERE factor_id = $1 AND account_id = $2")
            .bind(factor_id)
            .bind(account_id)
            .bind(name)
            .execute(&mut *transaction)
            .await?;
        if renamed.rows_affected() != 1 {
            return Ok(false);
        }
        append(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Removes a factor. With the last one go the recovery codes: there is nothing left to recover from.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn remove_factor(
        &self,
        account_id: &str,
        factor_id: &str,
        may_be_last: bool,
        notice: &AccountNotice,
        entry: &AuditEntry,
    ) -> Result<Removed> {
        let mut transaction = self.begin().await?;
        lock_account(&mut transaction, account_id).await?;
        let removed = sqlx::query("DELETE FROM factors WHERE factor_id = $1 AND account_id = $2")
            .bind(factor_id)
            .bind(account_id)
            .execute(&mut *transaction)
            .await?;
        if removed.rows_affected() != 1 {
            return Ok(Removed::Unknown);
        }
        if count_factors(&mut transaction, account_id).await? == 0 {
            if !may_be_last {
                return Ok(Removed::Last);
            }
            delete_of(&mut transaction, "DELETE FROM recovery_codes WHERE account_id = $1", account_id).await?;
        }
        queue_account_notice(&mut transaction, account_id, notice, entry.at).await?;
        append(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(Removed::Gone)
    }

    /// Puts new recovery codes in the place of those that an account has.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn replace_recovery_codes(
        &self,
        account_id: &str,
        macs: &[[u8; 32]],
        notice: &AccountNotice,
        entry: &AuditEntry,
    ) -> Result<()> {
        let mut transaction = self.begin().await?;
        lock_account(&mut transaction, account_id).await?;
        delete_of(&mut transaction, "DELETE FROM recovery_codes WHERE account_id = $1", account_id).await?;
        insert_recovery_codes(&mut transaction, account_id, macs).await?;
        queue_account_notice(&mut transaction, account_id, notice, entry.at).await?;
        append(&mut transaction, entry).await?;
        Ok(transaction.commit().await?)
    }

    /// Takes all factors and recovery codes from an account and ends its sessions and access tokens, for who has lost everything. Returns how
    /// many factors went; `None` if there is no such account.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn reset_factors(
        &self,
        email_key: &str,
        notice: &AccountNotice,
        entry: &AuditEntry,
    ) -> Result<Option<u64>> {
        let row: Option<(String,)> = sqlx::query_as("SELECT account_id FROM accounts WHERE email_key = $1")
            .bind(email_key)
            .fetch_optional(&self.reads)
            .await?;
        let Some((account_id,)) = row else { return Ok(None) };
        let mut transaction = self.begin().await?;
        lock_account(&mut transaction, &account_id).await?;
        let gone = delete_of(&mut transaction, "DELETE FROM factors WHERE account_id = $1", &account_id).await?;
        delete_of(&mut transaction, "DELETE FROM recovery_codes WHERE account_id = $1", &account_id).await?;
        end_sessions_and_tokens(&mut transaction, &account_id).await?;
        delete_of(&mut transaction, "DELETE FROM passcode_failures WHERE scope = $1", &scope(&account_id)).await?;
        queue_account_notice(&mut transaction, &account_id, notice, entry.at).await?;
        append(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(Some(gone))
    }
}

/// Whether a session is there and has no factor left to show.
async fn may_add(connection: &mut AnyConnection, account_id: &str, session_hash: &[u8; 32]) -> Result<bool> {
    let found = sqlx::query(
        "SELECT 1 FROM sessions s WHERE s.session_hash = $1 AND s.account_id = $2
         AND (s.second_step_at IS NOT NULL OR NOT EXISTS (SELECT 1 FROM factors f WHERE f.account_id = $2))",
    )
    .bind(to_text(session_hash))
    .bind(account_id)
    .fetch_optional(connection)
    .await?;
    Ok(found.is_some())
}

pub(super) async fn count_factors(connection: &mut AnyConnection, account_id: &str) -> Result<i64> {
    let (count,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM factors WHERE account_id = $1")
        .bind(account_id)
        .fetch_one(connection)
        .await?;
    Ok(count)
}

async fn insert_factor(connection: &mut AnyConnection, new: &NewFactor<'_>, now: Timestamp) -> Result<bool> {
    let inserted = sqlx::query(
        "INSERT INTO factors (factor_id, account_id, kind, name, sealed, credential_id, counter, created_at, last_used_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) ON CONFLICT DO NOTHING",
    )
    .bind(new.factor_id)
    .bind(new.account_id)
    .bind(kind_text(new.kind))
    .bind(new.name)
    .bind(new.sealed)
    .bind(new.credential_id)
    .bind(new.counter)
    .bind(now.as_unix())
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

async fn insert_recovery_codes(connection: &mut AnyConnection, account_id: &str, macs: &[[u8; 32]]) -> Result<()> {
    for mac in macs {
        sqlx::query("INSERT INTO recovery_codes (code_mac, account_id) VALUES ($1, $2)")
            .bind(to_text(mac))
            .bind(account_id)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

async fn delete_of(connection: &mut AnyConnection, sql: &'static str, name: &str) -> Result<u64> {
    Ok(sqlx::query(sql).bind(name).execute(connection).await?.rows_affected())
}
