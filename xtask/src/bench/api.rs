//! (f) How many calls a second the server answers, and how long the slowest hundredth waits, with a full database; (g) how long
//! it waits at a fixed pace with a fuller one in PostgreSQL; (i) what the time of its answers tells; (j) how it does with a long audit.

use anyhow::Result;

use super::Bench;
use super::row::Row;
use crate::packages::apt;
use crate::step::{cargo, run as run_command};
use crate::workspace;

/// Starts the release server with a filled database and calls it: `examples/bench_api` says how.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    measure(bench, &[])
}

/// The same with the rows in a PostgreSQL of its own.
pub(super) fn run_on_postgres(bench: &Bench) -> Result<Vec<Row>> {
    apt::ensure_commands(&[("psql", "postgresql")])?;
    measure(bench, &["postgres"])
}

/// Whether answers that say the same take the same time.
pub(super) fn run_timing(bench: &Bench) -> Result<Vec<Row>> {
    measure(bench, &["timing"])
}

/// A long audit in either engine.
pub(super) fn run_audit(bench: &Bench) -> Result<Vec<Row>> {
    apt::ensure_commands(&[("psql", "postgresql")])?;
    let mut rows = measure(bench, &["audit"])?;
    rows.extend(measure(bench, &["audit", "postgres"])?);
    Ok(rows)
}

fn measure(bench: &Bench, on: &[&str]) -> Result<Vec<Row>> {
    bench.build_server()?;
    let mut build = cargo();
    build.args(["build", "--release", "--locked", "--package", "filmjacket", "--example", "bench_api"]);
    run_command(&mut build, "The first error above is the one to mend.")?;
    let mut measure = crate::step::command("target/release/examples/bench_api");
    bench.rows_from(measure.arg(workspace::path("target/release/filmjacket")).args(on))
}
