//! All rows of one database into another, of either engine: as they were at one moment, and compared afterwards.

use super::engine::{Engine, Target};
use super::{Result, Store, StoreError};
use crate::config::Database;
use futures_util::TryStreamExt as _;
use sha2::{Digest as _, Sha256};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _, Row as _};

/// Every table, each after those that it refers to.
pub(super) const TABLES: [&str; 25] = [
    "accounts",
    "sign_in_codes",
    "sessions",
    "identities",
    "factors",
    "recovery_codes",
    "ceremonies",
    "known_browsers",
    "access_tokens",
    "admin_links",
    "transfers",
    "objects",
    "parts",
    "replaced_objects",
    "sealed",
    "transfer_keys",
    "tickets",
    "mailbox_sessions",
    "outbox",
    "passcode_failures",
    "rate_windows",
    "audit",
    "audit_head",
    "audit_anchors",
    "audit_flags",
];

/// Of these, what the audit consists of.
pub(super) const AUDIT_TABLES: [&str; 4] = ["audit", "audit_head", "audit_anchors", "audit_flags"];

/// Rows in one statement: enough that its way to a server and back no longer counts, and at 30 columns far below the 32,766
/// values that SQLite takes at once.
const BATCH: usize = 100;

/// Rows between two words about progress.
const PROGRESS: u64 = 100_000;

/// Told how many rows of a table have been copied or compared so far.
pub type Progress<'a> = &'a mut (dyn FnMut(&str, u64) + Send);

/// What a table holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDigest {
    /// Its name.
    pub table: &'static str,
    /// How many rows.
    pub rows: u64,
    /// Each row's SHA-256 added up, so that no order and no engine's way of sorting plays a part. It tells mistakes, not
    /// somebody who builds rows to deceive it.
    pub sum: [u64; 4],
}

impl std::fmt::Display for TableDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b, c, d] = self.sum;
        write!(f, "{:<18} {:>10}  {a:016x}{b:016x}{c:016x}{d:016x}", self.table, self.rows)
    }
}

/// Why rows were not copied. Nothing of them is in the target then.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file or folder cannot be made or read.
    #[error("{0}: {1}")]
    File(String, std::io::Error),
    /// There is no such file.
    #[error("there is no database file {0}")]
    NoFile(String),
    /// The target is in use.
    #[error("the table {0} of the target holds rows already; give an empty database")]
    NotEmpty(&'static str),
    /// The tables differ.
    #[error(
        "the tables are of version {from} in the source and {to} in the target; run `filmjacket migrate` on the source first"
    )]
    Version {
        /// Of the source.
        from: i64,
        /// Of the target.
        to: i64,
    },
    /// The target does not hold what the source does.
    #[error("the rows of {0} differ after copying; nothing was kept")]
    Different(&'static str),
}

impl From<sqlx::Error> for CopyError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Copies every row into an empty database, whose tables are made first. Returns what each table holds now.
///
/// # Errors
/// [`CopyError`].
pub async fn copy_database(
    from: &Database,
    to: &Database,
    progress: Progress<'_>,
) -> std::result::Result<Vec<TableDigest>, CopyError> {
    let mut source = open_source(from).await?;
    let mut target = open_target(to).await?;
    check_version(&mut source, &mut target).await?;
    let mut transaction = target.begin().await?;
    for table in TABLES {
        let sql = AssertSqlSafe(format!("SELECT 1 FROM {table} LIMIT 1"));
        if sqlx::query(sql).fetch_optional(&mut *transaction).await?.is_some() {
            return Err(CopyError::NotEmpty(table));
        }
    }
    let copied = copy_rows(&mut source, &mut transaction, &TABLES, progress).await?;
    transaction.commit().await?;
    close(source, target).await?;
    Ok(copied)
}

/// A connection that sees the rows as they are at this moment, and changes nothing.
pub(super) async fn open_source(database: &Database) -> std::result::Result<AnyConnection, CopyError> {
    if let Database::File(path) = database
        && !path.is_file()
    {
        return Err(CopyError::NoFile(path.display().to_string()));
    }
    let target = Target::of(database);
    let mut connection = AnyConnection::connect(&target.url).await?;
    let begin = match target.engine {
        Engine::Sqlite => "PRAGMA busy_timeout = 5000; PRAGMA query_only = ON; BEGIN",
        Engine::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    };
    connection.execute(begin).await?;
    Ok(connection)
}

/// A connection that writes without haste, to tables that are up to date.
pub(super) async fn open_target(database: &Database) -> Result<AnyConnection> {
    Store::open(database).await?.close().await;
    let target = Target::of(database);
    let mut connection = AnyConnection::connect(&target.url).await?;
    connection.execute(target.engine.setup().migrator).await?;
    Ok(connection)
}

/// Ends both in good order: a SQLite file without a log beside it.
pub(super) async fn close(source: AnyConnection, target: AnyConnection) -> Result<()> {
    source.close().await?;
    Ok(target.close().await?)
}

/// Refuses to copy between tables of different versions.
pub(super) async fn check_version(
    source: &mut AnyConnection,
    target: &mut AnyConnection,
) -> std::result::Result<(), CopyError> {
    let newest = "SELECT MAX(version) FROM _sqlx_migrations";
    let (from,): (i64,) = sqlx::query_as(newest).fetch_one(source).await?;
    let (to,): (i64,) = sqlx::query_as(newest).fetch_one(target).await?;
    if from == to { Ok(()) } else { Err(CopyError::Version { from, to }) }
}

