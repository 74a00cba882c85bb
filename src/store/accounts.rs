//! Accounts, as they are read and made.

use super::audit::{AuditEntry, append};
use super::{Result, Store, damaged, to_text, to_time};
use crate::people::{EmailAddress, Profile, SignInRule, Standing};
use protocol::Timestamp;
use protocol::people::Person;
use protocol::sign_in::Role;
use sqlx::{Any, AnyConnection, Executor, FromRow};
use std::collections::BTreeMap;

/// A person's account.
#[derive(Debug, Clone)]
pub struct Account {
    /// 32 random bytes as base64url; in the URLs of administrators' calls alone.
    pub account_id: String,
    /// The address that it was made for.
    pub email: EmailAddress,
    /// Empty until given.
    pub name: String,
    /// May stay empty.
    pub organisation: String,
    /// What it may do, and when.
    pub standing: Standing,
    /// Whether it is bound to an identity at a provider. Read with every account: where none is, nobody needs to ask at which.
    pub has_identity: bool,
}

impl Account {
    /// The person, as administrators see them; `me` is the account of whoever asks, `tokens` how many live access tokens
    /// accounts have.
    pub fn shown(&self, rule: &SignInRule, me: Option<&str>, tokens: &BTreeMap<String, u32>, now: Timestamp) -> Person {
        let standing = &self.standing;
        Person {
            account_id: self.account_id.clone(),
            email: self.email.to_string(),
            name: self.name.clone(),
            organisation: self.organisation.clone(),
            may: standing.may(),
            state: standing.state(rule.allows(&self.email), now),
            signed_in_at: standing.signed_in_at,
            tokens: tokens.get(&self.account_id).copied().unwrap_or_default(),
            has_identity: self.has_identity,
            is_me: me == Some(&self.account_id),
        }
    }
}

/// The columns of an [`AccountRow`].
macro_rules! account_columns {
    () => {
        "a.account_id, a.email, a.name, a.organisation, a.sender, a.auditor, a.administrator, a.department_head, a.department,
         a.valid_from, a.valid_until, a.disabled_at, a.invited_at, a.signed_in_at,
         (SELECT COUNT(*) FROM identities own WHERE own.account_id = a.account_id) AS identities"
    };
}
pub(super) use account_columns;

#[derive(FromRow)]
pub(super) struct AccountRow {
    account_id: String,
    email: String,
    name: String,
    organisation: String,
    sender: i64,
    auditor: i64,
    administrator: i64,
    department_head: i64,
    department: String,
    valid_from: Option<i64>,
    valid_until: Option<i64>,
    disabled_at: Option<i64>,
    invited_at: Option<i64>,
    signed_in_at: Option<i64>,
    identities: i64,
}

impl AccountRow {
    pub(super) fn read(self) -> Result<Account> {
        let held = [
            (Role::Sender, self.sender),
            (Role::Auditor, self.auditor),
            (Role::Administrator, self.administrator),
            (Role::DepartmentHead, self.department_head),
        ];
        let standing = Standing {
            roles: held.into_iter().filter(|(_, holds)| *holds == 1).map(|(role, _)| role).collect(),
            department: self.department,
            valid_from: self.valid_from.map(to_time),
            valid_until: self.valid_until.map(to_time),
            disabled_at: self.disabled_at.map(to_time),
            invited_at: self.invited_at.map(to_time),
            signed_in_at: self.signed_in_at.map(to_time),
        };
        let email = EmailAddress::parse(&self.email, "email").map_err(|_| damaged("address"))?;
        let has_identity = self.identities > 0;
        let Self { account_id, name, organisation, .. } = self;
        Ok(Account { account_id, email, name, organisation, standing, has_identity })
    }
}

impl Store {
    /// The account of an address.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn find_account(&self, email: &EmailAddress) -> Result<Option<Account>> {
        let row: Option<AccountRow> =
            sqlx::query_as(concat!("SELECT ", account_columns!(), " FROM accounts a WHERE a.email_key = $1"))
                .bind(email.account_key())
                .fetch_optional(&self.reads)
                .await?;
        row.map(AccountRow::read).transpose()
    }

    /// One account, by its id.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn find_person(&self, account_id: &str) -> Result<Option<Account>> {
        read_account(&self.reads, account_id).await
    }

    /// Changes what recipients see.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn change_profile(&self, account_id: &str, profile: &Profile, entry: &AuditEntry) -> Result<()> {
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE accounts SET name = $2, organisation = $3 WHERE account_id = $1")
            .bind(account_id)
            .bind(profile.name.as_str())
            .bind(profile.organisation.as_str())
            .execute(&mut *transaction)
            .await?;
        append(&mut transaction, entry).await?;
        Ok(transaction.commit().await?)
    }
}

/// One account, by its id.
pub(super) async fn read_account<'c>(
    reads: impl Executor<'c, Database = Any>,
    account_id: &str,
) -> Result<Option<Account>> {
    let row: Option<AccountRow> =
        sqlx::query_as(concat!("SELECT ", account_columns!(), " FROM accounts a WHERE a.account_id = $1"))
            .bind(account_id)
            .fetch_optional(reads)
            .await?;
    row.map(AccountRow::read).transpose()
}

/// Makes an account for an address that has none. The configuration's list has let them in: they become a sender.
pub(super) async fn add_account(
    connection: &mut AnyConnection,
    account_id: &[u8; 32],
    email: &EmailAddress,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO accounts (account_id, email_key, email, name, organisation, created_at, sender)
         VALUES ($1, $2, $3, '', '', $4, 1) ON CONFLICT (email_key) DO NOTHING",
    )
    .bind(to_text(account_id))
    .bind(email.account_key())
    .bind(email.as_str())
    .bind(now.as_unix())
    .execute(connection)
    .await?;
    Ok(())
}
