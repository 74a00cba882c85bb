//! Schemathesis, which calls an API by its description with all that could be in a request, and a validator of such
//! descriptions.

use std::fs;

use anyhow::Result;

use super::{is_made_from, mark_made_from};
use crate::step::{command, run_quietly};
use crate::workspace;

/// Installs what `xtask/test-tools/schemathesis.txt` names, by hash, into an environment of its own in
/// `target/test-tools/schemathesis`.
pub(crate) fn ensure() -> Result<()> {
    let folder = workspace::test_tools().join("schemathesis");
    let requirements = workspace::path("xtask/test-tools/schemathesis.txt");
    let recipe = fs::read_to_string(&requirements)?;
    if is_made_from(&folder, &recipe) {
        return Ok(());
    }
    println!("    pip install schemathesis   (into target/test-tools/schemathesis)");
    let mut venv = command("python3");
    // Without its own pip: some systems keep what would install one in another package.
    venv.args(["-m", "venv", "--clear", "--without-pip"]).arg(&folder);
    run_quietly(&mut venv, "Check this machine's python3.")?;
    let mut pip = command("pip");
    pip.arg("--python").arg(folder.join("bin/python"));
    pip.args(["install", "--disable-pip-version-check", "--only-binary=:all:", "--require-hashes", "--requirement"]);
    pip.arg(&requirements);
    run_quietly(&mut pip, "Check this machine's access to PyPI.")?;
    mark_made_from(&folder, &recipe)
}
