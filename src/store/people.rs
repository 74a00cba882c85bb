//! What administrators do about people: inviting, saying what they may do, disabling.
//!
//! Whether an administrator stays is in the `WHERE` of what could remove one, under the lock that stands for all
//! administrators: of two who take each other's role at the same moment, one is refused. There, too, is that a program (its
//! token stands in the audit's entry) changes nobody who is more than a sender, however lately they became it.

use super::accounts::{Account, AccountRow, account_columns, read_account};
use super::audit::{AuditEntry, append};
use super::locks::lock_people;
use super::outbox::{NewMail, queue};
use super::oversight::like_pattern;
use super::sessions::end_sessions_and_tokens;
use super::tokens::end_tokens_beyond;
use super::{Result, Store, to_text};
use crate::people::{EmailAddress, GroupRoles, Standing};
use protocol::Timestamp;
use protocol::sign_in::Role;
use sqlx::{Any, AnyConnection, Transaction};

/// What came of a change to somebody's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonChange {
    /// It is done.
    Made,
    /// No lasting administrator would have been left, there is no such account, or it is none that a program changes: nothing
    /// was done.
    Refused,
}

/// Somebody who is to have an account before they sign in first.
#[derive(Debug)]
pub struct NewPerson<'a> {
    /// Random.
    pub account_id: &'a [u8; 32],
    /// Whom the account is for.
    pub email: &'a EmailAddress,
    /// What they may do; its `invited_at` is when.
    pub standing: &'a Standing,
}

/// An administrator on whom the installation can rely: `$1` is now. Who has a last day, or was never here, is none.
macro_rules! lasting_administrator {
    () => {
        "administrator = 1 AND disabled_at IS NULL AND valid_until IS NULL AND signed_in_at IS NOT NULL
             AND (valid_from IS NULL OR valid_from <= $1)"
    };
}

/// Whether the account `$2` may be changed: `$3` is 1 if it is a lasting administrator afterwards too.
macro_rules! keeps_an_administrator {
    () => {
        concat!(
            "account_id = $2 AND ($3 = 1 OR NOT (",
            lasting_administrator!(),
            ") OR EXISTS (SELECT 1 FROM accounts WHERE account_id <> $2 AND ",
            lasting_administrator!(),
            "))"
        )
    };
}

/// Whether whoever acts may touch the account: anybody but a program may.
macro_rules! within_reach {
    ($is_program:literal) => {
        concat!(" AND (", $is_program, " = 0 OR (auditor = 0 AND administrator = 0 AND department_head = 0))")
    };
}

pub(super) use within_reach;

