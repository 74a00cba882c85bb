//! (c) Whole transfers through the product's pages beside bare ones, and (d) the memory that they take; (h) through a bucket; (k) the pages.

use anyhow::Result;

use super::Bench;
use super::row::Row;
use crate::packages;
use crate::step::cargo;
use crate::wasm;

/// Runs the browser test's own harness, in release: `tests/browser/bench` says how it measures.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    measure(bench, "bench::transfers::whole_transfers_beside_bare_ones")
}

/// The same with the ciphertext in a real S3 store.
pub(super) fn run_through_bucket(bench: &Bench) -> Result<Vec<Row>> {
    measure(bench, "bench::bucket::one_gibibyte_through_a_bucket_beside_a_bare_upload")
}

/// The pages where no study's bytes are waited for.
pub(super) fn run_pages(bench: &Bench) -> Result<Vec<Row>> {
    measure(bench, "bench::pages::pages_keep_nobody_waiting")
}

fn measure(bench: &Bench, test: &str) -> Result<Vec<Row>> {
    packages::ensure_for_tests()?;
    wasm::build(bench.wasm_toolchain, &[wasm::PRODUCT])?;
    let mut measure = cargo();
    measure.args(["test", "--release", "--locked", "--package", "filmjacket", "--test", "browser"]);
    measure.args(["--", "--ignored", "--exact", "--nocapture", test]);
    measure.env("BENCH_SIZES", &bench.sizes);
    bench.rows_from(&mut measure)
}
