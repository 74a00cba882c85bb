//! The two engines: how each is opened, and what its errors mean.

use super::{Result, StoreError};
use crate::config::Database;
use sqlx::any::AnyPoolOptions;
use sqlx::{AnyPool, Executor as _};
use std::fs::Permissions;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

/// How long a request waits for its turn before the answer is "busy"; also what an engine waits for a lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections that read a file. More than a handful only wait for the disk together.
const FILE_READERS: u32 = 8;

/// Which engine holds the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    /// One file, one machine, one writer.
    Sqlite,
    /// A server, many nodes, many writers.
    Postgres,
}

/// What a connection is told before anything else.
pub(super) struct Setup {
    pub(super) writer: &'static str,
    /// A reader cannot change anything, whatever it is asked.
    pub(super) reader: &'static str,
    /// Changing the tables of a large installation takes its time, and other nodes that start wait for it.
    pub(super) migrator: &'static str,
}

/// WAL: readers never wait for the writer. FULL: a committed transaction survives a power cut. Secure delete: what is
/// shredded is overwritten with zeros.
const SQLITE_WRITER: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
    PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;";

const SQLITE: Setup = Setup {
    writer: SQLITE_WRITER,
    reader: "PRAGMA busy_timeout = 5000; PRAGMA query_only = ON;",
    migrator: SQLITE_WRITER,
};

/// Our statements take milliseconds and the jobs' largest ones seconds; what takes longer met a fault, and must neither
/// hold its locks nor its connection.
const POSTGRES: Setup = Setup {
    writer: "SET lock_timeout = '5s'; SET statement_timeout = '15s'; SET idle_in_transaction_session_timeout = '15s'",
    reader: "SET lock_timeout = '5s'; SET statement_timeout = '15s'; SET default_transaction_read_only = on",
    migrator: "SET lock_timeout = 0; SET statement_timeout = 0",
};

impl Engine {
    pub(super) const fn setup(self) -> &'static Setup {
        match self {
            Self::Sqlite => &SQLITE,
            Self::Postgres => &POSTGRES,
        }
    }
}

/// Where to connect to, and with how many connections that read and that write.
pub(super) struct Target {
    pub(super) engine: Engine,
    pub(super) url: String,
    pub(super) readers: u32,
    pub(super) writers: u32,
}

impl Target {
    pub(super) fn of(database: &Database) -> Self {
        sqlx::any::install_default_drivers();
        match database {
            // One writer at a time, so one connection that writes, and requests queue for it in their order: competing
            // connections would poll for the lock, and the unlucky ones would wait in vain.
            Database::File(path) => {
                let url = format!("sqlite://{}?mode=rwc", percent_encode(&path.to_string_lossy()));
                Self { engine: Engine::Sqlite, url, readers: FILE_READERS, writers: 1 }
            }
            // Two pools, so that reading goes on while writers wait for one another's locks.
            Database::Server { url, connections } => {
                let readers = connections / 2;
                let url = url.expose().to_owned();
                Self { engine: Engine::Postgres, url, readers, writers: connections - readers }
            }
        }
    }

    /// Connects, and tells every connection what it needs to know first.
    pub(super) async fn connect(&self, connections: u32, setup: &'static str) -> Result<AnyPool> {
        let options = AnyPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(BUSY_TIMEOUT)
            .after_connect(move |connection, _| Box::pin(async move { connection.execute(setup).await.map(|_| ()) }));
        Ok(options.connect(&self.url).await?)
    }
}

/// Makes the database file, and its folder if there is none, readable by its owner only. SQLite gives its log the same mode.
pub(super) fn make_private(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let file = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))
}

/// A folder's name may hold what a URL gives a meaning to.
fn percent_encode(path: &str) -> String {
    path.replace('%', "%25").replace('?', "%3F").replace('#', "%23")
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|error| error.code()).map(std::borrow::Cow::into_owned);
        match (&error, code) {
            (sqlx::Error::PoolTimedOut, _) => Self::Busy,
            // The server went away in the middle, or another node does not get through to it.
            (sqlx::Error::Io(_) | sqlx::Error::PoolClosed, _) => Self::Busy,
            (_, Some(code)) => Self::of_code(&code).unwrap_or(Self::Broken(error)),
            _ => Self::Broken(error),
        }
    }
}

impl StoreError {
    /// What an engine's own code means: five symbols are PostgreSQL's SQLSTATE
    /// (<https://www.postgresql.org/docs/15/errcodes-appendix.html>), fewer SQLite's extended result code, whose low
    /// byte is the primary code (<https://sqlite.org/rescode.html>).
    fn of_code(code: &str) -> Option<Self> {
        if code.len() < 5 {
            return match code.parse::<u32>().ok()? & 0xff {
                5 | 6 => Some(Self::Busy),
                13 => Some(Self::Full),
                _ => None,
            };
        }
        match code {
            "53100" => Some(Self::Full),
            // A lock or an answer that did not come in time; a circle of waiters, or of transactions.
            "55P03" | "57014" | "40P01" | "40001" => Some(Self::Busy),
            // Read only: it was the first server until another took over.
            "25006" | "25P03" => Some(Self::Busy),
            // Connections lost or refused; out of connections or memory; going down or coming up.
            _ if ["08", "53", "57P"].iter().any(|class| code.starts_with(class)) => Some(Self::Busy),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_engines_codes_mean_busy_full_or_broken() {
        for code in
            ["5", "6", "261", "517", "55P03", "57014", "40001", "40P01", "53300", "08006", "57P01", "57P03", "25006"]
        {
            assert!(matches!(StoreError::of_code(code), Some(StoreError::Busy)), "{code}");
        }
        for code in ["13", "53100"] {
            assert!(matches!(StoreError::of_code(code), Some(StoreError::Full)), "{code}");
        }
        // A NUL in a text, a key that is there already, a table that is not: ours to mend, not to wait for.
        for code in ["1", "11", "2067", "22021", "23505", "42P01"] {
            assert!(StoreError::of_code(code).is_none(), "{code}");
        }
    }
}
