//! Where the tests' tools are.

use std::path::{Path, PathBuf};

/// A package installed by `cargo xtask test`; fails with what to do if it is not there.
pub(crate) fn npm_package(name: &str) -> PathBuf {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/test-tools/npm/node_modules");
    let package = packages.join(name);
    assert!(package.is_dir(), "The npm package {name} is not installed: run cargo xtask test, which installs it.");
    package
}
