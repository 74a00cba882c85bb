//! What keeps two writers apart where there are two.
//!
//! SQLite has one writer, from the first change of a transaction to its end, and nothing is to be done. PostgreSQL (READ
//! COMMITTED, <https://www.postgresql.org/docs/15/transaction-iso.html>) lets writers side by side: a statement sees
//! what was committed when *it* began, and after waiting for a row looks again at that row only. Counts, sums and other
//! tables in its `WHERE` are then as they were before the wait. So whoever decides by more than the row that is changed
//! first takes the one row that stands for all of them, in a statement of its own; the next statement sees everything.
//!
//! All take their locks in this order, so that nobody waits in a circle: people, account, department, transfer, everything else
//! of that transfer, and last, because all wait for it, the head of the audit, which whoever appends changes first. Should there
//! be a circle after all, PostgreSQL ends it, and that is answered like any busy database.

use super::Result;
use protocol::{ObjectId, TransferId};
use sqlx::AnyConnection;

/// Any number: every node must use the same one, and nothing else in the database does.
const PEOPLE_LOCK: i64 = 0x666a_7065_6f70_6c65;

/// Whoever changes who is an administrator: it stands for all of them. Nobody holds anything else by then.
pub(super) async fn lock_people(connection: &mut AnyConnection) -> Result<()> {
    if has_many_writers(connection) {
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(PEOPLE_LOCK).execute(connection).await?;
    }
    Ok(())
}

/// Whoever counts what a sender has, and adds to it.
pub(super) async fn lock_account(connection: &mut AnyConnection, account_id: &str) -> Result<()> {
    lock(connection, "SELECT 1 FROM accounts WHERE account_id = $1 FOR NO KEY UPDATE", account_id).await
}

/// Whoever counts what a department holds, and adds to it. A department is a name on many rows and has none of its own.
pub(super) async fn lock_department(connection: &mut AnyConnection, department: &str) -> Result<()> {
    lock(connection, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", department).await
}

/// The same for the department that a transfer was made in, if it was in one.
pub(super) async fn lock_department_of(connection: &mut AnyConnection, transfer_id: &TransferId) -> Result<()> {
    let sql = "SELECT pg_advisory_xact_lock(hashtextextended(department, 0)) FROM transfers
               WHERE transfer_id = $1 AND department <> ''";
    lock(connection, sql, &transfer_id.to_text()).await
}

/// Whoever decides by a transfer's objects, parts or pauses, or changes what others decide by.
pub(super) async fn lock_transfer(connection: &mut AnyConnection, transfer_id: &TransferId) -> Result<()> {
    let sql = "SELECT 1 FROM transfers WHERE transfer_id = $1 FOR NO KEY UPDATE";
    lock(connection, sql, &transfer_id.to_text()).await
}

/// The same, for whoever knows only one of its objects.
pub(super) async fn lock_transfer_of(connection: &mut AnyConnection, object_id: &ObjectId) -> Result<()> {
    let sql = "SELECT 1 FROM transfers WHERE transfer_id = (SELECT transfer_id FROM objects WHERE object_id = $1)
               FOR NO KEY UPDATE";
    lock(connection, sql, &object_id.to_text()).await
}

async fn lock(connection: &mut AnyConnection, sql: &'static str, id: &str) -> Result<()> {
    if has_many_writers(connection) {
        sqlx::query(sql).bind(id).execute(connection).await?;
    }
    Ok(())
}

fn has_many_writers(connection: &AnyConnection) -> bool {
    connection.backend_name() == "PostgreSQL"
}
