//! npm packages for tests and measurements only; the product needs none of them.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;

use super::{is_made_from, mark_made_from};
use crate::step::{command, run_quietly};
use crate::workspace;

/// For tests, into `target/test-tools/npm`: axe-core, and two other people's age (implementation and vectors).
pub(crate) fn ensure() -> Result<()> {
    install("xtask/test-tools", "npm", "axe-core, age-encryption, cctv-age").map(drop)
}

/// For tests, into `target/test-tools/npm-header-scan`: Mozilla's scan of a server's headers. It is alone there because it brings
/// two hundred packages along.
pub(crate) fn ensure_header_scan() -> Result<()> {
    let folder = install("xtask/header-scan", "npm-header-scan", "mdn-http-observatory")?;
    // Its install script, which is not run, would fetch the browsers' list of hosts that are known to speak TLS. None of ours is in it.
    Ok(fs::write(folder.join("node_modules/@mdn/mdn-http-observatory/conf/hsts-preload.json"), "{}")?)
}

/// For tests, into `target/test-tools/npm-oidc-provider`: an OpenID provider that signs people in.
pub(crate) fn ensure_oidc_provider() -> Result<()> {
    install("xtask/oidc-provider", "npm-oidc-provider", "oidc-provider").map(drop)
}

/// For measurements: what Filmjacket is measured beside, and esbuild to bring it to the browser. Answers the folder.
pub(crate) fn ensure_for_bench() -> Result<PathBuf> {
    install("xtask/bench", "npm-bench", "libsodium.js, noble-ciphers, age-encryption, esbuild")
}

/// Installs `source`'s package.json into a folder of `target/test-tools`, exactly as locked.
fn install(source: &str, folder: &str, what: &str) -> Result<PathBuf> {
    let source = workspace::path(source);
    let folder = workspace::test_tools().join(folder);
    let lock = fs::read_to_string(source.join("package-lock.json"))?;
    if is_made_from(&folder, &lock) {
        return Ok(folder);
    }
    println!("    npm ci   ({what}, into {})", folder.display());
    fs::create_dir_all(&folder)?;
    for file in ["package.json", "package-lock.json"] {
        fs::copy(source.join(file), folder.join(file))?;
    }
    let mut npm = command("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&folder);
    run_quietly(&mut npm, "Check this machine's access to the npm registry.")?;
    mark_made_from(&folder, &lock)?;
    Ok(folder)
}
