//! Backups without the keys that open transfers, and what a restore can honestly bring back.
//!
//! A backup is a SQLite file, whichever engine the rows are in. What lets anyone in or is worth nothing later stays out:
//! above all the transfers' keys, so that no backup can undo a purge (docs/adr/0008, 0029). A restore keeps the keys that
//! the database itself still has; a transfer without its key can never be opened again, so it ends.

use super::audit::{AuditEntry, Event, append};
use super::audit_rows::{Head, has_row, read_head};
use super::copy::{
    AUDIT_TABLES, CopyError, Progress, TABLES, TableDigest, check_version, close, copy_rows, open_source, open_target,
};
use super::sweeps::shred;
use super::{Store, damaged};
use crate::config::Database;
use protocol::{Timestamp, TransferId};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};
use std::path::Path;

/// What a backup leaves out. Keys: a purge is final. Sessions, codes, tickets: who was let in once is not let in again by a
/// restore. Questions that wait for an answer: they are of those sessions. Mail on its way: it has left by then, and holds
/// links. Counts and pauses: they are over by then.
const LEFT_OUT: [&str; 10] = [
    "transfer_keys",
    "sessions",
    "ceremonies",
    "sign_in_codes",
    "admin_links",
    "tickets",
    "mailbox_sessions",
    "outbox",
    "passcode_failures",
    "rate_windows",
];

/// What a backup holds.
fn kept_tables() -> Vec<&'static str> {
    TABLES.into_iter().filter(|table| !LEFT_OUT.contains(table)).collect()
}

/// What a restore came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What the backup brought.
    pub tables: Vec<TableDigest>,
    /// Transfers whose keys were still in the database: they can be opened.
    pub live: usize,
    /// Drafts, and transfers whose keys are gone: they ended.
    pub ended: usize,
    /// Whether the audit stayed as it was, because it goes on from that of the backup.
    pub audit_kept: bool,
}

/// Writes everything but what is left out to a new file, which is there only once it is whole.
///
/// # Errors
/// [`CopyError`]; the file is there already.
pub async fn back_up(
    from: &Database,
    file: &Path,
    progress: Progress<'_>,
) -> std::result::Result<Vec<TableDigest>, CopyError> {
    if file.exists() {
        return Err(failed(file)(std::io::ErrorKind::AlreadyExists.into()));
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Removed with all that SQLite puts beside it, however this ends.
    let making = tempfile::Builder::new().prefix(".filmjacket-backup").tempdir_in(folder).map_err(failed(folder))?;
    let path = making.path().join("backup.sqlite");
    let mut source = open_source(from).await?;
    let mut target = open_target(&Database::File(path.clone())).await?;
    check_version(&mut source, &mut target).await?;
    let mut transaction = target.begin().await?;
    let copied = copy_rows(&mut source, &mut transaction, &kept_tables(), progress).await?;
    transaction.commit().await?;
    close(source, target).await?;
    std::fs::File::open(&path).and_then(|file| file.sync_all()).map_err(failed(&path))?;
    // Unlike a rename, this replaces nothing.
    std::fs::hard_link(&path, file).map_err(failed(file))?;
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed(folder))?;
    Ok(copied)
}

