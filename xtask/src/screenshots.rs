//! `cargo xtask screenshots`: pictures of every page and state, taken by the browser test's own harness.

use anyhow::{Result, bail};

use crate::packages;
use crate::step::{Steps, cargo, run as run_command};
use crate::wasm::{self, Choice};

/// Runs the browser tests that are ignored otherwise, because they check nothing: a person looks at what they make.
pub(crate) fn run(choice: Choice, args: &[String]) -> Result<()> {
    let readme = match args {
        [] => false,
        [only] if only == "--readme" => true,
        _ => bail!("screenshots takes --readme or nothing"),
    };
    let mut steps = Steps::new(3);
    steps.step("installing what the browser needs", packages::ensure_for_tests)?;
    steps.step("building the browser's sealing code", || wasm::build(choice, &[wasm::PRODUCT]))?;
    steps.step("taking pictures into target/screenshots", || {
        let mut test = cargo();
        test.args(["test", "--workspace", "--locked", "--test", "browser", "--", "--ignored", "screenshots::"]);
        if readme {
            test.env("FILMJACKET_README_PICTURES", "1");
        }
        run_command(&mut test, "The lines above say which page did not come to be.")
    })
}
