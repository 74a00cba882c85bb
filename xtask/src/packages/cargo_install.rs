//! Commands that crates.io brings: cargo-deny, which reads deny.toml, geckodriver, which drives Firefox, Garage, which
//! serves S3, and rage.

use std::path::PathBuf;

use anyhow::Result;

use super::{is_made_from, mark_made_from};
use crate::step::{cargo, run};
use crate::workspace;

/// Installs cargo-deny and answers where the command is.
pub(crate) fn ensure_cargo_deny() -> Result<PathBuf> {
    ensure("cargo-deny", "0.20.2", Optimised::No)
}

/// Installs geckodriver, which Debian does not have, and answers where the command is.
pub(crate) fn ensure_geckodriver() -> Result<PathBuf> {
    ensure("geckodriver", "0.37.1", Optimised::No)
}

/// Installs Garage, the S3 server of the tests and measurements, with one database engine of its three. What no byte of an
/// object passes through, its command line and administration, would take the compiler longer than all the rest.
pub(crate) fn ensure_garage() -> Result<PathBuf> {
    let leave_out = ["--no-default-features", "--features", "bundled-libs,sqlite"];
    let barely = ["garage", "garage_api_admin", "garage_web"]
        .map(|package| ["--config".to_owned(), format!("profile.release.package.{package}.opt-level=0")]);
    let choices: Vec<&str> = leave_out.into_iter().chain(barely.as_flattened().iter().map(String::as_str)).collect();
    ensure_with("garage", "2.5.0", Optimised::Yes, &choices)
}

/// Installs rage, the age of others in Rust, and answers where the command is. For measurements.
pub(crate) fn ensure_rage() -> Result<PathBuf> {
    ensure("rage", "0.12.1", Optimised::Yes)
}

/// Whether a command has so much to do that compiling it well pays for the minutes that takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Optimised {
    Yes,
    No,
}

fn ensure(name: &str, version: &str, optimised: Optimised) -> Result<PathBuf> {
    ensure_with(name, version, optimised, &[])
}

/// Installs this version into a folder of its own inside `target/test-tools`.
fn ensure_with(name: &str, version: &str, optimised: Optimised, choices: &[&str]) -> Result<PathBuf> {
    let folder = workspace::test_tools().join(name);
    if !is_made_from(&folder, version) {
        println!("    cargo install {name} {version}   (into target/test-tools/{name}, some minutes)");
        let mut install = cargo();
        install.args(["install", "--locked", "--quiet", "--version", version, name]).args(choices).arg("--root");
        install.arg(&folder).arg("--target-dir").arg(folder.join("build"));
        if optimised == Optimised::No {
            install.arg("--debug");
        }
        run(&mut install, "Check this machine's access to crates.io.")?;
        std::fs::remove_dir_all(folder.join("build"))?;
        mark_made_from(&folder, version)?;
    }
    Ok(folder.join("bin").join(name))
}
