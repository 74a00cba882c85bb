//! npm packages for tests only: axe-core, and two other people's age (implementation and vectors).

use std::fs;

use anyhow::Result;

use super::{is_made_from, mark_made_from};
use crate::step::{command, run_quietly};
use crate::workspace;

/// Installs `xtask/test-tools/package.json` into `target/test-tools/npm` exactly as locked.
pub(crate) fn ensure() -> Result<()> {
    let folder = workspace::test_tools().join("npm");
    let source = workspace::path("xtask/test-tools");
    let lock = fs::read_to_string(source.join("package-lock.json"))?;
    if is_made_from(&folder, &lock) {
        return Ok(());
    }
    println!("    npm ci   (axe-core, age-encryption, cctv-age, into target/test-tools/npm)");
    fs::create_dir_all(&folder)?;
    for file in ["package.json", "package-lock.json"] {
        fs::copy(source.join(file), folder.join(file))?;
    }
    let mut npm = command("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&folder);
    run_quietly(&mut npm, "Check this machine's access to the npm registry.")?;
    mark_made_from(&folder, &lock)
}
