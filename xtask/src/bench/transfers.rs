//! (c) Whole transfers through the product's pages beside bare ones, and (d) the memory that they take.

use anyhow::Result;

use super::Bench;
use super::row::Row;
use crate::packages;
use crate::step::cargo;
use crate::wasm;

/// Runs the browser test's own harness, in release: `tests/browser/bench` says how it measures.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    packages::ensure_for_tests()?;
    wasm::build(bench.wasm_toolchain, &[wasm::PRODUCT])?;
    let mut measure = cargo();
    measure.args(["test", "--release", "--locked", "--package", "filmjacket", "--test", "browser"]);
    measure.args(["--", "--ignored", "--exact", "--nocapture"]);
    measure.arg("bench::transfers::whole_transfers_beside_bare_ones");
    measure.env("BENCH_SIZES", &bench.sizes);
    bench.rows_from(&mut measure)
}
