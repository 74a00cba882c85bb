//! Rows: SQL only, one file a table family. The same SQL text runs on SQLite and PostgreSQL.
//!
//! | file | tables |
//! | --- | --- |
//! | `accounts` | accounts, sessions, sign-in codes |
//! | `creation` | making a draft |
//! | `transfers` | transfers and objects, as their sender sees them |
//! | `parts` | what has arrived |
//! | `restarts` | a new object in the place of one that was given up |
//! | `sealing` | the step from draft to ready, and resends |
//! | `openings` | links, unlocking, tickets, wrong passcodes |
//! | `outbox` | mail on its way |
//! | `sweeps` | expiry and purge |
//! | `rates` | requests counted |
//! | `audit` | who did what, when, from where |
//!
//! A change and its audit row are one transaction, and a transaction begins with its write: then SQLite takes the
//! write lock at once, waiting its turn, and no reader ever has to become a writer halfway (which fails as busy).
//! Whether something *may* happen is in the `WHERE` of the statement that does it; callers look at what came of it.
//!
//! This room must not know about HTTP, mail, bytes or the clock: the time is an argument.

mod accounts;
mod audit;
mod creation;
mod openings;
mod outbox;
mod parts;
mod rates;
mod restarts;
mod sealing;
mod sweeps;
mod transfers;

pub use accounts::{Account, NewCode, NewSession, Session, TriedCode};
pub use audit::{AuditEntry, Event};
pub use creation::Creation;
pub use openings::{Attempt, Grant, LinkedTransfer, NewOpening, Opened, WholeObject, WrongPasscode};
pub use outbox::{GIVE_UP_AFTER, MailKind, MailSubject, NewMail, QueuedMail};
pub use parts::{PartAdded, PartPlace};
pub use restarts::Restart;
pub use sealing::{NewSeal, SealRow};
pub use sweeps::Purgeable;
pub use transfers::OwnedTransfer;

use protocol::{Sha256Digest, Timestamp};
use sqlx::any::AnyPoolOptions;
use sqlx::{Any, AnyPool, Executor as _, Transaction};
use std::fs::Permissions;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Connections that read. More than a handful only wait for the disk together.
const READERS: u32 = 8;

/// How long a request waits for its turn before the answer is "busy"; also what SQLite waits for other processes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// WAL: readers never wait for the writer. FULL: a committed transaction survives a power cut. Secure delete: what is
/// shredded is overwritten with zeros.
const WRITER_PRAGMAS: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
    PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;";

/// A reader cannot change anything, whatever it is asked.
const READER_PRAGMAS: &str = "PRAGMA busy_timeout = 5000; PRAGMA query_only = ON;";

/// The database.
///
/// SQLite has one writer at a time, so there is one connection that writes, and requests queue for it in their order:
/// competing connections would poll for the lock, and the unlucky ones would wait in vain.
#[derive(Debug, Clone)]
pub struct Store {
    reads: AnyPool,
    writes: AnyPool,
    /// Whether the write-ahead log may still hold what was shredded.
    log_holds_shreds: Arc<AtomicBool>,
}

/// Why a statement was not carried out. In each case nothing of its transaction was.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Others were writing for too long.
    #[error("the database is busy")]
    Busy,
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// Anything else: not for users' eyes.
    #[error("{0}")]
    Broken(sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        // SQLite's extended result codes; the low byte is the primary code (https://sqlite.org/rescode.html).
        let code = error.as_database_error().and_then(|error| error.code()).and_then(|code| code.parse::<u32>().ok());
        match (&error, code.map(|code| code & 0xff)) {
            (sqlx::Error::PoolTimedOut, _) | (_, Some(5 | 6)) => Self::Busy,
            (_, Some(13)) => Self::Full,
            _ => Self::Broken(error),
        }
    }
}

type Result<T> = std::result::Result<T, StoreError>;

impl Store {
    /// Opens the database file, making it if there is none, and brings its tables up to date.
    ///
    /// # Errors
    /// The file cannot be used.
    pub async fn open(path: &Path) -> Result<Self> {
        sqlx::any::install_default_drivers();
        make_private(path).map_err(sqlx::Error::Io)?;
        let url = format!("sqlite://{}?mode=rwc", percent_encode(&path.to_string_lossy()));
        let writes = connect(&url, 1, WRITER_PRAGMAS).await?;
        sqlx::migrate!().run(&writes).await.map_err(|error| StoreError::Broken(error.into()))?;
        let reads = connect(&url, READERS, READER_PRAGMAS).await?;
        // An earlier run may have ended between shredding and cleaning.
        Ok(Self { reads, writes, log_holds_shreds: Arc::new(AtomicBool::new(true)) })
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").fetch_one(&self.reads).await?;
        Ok(())
    }

    /// Ends all connections; what was committed is in the file.
    pub async fn close(&self) {
        self.reads.close().await;
        self.writes.close().await;
    }

    async fn begin(&self) -> Result<Transaction<'static, Any>> {
        Ok(self.writes.begin().await?)
    }
}

/// Makes the database file readable by its owner only, in whatever folder it is. SQLite gives its log the same mode.
fn make_private(path: &Path) -> std::io::Result<()> {
    let file = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))
}

async fn connect(url: &str, connections: u32, pragmas: &'static str) -> Result<AnyPool> {
    let options = AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(BUSY_TIMEOUT)
        .after_connect(move |connection, _| Box::pin(async move { connection.execute(pragmas).await.map(|_| ()) }));
    Ok(options.connect(url).await?)
}

/// A folder's name may hold what a URL gives a meaning to.
fn percent_encode(path: &str) -> String {
    path.replace('%', "%25").replace('?', "%3F").replace('#', "%23")
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
