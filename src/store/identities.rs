//! Who somebody is at a provider of single sign-on: bound once to an account, by the provider's own name for them.

use super::accounts::{Account, AccountRow, account_columns};
use super::audit::{AuditEntry, append};
use super::outbox::{AccountNotice, queue_account_notice};
use super::tokens::end_tokens;
use super::{Result, Store, to_text};
use crate::people::EmailAddress;
use sqlx::AnyConnection;

/// A person at a provider (OpenID Connect Core 1.0 §2: only both together name somebody for ever).
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// The provider's address.
    pub issuer: &'a str,
    /// Its name for the person, `sub`.
    pub subject: &'a str,
}

/// An identity that is to be an account's.
#[derive(Debug)]
pub struct NewIdentity<'a> {
    /// Who they are at the provider.
    pub identity: Identity<'a>,
    /// The address that the provider vouches for.
    pub email: &'a EmailAddress,
    /// For an address that has no account yet.
    pub new_account_id: &'a [u8; 32],
    /// The account's owner is told.
    pub notice: &'a AccountNotice,
}

impl Store {
    /// The account of somebody at a provider, if they have been bound to one.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn find_identity(&self, identity: Identity<'_>) -> Result<Option<Account>> {
        let row: Option<AccountRow> = sqlx::query_as(concat!(
            "SELECT ",
            account_columns!(),
            " FROM identities n JOIN accounts a ON a.account_id = n.account_id WHERE n.issuer = $1 AND n.subject = $2"
        ))
        .bind(identity.issuer)
        .bind(identity.subject)
        .fetch_optional(&self.reads)
        .await?;
        row.map(AccountRow::read).transpose()
    }

    /// Binds an identity to the account of an address; who has none is let in by the configuration's list, and becomes a
    /// sender. False if the account belongs to somebody else at that provider, is disabled, or the identity was bound
    /// meanwhile.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn bind_identity(&self, new: &NewIdentity<'_>, entry: &AuditEntry) -> Result<bool> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "INSERT INTO accounts (account_id, email_key, email, name, organisation, created_at, sender)
             VALUES ($1, $2, $3, '', '', $4, 1) ON CONFLICT (email_key) DO NOTHING",
        )
        .bind(to_text(new.new_account_id))
        .bind(new.email.account_key())
        .bind(new.email.as_str())
        .bind(entry.at.as_unix())
        .execute(&mut *transaction)
        .await?;
        let bound: Option<(String,)> = sqlx::query_as(
            "INSERT INTO identities (issuer, subject, account_id, bound_at)
             SELECT $1, $2, account_id, $4 FROM accounts WHERE email_key = $3 AND disabled_at IS NULL
             ON CONFLICT DO NOTHING RETURNING account_id",
        )
        .bind(new.identity.issuer)
        .bind(new.identity.subject)
        .bind(new.email.account_key())
        .bind(entry.at.as_unix())
        .fetch_optional(&mut *transaction)
        .await?;
        let Some((account_id,)) = bound else { return Ok(false) };
        queue_account_notice(&mut transaction, &account_id, new.notice, entry.at).await?;
        append(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Takes all identities from an account, and ends its sessions and access tokens: the next sign-in by a provider binds anew.
    /// Returns how many.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn unbind_identities(&self, account_id: &str, notice: &AccountNotice, entry: &AuditEntry) -> Result<u64> {
        let mut transaction = self.begin().await?;
        let gone = sqlx::query("DELETE FROM identities WHERE account_id = $1")
            .bind(account_id)
            .execute(&mut *transaction)
            .await?;
        sqlx::query("DELETE FROM sessions WHERE account_id = $1").bind(account_id).execute(&mut *transaction).await?;
        end_tokens(&mut transaction, account_id).await?;
        queue_account_notice(&mut transaction, account_id, notice, entry.at).await?;
        append(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(gone.rows_affected())
    }
}

/// Whether the identity is (still) that of the address's account.
pub(super) async fn is_bound(connection: &mut AnyConnection, identity: Identity<'_>, email_key: &str) -> Result<bool> {
    let found: Option<(i64,)> = sqlx::query_as(
        "SELECT CAST(1 AS BIGINT) FROM identities n JOIN accounts a ON a.account_id = n.account_id
         WHERE n.issuer = $1 AND n.subject = $2 AND a.email_key = $3",
    )
    .bind(identity.issuer)
    .bind(identity.subject)
    .bind(email_key)
    .fetch_optional(connection)
    .await?;
    Ok(found.is_some())
}
