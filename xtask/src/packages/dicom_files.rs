//! Real DICOM files: the ones that pydicom publishes inside its wheel.

use std::fs;

use anyhow::{Context, Result};

use super::{is_made_from, mark_made_from};
use crate::step::{command, run_quietly};
use crate::workspace;

/// Unpacks the wheel named in `xtask/test-tools/requirements.txt` into `target/test-tools/pydicom`.
pub(crate) fn ensure() -> Result<()> {
    let folder = workspace::test_tools().join("pydicom");
    let requirements = workspace::path("xtask/test-tools/requirements.txt");
    let recipe = fs::read_to_string(&requirements)?;
    if is_made_from(&folder, &recipe) {
        return Ok(());
    }
    println!("    pip download pydicom   (its real DICOM files, into target/test-tools/pydicom)");
    fs::create_dir_all(&folder)?;
    let mut pip = command("pip");
    pip.args(["download", "--no-deps", "--only-binary=:all:", "--require-hashes", "--requirement"]);
    pip.arg(&requirements).arg("--dest").arg(&folder);
    run_quietly(&mut pip, "Check this machine's access to PyPI.")?;
    let wheel = fs::read_dir(&folder)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .context("pip downloaded no wheel")?;
    let mut unzip = command("python3");
    unzip.args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&folder);
    run_quietly(&mut unzip, "Delete target/test-tools/pydicom and try again.")?;
    mark_made_from(&folder, &recipe)
}
