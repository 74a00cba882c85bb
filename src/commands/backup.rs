//! `filmjacket backup` and `filmjacket restore`: the rows without the keys that open transfers.

use super::{Failure, tell_progress, tell_tables};
use crate::clock::Clock;
use crate::config::{ConfigError, Reading};
use crate::store;
use clap::Args;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Which backup, and what may be lost for it.
#[derive(Debug, Args)]
pub(super) struct Restore {
    /// A file that `filmjacket backup` made.
    file: PathBuf,
    /// Put it in the place of the rows that the database holds. All but transfers' keys is lost.
    #[arg(long)]
    replace: bool,
}

/// Writes a new file, also while servers run, and prints what is in it.
pub(super) async fn back_up(reading: Result<Reading, ConfigError>, file: &Path) -> Result<(), Failure> {
    let copied = store::back_up(&reading?.config.database, file, &mut tell_progress).await?;
    tell_tables(&copied, "is in the backup; no key that opens a transfer is")
}

/// Fills the database from a file, and prints what that came to. No server may be running.
pub(super) async fn restore(reading: Result<Reading, ConfigError>, what: &Restore) -> Result<(), Failure> {
    let config = reading?.config;
    let now = Clock::System.now();
    let restored = store::restore(&what.file, &config.database, what.replace, now, &mut tell_progress).await?;
    tell_tables(&restored.tables, "is restored")?;
    writeln!(
        std::io::stdout().lock(),
        "{} transfers can still be opened, because their keys were in this database. {} ended: drafts, and transfers \
         whose keys no backup has; their senders send them again. Everyone signs in again.",
        restored.live,
        restored.ended
    )?;
    if restored.audit_kept {
        writeln!(std::io::stdout().lock(), "the audit stayed as it was: it goes on from the backup's")?;
    }
    Ok(())
}
