//! `filmjacket copy`: moves an installation's rows to another database.

use super::{Failure, tell_progress, tell_tables};
use crate::config::Database;
use crate::store::copy_database;
use clap::Args;

/// From where and to where.
#[derive(Debug, Args)]
pub(super) struct What {
    /// The database to read: sqlite:FILE or postgres://user@host/name (a password may come as PGPASSWORD).
    #[arg(long, value_name = "DATABASE")]
    from: String,
    /// The empty database to fill; its tables are made if there are none.
    #[arg(long, value_name = "DATABASE")]
    to: String,
}

/// Copies, compares both sides, and prints what each table holds.
pub(super) async fn run(what: &What) -> Result<(), Failure> {
    // Not by clap, which would repeat a password in its complaint.
    let from = Database::parse(&what.from).map_err(|why| format!("--from {why}"))?;
    let to = Database::parse(&what.to).map_err(|why| format!("--to {why}"))?;
    let copied = copy_database(&from, &to, &mut tell_progress).await?;
    tell_tables(&copied, "is in both databases, row by row the same")
}
