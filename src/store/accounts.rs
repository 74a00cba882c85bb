//! Accounts and their sessions.

use super::audit::{AuditEntry, append};
use super::codes::spend_code;
use super::identities::{Identity, is_bound};
use super::sessions::{SeenBrowser, note_browser};
use super::{Result, Store, damaged, to_text, to_time};
use crate::people::{EmailAddress, Profile, Progress, SignInRule, Standing};
use protocol::Timestamp;
use protocol::people::Person;
use protocol::sign_in::Role;
use sqlx::FromRow;
use std::collections::BTreeMap;

/// A person's account.
#[derive(Debug, Clone)]
pub struct Account {
    /// 32 random bytes as base64url; in the URLs of administrators' calls alone.
    pub account_id: String,
    /// The address proved by the code.
    pub email: EmailAddress,
    /// Empty until given.
    pub name: String,
    /// May stay empty.
    pub organisation: String,
    /// What it may do, and when.
    pub standing: Standing,
    /// Whether it is bound to an identity at a provider.
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

#[derive(FromRow)]
struct SessionRow {
    #[sqlx(flatten)]
    account: AccountRow,
    created_at: i64,
    seen_at: i64,
    second_step_at: Option<i64>,
    provider_step: i64,
    factors: i64,
}

/// A session and whose it is.
#[derive(Debug, Clone)]
pub struct Session {
    /// Whose.
    pub account: Account,
    /// When its code was typed.
    pub created_at: Timestamp,
    /// When it last did something.
    pub seen_at: Timestamp,
    /// Which steps of signing in were taken.
    pub progress: Progress,
}

/// What lets somebody in.
#[derive(Debug, Clone, Copy)]
pub enum Proof<'a> {
    /// The code that was mailed to the address and typed in this browser, which spends it.
    Code(&'a [u8; 32]),
    /// The provider's word, for an identity that is bound to the address's account.
    Provider {
        /// Who they are there.
        identity: Identity<'a>,
        /// When it asked for a second step that counts as ours, if it did.
        second_step_at: Option<Timestamp>,
    },
}

/// What starts a session.
#[derive(Debug)]
pub struct NewSession<'a> {
    /// The address of the account: proved by the code, or the one that the identity is bound to.
    pub email: &'a EmailAddress,
    /// For a first sign-in.
    pub new_account_id: &'a [u8; 32],
    /// The new session.
    pub session_hash: &'a [u8; 32],
    /// The browser's session until now, which ends.
    pub replaces: Option<&'a [u8; 32]>,
    /// What lets them in.
    pub proof: Proof<'a>,
    /// The same browser, as it is known for longer.
    pub browser: SeenBrowser<'a>,
    /// The client's network, without the house number.
    pub network: &'a str,
}

impl Store {
    /// The session that this hash names, however old.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_session(&self, session_hash: &[u8; 32]) -> Result<Option<Session>> {
        let row: Option<SessionRow> = sqlx::query_as(concat!(
            "SELECT ",
            account_columns!(),
            ", s.created_at, s.seen_at, s.second_step_at, s.provider_step,
             (SELECT COUNT(*) FROM factors f WHERE f.account_id = a.account_id) AS factors
             FROM sessions s JOIN accounts a ON a.account_id = s.account_id WHERE s.session_hash = $1"
        ))
        .bind(to_text(session_hash))
        .fetch_optional(&self.reads)
        .await?;
        let Some(SessionRow { account, created_at, seen_at, second_step_at, provider_step, factors }) = row else {
            return Ok(None);
        };
        let progress = Progress {
            has_factor: factors > 0,
            second_step_at: second_step_at.map(to_time),
            by_provider: provider_step == 1,
            // Whether it counts is for the configuration.
            at_provider: false,
        };
        let account = account.read()?;
        Ok(Some(Session { account, created_at: to_time(created_at), seen_at: to_time(seen_at), progress }))
    }

    /// The account of an address.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_account(&self, email: &EmailAddress) -> Result<Option<Account>> {
        let row: Option<AccountRow> =
            sqlx::query_as(concat!("SELECT ", account_columns!(), " FROM accounts a WHERE a.email_key = $1"))
                .bind(email.account_key())
                .fetch_optional(&self.reads)
                .await?;
        row.map(AccountRow::read).transpose()
    }

    /// Writes down that a session did something.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn refresh_session(&self, session_hash: &[u8; 32], now: Timestamp) -> Result<()> {
        sqlx::query("UPDATE sessions SET seen_at = $2 WHERE session_hash = $1 AND seen_at < $2")
            .bind(to_text(session_hash))
            .bind(now.as_unix())
            .execute(&self.writes)
            .await?;
        Ok(())
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_session(&self, session_hash: &[u8; 32], entry: &AuditEntry) -> Result<()> {
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM sessions WHERE session_hash = $1")
            .bind(to_text(session_hash))
            .execute(&mut *transaction)
            .await?;
        append(&mut transaction, entry).await?;
        Ok(transaction.commit().await?)
    }

    /// Changes what recipients see.
    ///
    /// # Errors
    /// [`StoreError`].
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

    /// Takes the proof and starts a session; false if the proof was already spent, or the account disabled meanwhile. Who has
    /// no account yet is let in by the configuration's list, and becomes a sender.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn start_session(&self, new: &NewSession<'_>, entry: &AuditEntry) -> Result<bool> {
        let mut transaction = self.begin().await?;
        if let Proof::Code(browser_hash) = new.proof
            && !spend_code(&mut transaction, browser_hash).await?
        {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO accounts (account_id, email_key, email, name, organisation, created_at, sender, signed_in_at)
             VALUES ($1, $2, $3, '', '', $4, 1, $4) ON CONFLICT (email_key) DO UPDATE SET signed_in_at = $4",
        )
        .bind(to_text(new.new_account_id))
        .bind(new.email.account_key())
        .bind(new.email.as_str())
        .bind(entry.at.as_unix())
        .execute(&mut *transaction)
        .await?;
        let shown_at_provider = match new.proof {
            Proof::Code(_) => None,
            Proof::Provider { identity, second_step_at } => {
                if !is_bound(&mut transaction, identity, &new.email.account_key()).await? {
                    return Ok(false);
                }
                second_step_at
            }
        };
        if let Some(old) = new.replaces {
            sqlx::query("DELETE FROM sessions WHERE session_hash = $1")
                .bind(to_text(old))
                .execute(&mut *transaction)
                .await?;
        }
        let started = sqlx::query(
            "INSERT INTO sessions (session_hash, account_id, created_at, seen_at, network, second_step_at, provider_step)
             SELECT $1, account_id, $2, $2, $4, $5, $6 FROM accounts WHERE email_key = $3 AND disabled_at IS NULL",
        )
        .bind(to_text(new.session_hash))
        .bind(entry.at.as_unix())
        .bind(new.email.account_key())
        .bind(new.network)
        .bind(shown_at_provider.map(Timestamp::as_unix))
        .bind(i64::from(shown_at_provider.is_some()))
        .execute(&mut *transaction)
        .await?;
        if started.rows_affected() != 1 {
            return Ok(false);
        }
        let is_whole = shown_at_provider.is_some();
        note_browser(&mut transaction, &new.email.account_key(), &new.browser, is_whole, entry.at).await?;
        append(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Writes down an event that changed nothing else, such as a refused sign-in.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record(&self, entry: &AuditEntry) -> Result<()> {
        let mut transaction = self.begin().await?;
        append(&mut transaction, entry).await?;
        Ok(transaction.commit().await?)
    }
}
