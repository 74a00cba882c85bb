//! `cargo xtask run`: from a fresh clone to a page in the browser.

use std::process::Command;

use anyhow::Result;

use crate::step::{Steps, cargo, run as run_command};
use crate::wasm::{self, Choice};
use crate::workspace;

/// Builds the browser's half and the server, then becomes the server.
pub(crate) fn run(choice: Choice, args: &[String]) -> Result<()> {
    let args = args.strip_prefix(&["--".to_owned()]).unwrap_or(args);
    let mut steps = Steps::new(3);
    steps.step("building the browser's sealing code", || wasm::build(choice, &[wasm::PRODUCT]))?;
    steps.step("building the server", || {
        let mut build = cargo();
        build.args(["build", "--release", "--locked", "--package", "filmjacket", "--bin", "filmjacket"]);
        run_command(&mut build, "The first error above is the one to mend.")
    })?;
    println!("[3/3] serving; Ctrl-C stops it");
    let mut server = Command::new(workspace::path("target/release/filmjacket"));
    server.current_dir(workspace::root()).arg("serve").args(args);
    become_process(server)
}

/// The server takes this process's place, so that Ctrl-C and every other signal reach it alone.
#[cfg(unix)]
fn become_process(mut server: Command) -> Result<()> {
    use std::os::unix::process::CommandExt;
    Err(anyhow::Error::new(server.exec()).context("the server could not be started"))
}

#[cfg(not(unix))]
fn become_process(mut server: Command) -> Result<()> {
    run_command(&mut server, "Its last lines say why.")
}