/// Copies the rows of these tables and compares both sides.
pub(super) async fn copy_rows(
    source: &mut AnyConnection,
    target: &mut AnyConnection,
    tables: &[&'static str],
    progress: Progress<'_>,
) -> std::result::Result<Vec<TableDigest>, CopyError> {
    let mut copied = Vec::new();
    for table in tables {
        let columns = Columns::read(target, table).await?;
        copied.push(copy_table(source, target, &columns, progress).await?);
    }
    for digest in &copied {
        let columns = Columns::read(target, digest.table).await?;
        if digest_table(target, &columns, progress).await? != *digest {
            return Err(CopyError::Different(digest.table));
        }
    }
    Ok(copied)
}

async fn copy_table(
    source: &mut AnyConnection,
    target: &mut AnyConnection,
    columns: &Columns,
    progress: Progress<'_>,
) -> Result<TableDigest> {
    let mut digest = TableDigest { table: columns.table, rows: 0, sum: [0; 4] };
    let mut rows = sqlx::query(AssertSqlSafe(columns.select())).fetch(source);
    let mut batch = Vec::with_capacity(BATCH);
    while let Some(row) = rows.try_next().await? {
        let values = columns.values_of(&row)?;
        digest.add(&values);
        batch.push(values);
        if batch.len() == BATCH {
            columns.insert(target, &mut batch).await?;
        }
        digest.tell(&format!("rows of {} copied", columns.table), progress);
    }
    columns.insert(target, &mut batch).await?;
    Ok(digest)
}

async fn digest_table(
    connection: &mut AnyConnection,
    columns: &Columns,
    progress: Progress<'_>,
) -> Result<TableDigest> {
    let mut digest = TableDigest { table: columns.table, rows: 0, sum: [0; 4] };
    let mut rows = sqlx::query(AssertSqlSafe(columns.select())).fetch(connection);
    while let Some(row) = rows.try_next().await? {
        digest.add(&columns.values_of(&row)?);
        digest.tell(&format!("rows of {} compared", columns.table), progress);
    }
    Ok(digest)
}

impl TableDigest {
    fn add(&mut self, values: &[Value]) {
        let mut hasher = Sha256::new();
        for value in values {
            match value {
                Value::Text(None) | Value::Number(None) => hasher.update([0]),
                Value::Text(Some(text)) => {
                    hasher.update([1]);
                    hasher.update((text.len() as u64).to_be_bytes());
                    hasher.update(text);
                }
                Value::Number(Some(number)) => {
                    hasher.update([2]);
                    hasher.update(number.to_be_bytes());
                }
            }
        }
        for (sum, lane) in self.sum.iter_mut().zip(hasher.finalize().as_chunks::<8>().0) {
            *sum = sum.wrapping_add(u64::from_be_bytes(*lane));
        }
        self.rows += 1;
    }

    fn tell(&self, what: &str, progress: Progress<'_>) {
        if self.rows.is_multiple_of(PROGRESS) {
            progress(what, self.rows);
        }
    }
}

/// All that our tables hold is text and whole numbers.
enum Value {
    Text(Option<String>),
    Number(Option<i64>),
}

/// A table's columns in their order.
struct Columns {
    table: &'static str,
    /// Name, and whether it holds numbers.
    columns: Vec<(String, bool)>,
}

impl Columns {
    async fn read(connection: &mut AnyConnection, table: &'static str) -> Result<Self> {
        let sql = if connection.backend_name() == "PostgreSQL" {
            "SELECT CAST(column_name AS TEXT), CASE data_type WHEN 'bigint' THEN 1 ELSE 0 END
             FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1
             ORDER BY ordinal_position"
        } else {
            "SELECT name, CASE type WHEN 'BIGINT' THEN 1 ELSE 0 END FROM pragma_table_info($1) ORDER BY cid"
        };
        let columns: Vec<(String, i32)> = sqlx::query_as(sql).bind(table).fetch_all(connection).await?;
        Ok(Self { table, columns: columns.into_iter().map(|(name, number)| (name, number == 1)).collect() })
    }

    fn names(&self) -> String {
        self.columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    }

    fn select(&self) -> String {
        format!("SELECT {} FROM {}", self.names(), self.table)
    }

    fn values_of(&self, row: &AnyRow) -> Result<Vec<Value>> {
        let value = |(index, (_, is_number)): (usize, &(String, bool))| {
            Ok(if *is_number { Value::Number(row.try_get(index)?) } else { Value::Text(row.try_get(index)?) })
        };
        self.columns.iter().enumerate().map(value).collect()
    }

    /// Writes a batch and empties it.
    async fn insert(&self, connection: &mut AnyConnection, batch: &mut Vec<Vec<Value>>) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let mut numbers = (1..).map(|n| format!("${n}"));
        let mut line = || format!("({})", numbers.by_ref().take(self.columns.len()).collect::<Vec<_>>().join(", "));
        let lines = batch.iter().map(|_| line()).collect::<Vec<_>>().join(", ");
        let sql = format!("INSERT INTO {} ({}) VALUES {lines}", self.table, self.names());
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for value in batch.drain(..).flatten() {
            query = match value {
                Value::Text(text) => query.bind(text),
                Value::Number(number) => query.bind(number),
            };
        }
        query.execute(connection).await?;
        Ok(())
    }
}
