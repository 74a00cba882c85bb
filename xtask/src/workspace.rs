//! Where things are, as absolute paths.

use std::path::{Path, PathBuf};

/// The folder that holds the workspace's Cargo.toml.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or_else(|| Path::new("."))
}

/// A path inside the workspace.
pub(crate) fn path(relative: &str) -> PathBuf {
    root().join(relative)
}

/// Everything the tests need that cargo does not bring; see [`crate::packages`].
pub(crate) fn test_tools() -> PathBuf {
    path("target/test-tools")
}
