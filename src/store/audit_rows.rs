//! The audit's rows as they are stored: chained where they are not yet, read in their order, and verified.

use super::copy::{CopyError, Progress, open_source};
use super::{Result, Store, StoreError, damaged, to_time};
use crate::audit::{Anchor, Finding, Row, StoredRow, Verified, Verifier, derive_hash, genesis};
use crate::config::Database;
use protocol::{Sha256Digest, Timestamp};
use sqlx::{AnyConnection, Connection as _, FromRow};

/// Rows read at a time: memory stays small, and no statement is long under way.
const PAGE: i64 = 2_000;

/// Rows between two words about progress.
const PROGRESS: u64 = 100_000;

/// Where the chain begins and ends, as the database notes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The newest row; 0 if there never was one.
    pub seq: i64,
    /// Its hash, as text.
    pub hash: String,
    /// The newest row that is no longer kept because of its age; 0 if all are.
    pub cut_seq: i64,
    /// Its hash.
    pub cut_hash: Sha256Digest,
}

/// Why there is no verdict, or a bad one.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The audit is not as it was written.
    #[error(transparent)]
    Found(#[from] Finding),
    /// The database cannot be read at all.
    #[error(transparent)]
    Database(#[from] CopyError),
}

impl From<StoreError> for VerifyError {
    fn from(error: StoreError) -> Self {
        Self::Database(error.into())
    }
}

/// Chains what was appended before there was a chain: once, when there are rows and no head. In one transaction, so that it
/// is done wholly or again.
pub(super) async fn chain_old_rows(connection: &mut AnyConnection) -> Result<()> {
    let mut transaction = connection.begin().await?;
    // Begins with its write, which also keeps other nodes that start out until this one is done.
    let is_new = sqlx::query(
        "INSERT INTO audit_head (head_id, seq, hash, cut_seq, cut_hash, anchor_day)
         SELECT 1, 0, $1, 0, $1, 0 FROM audit WHERE seq = 1 AND hash = '' ON CONFLICT (head_id) DO NOTHING",
    )
    .bind(genesis().to_text())
    .execute(&mut *transaction)
    .await?;
    if is_new.rows_affected() == 0 {
        return Ok(());
    }
    let (mut seq, mut hash) = (0, genesis());
    loop {
        let rows = read_after(&mut transaction, seq, PAGE).await?;
        if rows.is_empty() {
            break;
        }
        for StoredRow { row, .. } in rows {
            hash = derive_hash(&hash, &row);
            seq = row.seq;
            sqlx::query("UPDATE audit SET hash = $2 WHERE seq = $1")
                .bind(seq)
                .bind(hash.to_text())
                .execute(&mut *transaction)
                .await?;
        }
    }
    sqlx::query("UPDATE audit_head SET seq = $1, hash = $2 WHERE head_id = 1")
        .bind(seq)
        .bind(hash.to_text())
        .execute(&mut *transaction)
        .await?;
    Ok(transaction.commit().await?)
}

#[derive(FromRow)]
pub(super) struct RowFields {
    seq: i64,
    at: i64,
    event: String,
    actor: String,
    transfer_id: Option<String>,
    address: Option<String>,
    detail: String,
    hash: String,
}

impl From<RowFields> for StoredRow {
    fn from(fields: RowFields) -> Self {
        let RowFields { seq, at, event, actor, transfer_id, address, detail, hash } = fields;
        Self { row: Row { seq, at: to_time(at), event, actor, transfer_id, address, detail }, hash }
    }
}

pub(super) async fn read_after(connection: &mut AnyConnection, seq: i64, limit: i64) -> Result<Vec<StoredRow>> {
    let rows: Vec<RowFields> = sqlx::query_as(
        "SELECT seq, at, event, actor, transfer_id, address, detail, hash FROM audit
         WHERE seq > $1 ORDER BY seq LIMIT $2",
    )
    .bind(seq)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(StoredRow::from).collect())
}

pub(super) async fn read_head(connection: &mut AnyConnection) -> Result<Head> {
    let row: Option<(i64, String, i64, String)> =
        sqlx::query_as("SELECT seq, hash, cut_seq, cut_hash FROM audit_head").fetch_optional(connection).await?;
    let (seq, hash, cut_seq, cut_hash) = row.unwrap_or_else(|| (0, genesis().to_text(), 0, genesis().to_text()));
    let cut_hash = Sha256Digest::parse(&cut_hash).map_err(|_| damaged("head of the audit"))?;
    Ok(Head { seq, hash, cut_seq, cut_hash })
}

