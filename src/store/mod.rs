//! Rows: SQL only, one file a table family. The same SQL text runs on SQLite and PostgreSQL.
//!
//! | file | tables |
//! | --- | --- |
//! | `accounts` | accounts |
//! | `codes` | mailed codes that wait to be typed |
//! | `identities` | who people are at a provider of single sign-on |
//! | `factors` | factors and recovery codes |
//! | `second_steps` | showing them, and wrong tries |
//! | `ceremonies` | what waits for an answer while a factor is set up or shown |
//! | `sessions` | sessions, known browsers |
//! | `tokens` | access tokens |
//! | `mailboxes` | recipients' proven mailboxes, and what waits for them |
//! | `oversight` | transfers, as those see them who do not own them |
//! | `people` | accounts, as administrators see them |
//! | `first_administrator` | links for whoever becomes it |
//! | `creation` | making a draft |
//! | `transfers` | transfers and objects, as their sender sees them |
//! | `parts` | what has arrived |
//! | `uploads` | what the store of bytes calls unfinished objects |
//! | `second_copies` | which objects have their second copy, and who writes bytes just now |
//! | `restarts` | a new object in the place of one that was given up |
//! | `sealing` | the step from draft to ready, and resends |
//! | `openings` | links, unlocking, wrong passcodes |
//! | `grants` | tickets, and what they let fetch |
//! | `outbox`, `deliveries` | mail as it is queued; as it leaves |
//! | `sweeps` | expiry and purge |
//! | `rates` | requests counted |
//! | `figures` | how much there is of what |
//! | `audit` | who did what, when, from where: what is appended |
//! | `audit_rows` | the audit's rows read in their order, and verified |
//! | `audit_anchors` | signed statements about the audit, and rows that are no longer kept |
//! | `audit_pages` | what auditors look at |
//! | `audit_flags` | what the rules about unusual things look at, and what they found |
//!
//! `copy` moves all rows from one engine to another, `backup` all but what backups must not have.
//! `engine` is what differs between the two, and `locks` what keeps two writers of PostgreSQL apart.
//!
//! A change and its audit row are one transaction, and a transaction begins with its write: then SQLite takes the
//! write lock at once, waiting its turn, and no reader ever has to become a writer halfway (which fails as busy).
//! Whether something *may* happen is in the `WHERE` of the statement that does it; callers look at what came of it.
//!
//! This room must not know about HTTP, mail, bytes or the clock: the time is an argument.

mod accounts;
mod audit;
mod audit_anchors;
mod audit_flags;
mod audit_pages;
mod audit_rows;
mod backup;
mod ceremonies;
mod codes;
mod copy;
mod creation;
mod deliveries;
mod engine;
mod factors;
mod figures;
mod first_administrator;
mod grants;
mod identities;
mod locks;
mod mailboxes;
mod openings;
mod outbox;
mod oversight;
mod parts;
mod people;
mod rates;
mod restarts;
mod sealing;
mod second_copies;
mod second_steps;
mod sessions;
mod sweeps;
mod tokens;
mod transfers;
mod uploads;

pub use accounts::Account;
pub use audit::{AuditEntry, Event};
pub use audit_flags::StoredFlag;
pub use audit_rows::{AuditReader, Head, VerifyError, verify_audit};
pub use backup::{Restored, back_up, restore};
pub use ceremonies::CeremonyKind;
pub use codes::{NewCode, TriedCode};
pub use copy::{CopyError, Progress, TableDigest, copy_database};
pub use creation::Creation;
pub use deliveries::{MailSubject, QueuedMail};
pub use factors::{Added, Factor, NewFactor, Removed};
pub use grants::{Grant, WholeObject};
pub use identities::{Binding, Identity, NewIdentity};
pub use mailboxes::{MailboxSessions, NewMailboxSession, Waiting};
pub use openings::{Attempt, LinkedTransfer, NewOpening, Opened, WrongPasscode};
pub use outbox::{AccountNotice, GIVE_UP_AFTER, MailKind, NewMail};
pub use oversight::Overseen;
pub use parts::{PartAdded, PartPlace};
pub use people::{NewPerson, PersonChange};
pub use restarts::Restart;
pub use sealing::{NewSeal, SealRow};
pub use second_copies::Lease;
pub use second_steps::Shown;
pub use sessions::{ListedSession, NewSession, Proof, Rotation, SeenBrowser, Session};
pub use sweeps::Purgeable;
pub use tokens::{HeldToken, TokenAdded};
pub use transfers::OwnedTransfer;

