//! cargo-deny over deny.toml: licences, bans and sources always; advisories when their database can be had.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::packages::cargo_install;
use crate::step::{command, run, succeeds_within};

/// Whether known vulnerabilities were looked up.
pub(crate) enum Advisories {
    Checked,
    NotChecked,
}

/// Said where it happens and again at the end.
pub(crate) const NOT_CHECKED: &str = "ATTENTION: known vulnerabilities were NOT checked: the advisory database \
    (github.com/rustsec/advisory-db) cannot be reached from here.";

/// The database is a few megabytes: slower than this means that nothing answers.
const FETCH_PATIENCE: Duration = Duration::from_secs(120);

/// Installs cargo-deny if need be and runs it.
pub(crate) fn check() -> Result<Advisories> {
    let program = cargo_install::ensure_cargo_deny()?;
    let deny = || -> Command { command(&program.to_string_lossy()) };
    let advice = "deny.toml says what is allowed and why.";
    run(deny().args(["--all-features", "check", "licenses", "bans", "sources"]), advice)?;
    if !succeeds_within(deny().args(["fetch", "db"]), FETCH_PATIENCE) {
        println!("    {NOT_CHECKED}");
        return Ok(Advisories::NotChecked);
    }
    run(deny().args(["--all-features", "check", "advisories"]), advice)?;
    Ok(Advisories::Checked)
}