/// Puts a backup in the place of all rows but the keys, which stay for the transfers that the backup has as ready, and but the
/// audit, if that of the database goes on from the backup's: what happened since did happen. Backups of older versions are brought up to date in a copy.
///
/// # Errors
/// [`CopyError`]; `NotEmpty` unless rows may be replaced. The database is then as it was.
pub async fn restore(
    file: &Path,
    to: &Database,
    may_replace: bool,
    now: Timestamp,
    progress: Progress<'_>,
) -> std::result::Result<Restored, CopyError> {
    if !file.is_file() {
        return Err(CopyError::NoFile(file.display().to_string()));
    }
    let folder = tempfile::tempdir().map_err(failed(Path::new("a temporary folder")))?;
    let copy = folder.path().join("backup.sqlite");
    std::fs::copy(file, &copy).map_err(failed(file))?;
    let copy = Database::File(copy);
    Store::open(&copy).await?.close().await;
    let mut source = open_source(&copy).await?;
    let mut target = open_target(to).await?;
    check_version(&mut source, &mut target).await?;
    let mut transaction = target.begin().await?;
    let keys: Vec<(String, String)> =
        sqlx::query_as("SELECT transfer_id, wrapped_key FROM transfer_keys").fetch_all(&mut *transaction).await?;
    let (saved, held) = (read_head(&mut source).await?, read_head(&mut transaction).await?);
    let audit_kept = has_row(&mut transaction, saved.seq, &saved.hash).await?;
    let replaced = |table: &&str| !(audit_kept && AUDIT_TABLES.contains(table));
    for table in TABLES.into_iter().rev().filter(replaced) {
        let removed = sqlx::query(AssertSqlSafe(format!("DELETE FROM {table}"))).execute(&mut *transaction).await?;
        if removed.rows_affected() > 0 && !may_replace {
            return Err(CopyError::NotEmpty(table));
        }
    }
    let brought: Vec<&str> = kept_tables().into_iter().filter(replaced).collect();
    let tables = copy_rows(&mut source, &mut transaction, &brought, progress).await?;
    tell_in_audit(&mut transaction, &saved, &held, audit_kept, now).await?;
    let live = keep_keys(&mut transaction, &keys).await?;
    let ended = end_the_others(&mut transaction, now).await?;
    transaction.commit().await?;
    close(source, target).await?;
    Ok(Restored { tables, live, ended, audit_kept })
}

/// The first row after a restore says what came of the audit itself, and the next round of the jobs signs it.
async fn tell_in_audit(
    connection: &mut AnyConnection,
    saved: &Head,
    held: &Head,
    audit_kept: bool,
    at: Timestamp,
) -> super::Result<()> {
    let detail = if audit_kept {
        format!("from a backup that went up to row {}; the audit itself stayed", saved.seq)
    } else {
        format!(
            "the rows up to {} are a backup's; in their place were others, up to row {} with the hash {}",
            saved.seq, held.seq, held.hash
        )
    };
    let entry = AuditEntry { detail, ..AuditEntry::by("system", Event::Restored, at) };
    append(connection, &entry).await?;
    sqlx::query("UPDATE audit_head SET anchor_day = 0").execute(connection).await?;
    Ok(())
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> CopyError {
    move |error| CopyError::File(path.display().to_string(), error)
}

/// Puts the keys back of transfers that the backup has as ready. A key that is there was never shredded, so the bytes are
/// there too.
async fn keep_keys(connection: &mut AnyConnection, keys: &[(String, String)]) -> super::Result<usize> {
    let mut kept = 0;
    for (id, wrapped_key) in keys {
        let put = sqlx::query(
            "INSERT INTO transfer_keys (transfer_id, wrapped_key)
             SELECT transfer_id, $2 FROM transfers WHERE transfer_id = $1 AND state = 'ready'",
        )
        .bind(id.as_str())
        .bind(wrapped_key.as_str())
        .execute(&mut *connection)
        .await?;
        kept += usize::from(put.rows_affected() == 1);
    }
    // Nobody knows any more whether a mail that waited then has left.
    sqlx::query("UPDATE transfers SET mail_state = 'refused', mail_reason = $1 WHERE mail_state = 'queued'")
        .bind("it may have been lost: the server was restored from a backup")
        .execute(connection)
        .await?;
    Ok(kept)
}

/// Ends what cannot be opened, and drafts: which of their parts are still stored, nobody knows.
async fn end_the_others(connection: &mut AnyConnection, now: Timestamp) -> super::Result<usize> {
    let lost: Vec<(String,)> = sqlx::query_as(
        "UPDATE transfers SET state = 'expired', ended_at = $1 WHERE state IN ('draft', 'ready')
             AND NOT EXISTS (SELECT 1 FROM transfer_keys k WHERE k.transfer_id = transfers.transfer_id)
         RETURNING transfer_id",
    )
    .bind(now.as_unix())
    .fetch_all(&mut *connection)
    .await?;
    for (id,) in &lost {
        shred(connection, id).await?;
        let transfer_id = TransferId::parse(id).map_err(|_| damaged("transfer id"))?;
        let detail = "its key was not there after a restore from a backup".to_owned();
        append(connection, &AuditEntry { detail, ..AuditEntry::by_system(Event::Expired, transfer_id, now) }).await?;
    }
    Ok(lost.len())
}