impl Store {
    /// Makes an account for somebody who has none, and queues the mail that says so; false if they have one.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn add_person(&self, new: &NewPerson<'_>, mail: Option<&NewMail>, entry: &AuditEntry) -> Result<bool> {
        let mut transaction = self.begin().await?;
        lock_people(&mut transaction).await?;
        let standing = new.standing;
        let holds = |role| i64::from(standing.roles.contains(&role));
        let added = sqlx::query(
            "INSERT INTO accounts (account_id, email_key, email, name, organisation, created_at, sender, auditor, administrator,
                 department_head, department, valid_from, valid_until, invited_at)
             VALUES ($1, $2, $3, '', '', $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (email_key) DO NOTHING",
        )
        .bind(to_text(new.account_id))
        .bind(new.email.account_key())
        .bind(new.email.as_str())
        .bind(entry.at.as_unix())
        .bind(holds(Role::Sender))
        .bind(holds(Role::Auditor))
        .bind(holds(Role::Administrator))
        .bind(holds(Role::DepartmentHead))
        .bind(standing.department.as_str())
        .bind(standing.valid_from.map(Timestamp::as_unix))
        .bind(standing.valid_until.map(Timestamp::as_unix))
        .bind(standing.invited_at.map(Timestamp::as_unix))
        .execute(&mut *transaction)
        .await?;
        if added.rows_affected() != 1 {
            return Ok(false);
        }
        finish(transaction, mail, entry).await?;
        Ok(true)
    }

    /// Has an account hold these roles, in this department, between these dates. Nothing else of `standing` counts. Tokens of
    /// its that could do what the roles no longer allow end: else they would wait for the day on which the role comes back.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn change_person(&self, account_id: &str, may: &Standing, entry: &AuditEntry) -> Result<PersonChange> {
        let mut transaction = self.begin().await?;
        lock_people(&mut transaction).await?;
        let holds = |role| i64::from(may.roles.contains(&role));
        let changed = sqlx::query(concat!(
            "UPDATE accounts SET sender = $4, auditor = $5, administrator = $6, department_head = $7, department = $8,
                 valid_from = $9, valid_until = $10 WHERE ",
            keeps_an_administrator!(),
            within_reach!("$11")
        ))
        .bind(entry.at.as_unix())
        .bind(account_id)
        .bind(i64::from(may.is_for_good(Role::Administrator, entry.at)))
        .bind(holds(Role::Sender))
        .bind(holds(Role::Auditor))
        .bind(holds(Role::Administrator))
        .bind(holds(Role::DepartmentHead))
        .bind(may.department.as_str())
        .bind(may.valid_from.map(Timestamp::as_unix))
        .bind(may.valid_until.map(Timestamp::as_unix))
        .bind(is_program(entry))
        .execute(&mut *transaction)
        .await?;
        end_tokens_beyond(&mut transaction, account_id, may).await?;
        finish_change(transaction, changed.rows_affected(), None, entry).await
    }

    /// Has an account hold the roles that its groups at the provider give, and leaves all others as they are at that moment: an
    /// administrator may be changing them. The last administrator stays one; nothing is written if that leaves everything as it
    /// was. Tokens that could do what the roles no longer allow end. The entry's detail is added to.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn set_roles(
        &self,
        account_id: &str,
        rule: &GroupRoles,
        groups: &[String],
        entry: &AuditEntry,
    ) -> Result<()> {
        let mut transaction = self.begin().await?;
        lock_people(&mut transaction).await?;
        let Some(account) = take_person(&mut transaction, account_id).await? else { return Ok(()) };
        let held = account.standing;
        let mut next = Standing { roles: rule.apply(&held.roles, groups), ..held.clone() };
        let mut why = "by the groups of the provider";
        if next.roles == held.roles {
            return Ok(());
        }
        if !write_roles(&mut transaction, account_id, rule, &next, entry.at).await? {
            next.roles.insert(Role::Administrator);
            why = "by the groups of the provider; stays administrator, because nobody else is one";
            if next.roles == held.roles || !write_roles(&mut transaction, account_id, rule, &next, entry.at).await? {
                return Ok(());
            }
        }
        end_tokens_beyond(&mut transaction, account_id, &next).await?;
        let detail = format!("{}; {next}; {why}", entry.detail);
        finish(transaction, None, &AuditEntry { detail, ..entry.clone() }).await
    }

    /// Has an account do nothing any more, and ends its sessions and access tokens; once more changes nothing.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn disable_person(&self, account_id: &str, entry: &AuditEntry) -> Result<PersonChange> {
        let mut transaction = self.begin().await?;
        lock_people(&mut transaction).await?;
        let disabled = sqlx::query(concat!(
            "UPDATE accounts SET disabled_at = COALESCE(disabled_at, $1) WHERE ",
            keeps_an_administrator!(),
            within_reach!("$4")
        ))
        .bind(entry.at.as_unix())
        .bind(account_id)
        .bind(0_i64)
        .bind(is_program(entry))
        .execute(&mut *transaction)
        .await?;
        if disabled.rows_affected() == 1 {
            end_sessions_and_tokens(&mut transaction, account_id).await?;
        }
        finish_change(transaction, disabled.rows_affected(), None, entry).await
    }

    /// Takes that back. Everybody signs in anew, also who was just signing in when the account was disabled.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn enable_person(&self, account_id: &str, entry: &AuditEntry) -> Result<PersonChange> {
        let mut transaction = self.begin().await?;
        lock_people(&mut transaction).await?;
        let enabled =
            sqlx::query(concat!("UPDATE accounts SET disabled_at = NULL WHERE account_id = $1", within_reach!("$2")))
                .bind(account_id)
                .bind(is_program(entry))
                .execute(&mut *transaction)
                .await?;
        end_sessions_and_tokens(&mut transaction, account_id).await?;
        finish_change(transaction, enabled.rows_affected(), None, entry).await
    }

    /// Invites somebody who has an account: they may sign in from now on, whether or not the configuration lists them.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn invite_person(
        &self,
        account_id: &str,
        mail: Option<&NewMail>,
        entry: &AuditEntry,
    ) -> Result<PersonChange> {
        let mut transaction = self.begin().await?;
        lock_people(&mut transaction).await?;
        let invited =
            sqlx::query(concat!("UPDATE accounts SET invited_at = $2 WHERE account_id = $1", within_reach!("$3")))
                .bind(account_id)
                .bind(entry.at.as_unix())
                .bind(is_program(entry))
                .execute(&mut *transaction)
                .await?;
        finish_change(transaction, invited.rows_affected(), mail, entry).await
    }

    /// People whose address, name or department holds `search`, by address, from the one after `after` on.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn list_people(&self, search: &str, after: &str, limit: u32) -> Result<Vec<Account>> {
        let rows: Vec<AccountRow> = sqlx::query_as(concat!(
            "SELECT ",
            account_columns!(),
            " FROM accounts a WHERE a.email_key > $1 AND (a.email_key LIKE $2 ESCAPE '!' OR LOWER(a.name) LIKE $2 ESCAPE '!'
                 OR LOWER(a.department) LIKE $2 ESCAPE '!') ORDER BY a.email_key LIMIT $3"
        ))
        .bind(after)
        .bind(like_pattern(search))
        .bind(i64::from(limit))
        .fetch_all(&self.reads)
        .await?;
        rows.into_iter().map(AccountRow::read).collect()
    }

    /// The departments that people are in.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn list_departments(&self) -> Result<Vec<String>> {
        let sql = "SELECT DISTINCT department FROM accounts WHERE department <> '' ORDER BY department";
        let rows: Vec<(String,)> = sqlx::query_as(sql).fetch_all(&self.reads).await?;
        Ok(rows.into_iter().map(|(department,)| department).collect())
    }
}

