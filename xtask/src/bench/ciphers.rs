//! (a) and (e): what the browser client's ciphers and Argon2id cost in each engine, beside what others offer there.
//!
//! xtask/bench has the measuring page; the browser tests' harness drives the engines through it.

use anyhow::Result;

use super::Bench;
use super::row::Row;
use crate::packages::{self, npm};
use crate::step::{cargo, command, run_quietly};
use crate::wasm;
use crate::workspace;

/// Builds both clients and the page, then measures in one engine after the other.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    packages::ensure_for_tests()?;
    wasm::build(bench.wasm_toolchain, &[wasm::PRODUCT, wasm::RUSTCRYPTO])?;
    bundle()?;
    let mut test = cargo();
    test.args(["test", "--workspace", "--locked", "--test", "browser", "--", "--ignored", "--nocapture"]);
    bench.rows_from(test.args(["--exact", "bench::ciphers::bench_of_ciphers_in_three_engines"]))
}

/// Puts everyone's JavaScript into one file, as a site that uses it would.
fn bundle() -> Result<()> {
    let npm = npm::ensure_for_bench()?;
    let page = workspace::path("target/bench/page");
    std::fs::create_dir_all(&page)?;
    // Packages are looked for in the folders above a script.
    for script in ["contenders.js", "worker.js"] {
        std::fs::copy(workspace::path("xtask/bench").join(script), npm.join(script))?;
    }
    std::fs::copy(workspace::path("xtask/bench/page.js"), page.join("page.js"))?;
    let mut esbuild = command("node_modules/.bin/esbuild");
    esbuild.current_dir(&npm).args(["worker.js", "--bundle", "--format=esm", "--platform=browser", "--minify"]);
    esbuild.arg(format!("--outfile={}", page.join("worker.js").display()));
    run_quietly(&mut esbuild, "esbuild comes with xtask/bench/package.json.").map(drop)
}
