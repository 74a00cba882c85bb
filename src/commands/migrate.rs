//! `filmjacket migrate`: brings the tables up to date, as the server does when it starts.

use super::Failure;
use crate::config::{ConfigError, Reading};
use crate::store::Store;
use std::io::Write as _;

/// Says of which version the tables are now.
pub(super) async fn run(reading: Result<Reading, ConfigError>) -> Result<(), Failure> {
    let config = reading?.config;
    let store = Store::open(&config.database).await?;
    let version = store.version().await?;
    store.close().await;
    writeln!(std::io::stdout().lock(), "the tables are up to date: version {version}")?;
    Ok(())
}