/// The account as it is now, held until the transaction ends.
async fn take_person(connection: &mut AnyConnection, account_id: &str) -> Result<Option<Account>> {
    // SQLite's one writer begins with a write, and sees everything from there on.
    sqlx::query("UPDATE accounts SET sender = sender WHERE account_id = $1")
        .bind(account_id)
        .execute(&mut *connection)
        .await?;
    read_account(connection, account_id).await
}

/// Writes the roles that the rule names, and no others; false if no lasting administrator would be left.
async fn write_roles(
    connection: &mut AnyConnection,
    account_id: &str,
    rule: &GroupRoles,
    next: &Standing,
    now: Timestamp,
) -> Result<bool> {
    let holds = |role| rule.gives(role, &[]).map(|_| i64::from(next.roles.contains(&role)));
    let written = sqlx::query(concat!(
        "UPDATE accounts SET sender = COALESCE($4, sender), auditor = COALESCE($5, auditor),
             administrator = COALESCE($6, administrator), department_head = COALESCE($7, department_head) WHERE ",
        keeps_an_administrator!()
    ))
    .bind(now.as_unix())
    .bind(account_id)
    .bind(i64::from(next.is_for_good(Role::Administrator, now)))
    .bind(holds(Role::Sender))
    .bind(holds(Role::Auditor))
    .bind(holds(Role::Administrator))
    .bind(holds(Role::DepartmentHead))
    .execute(connection)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// Whether a program acts, as [`within_reach!`] takes it.
pub(super) fn is_program(entry: &AuditEntry) -> i64 {
    i64::from(entry.token.is_some())
}

async fn finish_change(
    transaction: Transaction<'_, Any>,
    rows: u64,
    mail: Option<&NewMail>,
    entry: &AuditEntry,
) -> Result<PersonChange> {
    if rows != 1 {
        return Ok(PersonChange::Refused);
    }
    finish(transaction, mail, entry).await?;
    Ok(PersonChange::Made)
}

async fn finish(mut transaction: Transaction<'_, Any>, mail: Option<&NewMail>, entry: &AuditEntry) -> Result<()> {
    if let Some(mail) = mail {
        queue(&mut transaction, mail, entry.at).await?;
    }
    append(&mut transaction, entry).await?;
    Ok(transaction.commit().await?)
}