use self::audit_rows::chain_old_rows;
use self::engine::{Engine, Target, make_private};
use crate::config::Database;
use protocol::{Sha256Digest, Timestamp};
use sqlx::{Any, AnyPool, Transaction};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The database.
#[derive(Debug, Clone)]
pub struct Store {
    engine: Engine,
    reads: AnyPool,
    writes: AnyPool,
    /// Whether the write-ahead log may still hold what was shredded.
    log_holds_shreds: Arc<AtomicBool>,
}

/// Why a statement was not carried out. In each case nothing of its transaction was, unless a server was lost in the very
/// moment of committing: then nobody knows until the request is repeated, which does nothing twice.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Others were writing for too long, or the server is away: it makes sense to try again.
    #[error("the database is busy, or does not answer")]
    Busy,
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// Anything else: not for users' eyes.
    #[error("{0}")]
    Broken(sqlx::Error),
}

type Result<T> = std::result::Result<T, StoreError>;

impl Store {
    /// Opens the database, making the file if it is one and there is none, and brings its tables up to date. Of several
    /// nodes that start at once, one does that and the others wait for it.
    ///
    /// # Errors
    /// The file cannot be used, or the server.
    pub async fn open(database: &Database) -> Result<Self> {
        if let Database::File(path) = database {
            make_private(path).map_err(|error| StoreError::Broken(error.into()))?;
        }
        let target = Target::of(database);
        let setup = target.engine.setup();
        migrate(&target.connect(1, setup.migrator).await?).await?;
        let writes = target.connect(target.writers, setup.writer).await?;
        let reads = target.connect(target.readers, setup.reader).await?;
        // An earlier run may have ended between shredding and cleaning.
        let log_holds_shreds = Arc::new(AtomicBool::new(target.engine == Engine::Sqlite));
        Ok(Self { engine: target.engine, reads, writes, log_holds_shreds })
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").fetch_one(&self.reads).await?;
        Ok(())
    }

    /// The version of the tables: the number of the newest file in `migrations/`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn version(&self) -> Result<u64> {
        let (version,): (i64,) =
            sqlx::query_as("SELECT MAX(version) FROM _sqlx_migrations").fetch_one(&self.reads).await?;
        Ok(to_u64(version))
    }

    /// Ends all connections; what was committed stays. No new one is made from the moment that this is first polled.
    pub async fn close(&self) {
        tokio::join!(self.reads.close(), self.writes.close());
    }

    async fn begin(&self) -> Result<Transaction<'static, Any>> {
        Ok(self.writes.begin().await?)
    }
}

async fn migrate(pool: &AnyPool) -> Result<()> {
    let mut outcome = sqlx::migrate!().run(pool).await.map_err(|error| StoreError::Broken(error.into()));
    if outcome.is_ok() {
        outcome = chain_old_rows(&mut *pool.acquire().await?).await;
    }
    pool.close().await;
    outcome
}

/// 32 bytes as the tables hold them.
fn to_text(bytes: &[u8; 32]) -> String {
    Sha256Digest::from_bytes(*bytes).to_text()
}

/// Lengths and counts come out of the database as they went in: never negative.
fn to_u64(value: i64) -> u64 {
    value.try_into().unwrap_or(0)
}

/// Counts that went in as `u32`.
fn to_u32(value: i64) -> u32 {
    value.try_into().unwrap_or(0)
}

/// Lengths are bounded by the limits, far below 2^63.
fn from_len(len: u64) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

fn to_time(value: i64) -> Timestamp {
    Timestamp::from_unix(value)
}

/// A row that our own rules could not have written.
fn damaged(what: &str) -> StoreError {
    StoreError::Broken(sqlx::Error::Decode(format!("a stored {what} does not read").into()))
}
