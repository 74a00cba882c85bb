//! `cargo xtask`: builds, runs and tests Filmjacket, and fetches what each of these needs.
//!
//! It knows tools (cargo, apt, npm, pip), never the product: no module here imports another crate of the workspace.
//! Every command prints numbered steps with their times; a failed step says what to do.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks to its terminal")]

mod bench;
mod ci;
mod deny;
mod packages;
mod rules;
mod run;
mod screenshots;
mod step;
mod test;
mod wasm;
mod workspace;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask <command>

Commands
  run [-- server arguments]   build everything and serve http://127.0.0.1:8080 out of ./data
  test [filter …]             install what the tests need, then run all of them (or those whose name contains a filter)
  ci                          what has to pass before a change lands: format, lints, licences, dependency rules, test
  wasm                        only build the browser's sealing code into static/wasm
  rules                       only check which room may depend on which
  screenshots [--readme]      every page, three widths, light and dark, into target/screenshots;
                              --readme also refreshes the pictures in docs/img
  bench [--quick] [part …]    measure speed and memory beside what others do; `bench --help` lists the parts
  help                        this text

Options
  --wasm-toolchain active|debian
                              force how WebAssembly is compiled; without it the active toolchain is tried first
";

fn main() -> ExitCode {
    match dispatch(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(mut args: Vec<String>) -> anyhow::Result<()> {
    let wasm_toolchain = wasm::Choice::take_from(&mut args)?;
    let command = if args.is_empty() { "help".to_owned() } else { args.remove(0) };
    match command.as_str() {
        "run" => run::run(wasm_toolchain, &args),
        "test" => test::run(wasm_toolchain, &args),
        "ci" => ci::run(wasm_toolchain),
        "wasm" => wasm::run(wasm_toolchain),
        "rules" => rules::run(),
        "screenshots" => screenshots::run(wasm_toolchain, &args),
        "bench" => bench::run(wasm_toolchain, &args),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => anyhow::bail!("there is no command {other:?}.\n\n{HELP}"),
    }
}
