//! `filmjacket config check`: the effective configuration, and whether it is safe to serve with.

use super::Failure;
use crate::config::{ConfigError, Reading};
use clap::Subcommand;
use std::io::Write as _;

/// What can be done with the configuration.
#[derive(Debug, Subcommand)]
pub(super) enum What {
    /// Print every setting, where it comes from, and what is unsafe about it. Secrets are not shown.
    Check,
}

/// Prints the settings as TOML, which the server would read as they are (but for the hidden secrets).
pub(super) fn run(what: &What, reading: Result<Reading, ConfigError>) -> Result<(), Failure> {
    let What::Check = what;
    let reading = reading?;
    write!(std::io::stdout().lock(), "{reading}")?;
    refuse_dangers(&reading)
}

/// Nothing is served with settings that give people away, also if nobody asked for a check.
pub(super) fn refuse_dangers(reading: &Reading) -> Result<(), Failure> {
    let dangers = reading.dangers();
    if dangers.is_empty() { Ok(()) } else { Err(format!("this configuration is not safe: {}", dangers.join("; "))) }?;
    Ok(())
}
