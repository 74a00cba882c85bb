//! cargo-deny, which reads deny.toml.

use std::path::PathBuf;

use anyhow::Result;

use super::{is_made_from, mark_made_from};
use crate::step::{cargo, run};
use crate::workspace;

const VERSION: &str = "0.20.2";

/// Installs cargo-deny into `target/test-tools/cargo-deny` and answers where the command is.
pub(crate) fn ensure() -> Result<PathBuf> {
    let folder = workspace::test_tools().join("cargo-deny");
    if !is_made_from(&folder, VERSION) {
        println!("    cargo install cargo-deny {VERSION}   (into target/test-tools/cargo-deny, some minutes)");
        let mut install = cargo();
        // Unoptimised: it runs for a second, and compiling it well would cost minutes.
        install.args(["install", "--locked", "--debug", "--quiet", "--version", VERSION, "cargo-deny", "--root"]);
        install.arg(&folder).arg("--target-dir").arg(folder.join("build"));
        run(&mut install, "Check this machine's access to crates.io.")?;
        std::fs::remove_dir_all(folder.join("build"))?;
        mark_made_from(&folder, VERSION)?;
    }
    Ok(folder.join("bin/cargo-deny"))
}
