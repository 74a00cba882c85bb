//! `cargo xtask ci`: what has to pass before a change lands.

use std::process::Command;

use anyhow::Result;

use crate::deny;
use crate::rules;
use crate::step::{Steps, cargo, run as run_command};
use crate::test;
use crate::wasm::{self, Choice};

/// Format, lints, dependency rules, licences and advisories, then all the tests.
pub(crate) fn run(choice: Choice) -> Result<()> {
    let mut steps = Steps::new(6 + test::STEPS);
    steps.step("checking the format", || {
        run_command(cargo().args(["fmt", "--all", "--check"]), "`cargo fmt --all` mends it.")
    })?;
    steps.step("checking which room depends on which", rules::check)?;
    // Before the lints: the server embeds what this makes.
    steps.step("building the browser's sealing code", || wasm::build(choice, &[wasm::PRODUCT]))?;
    steps.step("linting", || run_command(clippy().args(["--workspace", "--all-targets"]).args(DENY), LINT_ADVICE))?;
    steps.step("linting the browser's sealing code as WebAssembly", lint_wasm)?;
    let advisories = steps.step("checking licences, sources and advisories", deny::check)?;
    test::run_steps(&mut steps, choice, &[])?;
    steps.print_times();
    if let deny::Advisories::NotChecked = advisories {
        println!("\n{}", deny::NOT_CHECKED);
    }
    Ok(())
}

const LINT_ADVICE: &str = "Each lint above says what it wants; `rustup component add clippy` if clippy is missing.";
const DENY: [&str; 3] = ["--", "-D", "warnings"];

fn clippy() -> Command {
    let mut clippy = cargo();
    clippy.args(["clippy", "--locked"]);
    clippy
}

fn lint_wasm() -> Result<()> {
    if !wasm::active_toolchain_can() {
        println!("    NOT RUN: only Debian's compiler makes WebAssembly here, and it has no clippy");
        return Ok(());
    }
    let mut clippy = clippy();
    clippy.args(["--package", "wasm-client", "--lib", "--all-features"]);
    wasm::aim_at_vectors(&mut clippy);
    clippy.args(DENY);
    run_command(&mut clippy, LINT_ADVICE)
}