/// Whether there is, or was before it became too old, a row with this number and hash: the chain up to there is the same.
pub(super) async fn has_row(connection: &mut AnyConnection, seq: i64, hash: &str) -> Result<bool> {
    let head = read_head(connection).await?;
    if seq == head.cut_seq {
        return Ok(hash == head.cut_hash.to_text());
    }
    let row = sqlx::query("SELECT 1 FROM audit WHERE seq = $1 AND hash = $2")
        .bind(seq)
        .bind(hash)
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

/// Holds every row, as all were at this moment, against the chain, its end and these anchors.
///
/// # Errors
/// [`VerifyError`]: the first row that is not as it was written.
pub async fn verify_audit(
    database: &Database,
    anchors: Vec<Anchor>,
    progress: Progress<'_>,
) -> std::result::Result<Verified, VerifyError> {
    let mut connection = open_source(database).await?;
    let head = read_head(&mut connection).await?;
    let mut verifier = Verifier::begin(head.cut_seq, head.cut_hash, anchors);
    let (mut limit, mut count) = (PAGE, 0);
    loop {
        match read_after(&mut connection, verifier.seq(), limit).await {
            Ok(rows) if rows.is_empty() => break,
            Ok(rows) => {
                for row in &rows {
                    verifier.check(row)?;
                    count += 1;
                    if count % PROGRESS == 0 {
                        progress("rows of the audit verified", count);
                    }
                }
            }
            // Row by row, to name the one that does not read.
            Err(StoreError::Broken(_)) if limit > 1 => limit = 1,
            Err(StoreError::Broken(error)) => {
                return Err(Finding::Unreadable(verifier.seq() + 1, error.to_string()).into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    let verified = verifier.finish(head.seq, &head.hash)?;
    check_file(&mut connection).await?;
    connection.close().await.map_err(StoreError::from)?;
    Ok(verified)
}

/// What is asked of the audit is answered from indexes too: in a SQLite file they must hold what the rows do. PostgreSQL has
/// its own tool for that (docs/OPERATIONS.md).
async fn check_file(connection: &mut AnyConnection) -> std::result::Result<(), VerifyError> {
    if connection.backend_name() == "PostgreSQL" {
        return Ok(());
    }
    let told: std::result::Result<Vec<(String,)>, sqlx::Error> =
        sqlx::query_as("PRAGMA integrity_check(audit)").fetch_all(connection).await;
    match told {
        Ok(told) if told.iter().all(|(word,)| word == "ok") => Ok(()),
        Ok(told) => {
            let words: Vec<String> = told.into_iter().take(3).map(|(word,)| word).collect();
            Err(Finding::Damaged(words.join("; ")).into())
        }
        Err(error) => Err(Finding::Damaged(error.to_string()).into()),
    }
}

/// Reads the rows of a time in their order, a page at a time, as they were when it began.
#[derive(Debug)]
pub struct AuditReader {
    connection: AnyConnection,
    seq: i64,
    from: Timestamp,
    to: Timestamp,
}

impl AuditReader {
    /// From this moment on, and until before that one.
    ///
    /// # Errors
    /// [`CopyError`].
    pub async fn open(database: &Database, from: Timestamp, to: Timestamp) -> std::result::Result<Self, CopyError> {
        Ok(Self { connection: open_source(database).await?, seq: 0, from, to })
    }

    /// The next rows; none at the end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn next_page(&mut self) -> Result<Vec<StoredRow>> {
        loop {
            let mut rows = read_after(&mut self.connection, self.seq, PAGE).await?;
            let Some(last) = rows.last() else { return Ok(rows) };
            self.seq = last.row.seq;
            rows.retain(|stored| stored.row.at >= self.from && stored.row.at < self.to);
            if !rows.is_empty() {
                return Ok(rows);
            }
        }
    }
}

impl Store {
    /// Where the chain begins and ends.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_head(&self) -> Result<Head> {
        read_head(&mut *self.reads.acquire().await?).await
    }

    /// The rows after this one, in their order; a few thousand at most.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_after(&self, seq: i64) -> Result<Vec<StoredRow>> {
        read_after(&mut *self.reads.acquire().await?, seq, PAGE).await
    }
}
