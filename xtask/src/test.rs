//! `cargo xtask test`: everything the tests need, then every test there is. Nothing is skipped silently.

use std::process::Command;

use anyhow::Result;

use crate::packages;
use crate::rules::metadata;
use crate::step::{Steps, cargo, run as run_command};
use crate::wasm::{self, Choice};

/// How many steps [`run_steps`] takes.
pub(crate) const STEPS: usize = 8;

const ADVICE: &str = "The lines above name the failed test; `cargo xtask test <its name>` runs it alone.";

/// How many tests of a program run at once; one a core unless told.
const TEST_THREADS: &str = "RUST_TEST_THREADS";

/// `cargo xtask test [filter …]`
pub(crate) fn run(choice: Choice, filters: &[String]) -> Result<()> {
    let mut steps = Steps::new(STEPS);
    run_steps(&mut steps, choice, filters)?;
    steps.print_times();
    Ok(())
}

/// The steps, also used by `cargo xtask ci`.
pub(crate) fn run_steps(steps: &mut Steps, choice: Choice, filters: &[String]) -> Result<()> {
    steps.step("installing what the tests need", packages::ensure_for_tests)?;
    steps.step("building the browser's sealing code, and its self-test", || {
        wasm::build(choice, &[wasm::PRODUCT, wasm::SELF_TEST])
    })?;
    steps.step("compiling the tests", || {
        run_command(cargo_test().args(["--all-targets", "--no-run"]), "The first error above is the one to mend.")
    })?;
    steps.step("unit tests, vectors and properties", || {
        run_command(with(cargo_test().args(["--lib", "--bins"]), filters), ADVICE)
    })?;
    steps.step("examples in the documentation", || run_command(with(cargo_test().arg("--doc"), filters), ADVICE))?;
    // A test of these waits for a disk, a database or a clock more often than it computes.
    let waiting = (3 * cores()).to_string();
    steps.step("the API, contracts and interop", || {
        let mut test = cargo_test();
        test.env(TEST_THREADS, &waiting);
        for name in integration_tests()? {
            test.args(["--test", &name]);
        }
        run_command(with(&mut test, filters), ADVICE)
    })?;
    steps.step("the API once more, on PostgreSQL", || {
        let mut test = cargo_test();
        test.args(["--test", "api"]).env("TEST_DATABASE", "postgres").env(TEST_THREADS, &waiting);
        // What is true of the SQLite file only; and what ran on PostgreSQL the first time too.
        run_command(with(&mut test, filters).args(["--skip", "sqlite_file::", "--skip", "nodes::"]), ADVICE)
    })?;
    steps.step("journeys in a real browser", || {
        let mut test = cargo_test();
        // One more than the cores: a test waits for its browser every now and then.
        test.args(["--test", "browser"]).env(TEST_THREADS, (cores() + 1).to_string());
        run_command(with(&mut test, filters), ADVICE)
    })
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Always the whole workspace: another selection would unify features differently and compile everything twice.
fn cargo_test() -> Command {
    let mut test = cargo();
    test.args(["test", "--workspace", "--locked", "--no-fail-fast"]);
    test
}

fn with<'a>(test: &'a mut Command, filters: &[String]) -> &'a mut Command {
    test.arg("--").args(filters)
}

/// The names of all integration tests but the browser's.
fn integration_tests() -> Result<Vec<String>> {
    let mut names: Vec<String> = metadata::read()?.integration_tests().filter(|name| name != "browser").collect();
    names.sort();
    Ok(names)
}
