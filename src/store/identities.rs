//! Who somebody is at a provider of single sign-on: bound once to an account, by the provider's own name for them.

use super::accounts::{Account, AccountRow, account_columns, add_account};
use super::audit::{AuditEntry, append};
use super::factors::count_factors;
use super::locks::lock_account;
use super::outbox::{AccountNotice, queue_account_notice};
use super::people::{is_program, within_reach};
use super::sessions::end_sessions_and_tokens;
use super::{Result, Store, to_text, to_time};
use crate::people::{EmailAddress, RECENT};
use protocol::Timestamp;
use sha2::{Digest as _, Sha256};
use sqlx::AnyConnection;
use std::fmt;

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
    /// The session that the browser had when it went to the provider.
    pub session: Option<&'a [u8; 32]>,
    /// For an address that has no account yet.
    pub new_account_id: &'a [u8; 32],
    /// The account's owner is told.
    pub notice: &'a AccountNotice,
}

/// For the audit: enough to tell which of several it was, without the provider's name for the person.
impl fmt::Display for Identity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = Sha256::digest(self.subject.as_bytes());
        write!(f, "{} sub ", self.issuer)?;
        digest.iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What became of an identity that was to be an account's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// It is the account's.
    Made {
        /// Whether the account has a factor.
        with_factor: bool,
    },
    /// The account belongs to somebody else at that provider or is disabled, or the identity was bound meanwhile.
    Taken,
    /// The account has a factor, and the session did not show it within the last minutes.
    Unconfirmed,
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

    /// Since when an account is bound to an identity at this provider, if it is.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn bound_since(&self, account_id: &str, issuer: &str) -> Result<Option<Timestamp>> {
        let found: Option<(i64,)> =
            sqlx::query_as("SELECT bound_at FROM identities WHERE account_id = $1 AND issuer = $2")
                .bind(account_id)
                .bind(issuer)
                .fetch_optional(&self.reads)
                .await?;
        Ok(found.map(|(at,)| to_time(at)))
    }

    /// Binds an identity to the account of an address; who has none is let in by the configuration's list, and becomes a
    /// sender. An account that has a factor is bound only by a session that showed it just now: an address at the provider
    /// must not get past it.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn bind_identity(&self, new: &NewIdentity<'_>, entry: &AuditEntry) -> Result<Binding> {
        let mut transaction = self.begin().await?;
        add_account(&mut transaction, new.new_account_id, new.email, entry.at).await?;
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
        let Some((account_id,)) = bound else { return Ok(Binding::Taken) };
        lock_account(&mut transaction, &account_id).await?;
        let with_factor = count_factors(&mut transaction, &account_id).await? > 0;
        if with_factor && !is_confirmed(&mut transaction, &account_id, new.session, entry.at).await? {
            return Ok(Binding::Unconfirmed);
        }
        queue_account_notice(&mut transaction, &account_id, new.notice, entry.at).await?;
        append(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(Binding::Made { with_factor })
    }

    /// Takes all identities from an account, and ends its sessions and access tokens: the next sign-in by a provider binds anew.
    /// Returns how many; nothing is done where there are none, or a program acts on somebody who is more than a sender.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn unbind_identities(&self, account_id: &str, notice: &AccountNotice, entry: &AuditEntry) -> Result<u64> {
        let mut transaction = self.begin().await?;
        // Somebody may be signing in by it in this moment: their session is there by now, or will not be.
        lock_account(&mut transaction, account_id).await?;
        let gone: Vec<(String, String)> = sqlx::query_as(concat!(
            "DELETE FROM identities WHERE account_id = (SELECT account_id FROM accounts WHERE account_id = $1",
            within_reach!("$2"),
            ") RETURNING issuer, subject"
        ))
        .bind(account_id)
        .bind(is_program(entry))
        .fetch_all(&mut *transaction)
        .await?;
        if gone.is_empty() {
            return Ok(0);
        }
        end_sessions_and_tokens(&mut transaction, account_id).await?;
        queue_account_notice(&mut transaction, account_id, notice, entry.at).await?;
        let named = gone.iter().map(|(issuer, subject)| Identity { issuer, subject }.to_string());
        let told = std::iter::once(entry.detail.clone()).filter(|detail| !detail.is_empty());
        let detail = told.chain(named).collect::<Vec<_>>().join("; ");
        append(&mut transaction, &AuditEntry { detail, ..entry.clone() }).await?;
        transaction.commit().await?;
        Ok(gone.len() as u64)
    }
}

/// Whether a session of the account showed a factor of its own within the last minutes.
async fn is_confirmed(
    connection: &mut AnyConnection,
    account_id: &str,
    session_hash: Option<&[u8; 32]>,
    now: Timestamp,
) -> Result<bool> {
    let Some(session_hash) = session_hash else { return Ok(false) };
    let found = sqlx::query(
        "SELECT 1 FROM sessions WHERE session_hash = $1 AND account_id = $2
         AND provider_step = 0 AND second_step_at > $3 AND second_step_at <= $4",
    )
    .bind(to_text(session_hash))
    .bind(account_id)
    .bind(now.as_unix() - RECENT)
    .bind(now.as_unix())
    .fetch_optional(connection)
    .await?;
    Ok(found.is_some())
}

/// Whether the identity is (still) that of the address's account.
pub(super) async fn is_bound(connection: &mut AnyConnection, identity: Identity<'_>, email_key: &str) -> Result<bool> {
    let found = sqlx::query(
        "SELECT 1 FROM identities n JOIN accounts a ON a.account_id = n.account_id
         WHERE n.issuer = $1 AND n.subject = $2 AND a.email_key = $3",
    )
    .bind(identity.issuer)
    .bind(identity.subject)
    .bind(email_key)
    .fetch_optional(connection)
    .await?;
    Ok(found.is_some())
}
