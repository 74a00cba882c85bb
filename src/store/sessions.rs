//! Sessions: how they start, go on and end; and the browsers that an account was signed in to from.

use super::accounts::{Account, AccountRow, account_columns, add_account};
use super::audit::{AuditEntry, append};
use super::codes::spend_code;
use super::identities::{Identity, is_bound};
use super::outbox::{AccountNotice, queue_account_notice};
use super::tokens::end_tokens;
use super::{Result, Store, to_text, to_time};
use crate::people::{EmailAddress, Progress};
use protocol::Timestamp;
use sqlx::{AnyConnection, FromRow};

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
    /// When it began.
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

/// One session in its owner's list.
#[derive(Debug, Clone)]
pub struct ListedSession {
    /// The hash of its secret, as text: it names the session, and opens nothing.
    pub session_id: String,
    /// The network that it began in, without the house number.
    pub network: String,
    /// When it began.
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
    /// Takes the proof and starts a session; false if the proof was already spent or is bound no more, or the account disabled
    /// meanwhile. Who has
    /// no account yet is let in by the configuration's list, and becomes a sender.
    ///
    /// # Errors
    /// [`super::StoreError`].
    pub async fn start_session(&self, new: &NewSession<'_>, entry: &AuditEntry) -> Result<bool> {
        let mut transaction = self.begin().await?;
        if let Proof::Code(browser_hash) = new.proof
            && !spend_code(&mut transaction, browser_hash).await?
        {
            return Ok(false);
        }
        add_account(&mut transaction, new.new_account_id, new.email, entry.at).await?;
        sqlx::query("UPDATE accounts SET signed_in_at = $2 WHERE email_key = $1")
            .bind(new.email.account_key())
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

    /// The session that this hash names, however old.
    ///
    /// # Errors
    /// [`super::StoreError`].
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
        };
        let account = account.read()?;
        Ok(Some(Session { account, created_at: to_time(created_at), seen_at: to_time(seen_at), progress }))
    }

    /// Writes down that a session did something.
    ///
    /// # Errors
    /// [`super::StoreError`].
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
    /// [`super::StoreError`].
    pub async fn end_session(&self, session_hash: &[u8; 32], entry: &AuditEntry) -> Result<()> {
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM sessions WHERE session_hash = $1")
            .bind(to_text(session_hash))
            .execute(&mut *transaction)
            .await?;
        append(&mut transaction, entry).await?;
        Ok(transaction.commit().await?)
    }

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

/// Ends all sessions and access tokens of an account.
pub(super) async fn end_sessions_and_tokens(connection: &mut AnyConnection, account_id: &str) -> Result<()> {
    sqlx::query("DELETE FROM sessions WHERE account_id = $1").bind(account_id).execute(&mut *connection).await?;
    end_tokens(connection, account_id).await
}

/// Remembers that this browser signed in to this account. If it is not the first one and nothing more is asked for (`is_whole`:
/// the provider has), the account's owner is told.
async fn note_browser(
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
