//! What cargo does not bring: system packages, npm packages, real DICOM files, commands from crates.io.
//!
//! Each `ensure` is quiet and quick when nothing is missing, says what it is about to install, and pins versions.

pub(crate) mod apt;
pub(crate) mod cargo_install;
pub(crate) mod dicom_files;
pub(crate) mod exim;
pub(crate) mod npm;
pub(crate) mod schemathesis;

use std::fs;
use std::path::Path;

use anyhow::Result;

/// Installs all that the tests need.
pub(crate) fn ensure_for_tests() -> Result<()> {
    apt::ensure_commands(&[
        ("chromium", "chromium"),
        ("chromium-headless-shell", "chromium-headless-shell"),
        ("chromedriver", "chromium-driver"),
        ("firefox-esr", "firefox-esr"),
        ("WebKitWebDriver", "webkit2gtk-driver"),
        ("Xvfb", "xvfb"),
        ("age", "age"),
        ("node", "nodejs"),
        ("npm", "npm"),
        ("python3", "python3"),
        ("pip", "python3-pip"),
        ("nginx", "nginx-light"),
        ("caddy", "caddy"),
        ("openssl", "openssl"),
        ("setpriv", "util-linux"),
        ("dkimverify", "python3-dkim"),
        ("spamassassin", "spamassassin"),
    ])?;
    // The server's programs are not on PATH, but psql is.
    apt::ensure_commands(&[("psql", "postgresql")])?;
    exim::ensure()?;
    cargo_install::ensure_geckodriver()?;
    cargo_install::ensure_garage()?;
    npm::ensure()?;
    npm::ensure_header_scan()?;
    npm::ensure_oidc_provider()?;
    dicom_files::ensure()?;
    schemathesis::ensure()
}

/// Whether `folder` was made from exactly this `recipe`, as [`mark_made_from`] noted.
fn is_made_from(folder: &Path, recipe: &str) -> bool {
    fs::read_to_string(folder.join("made-from.txt")).is_ok_and(|kept| kept == recipe)
}

/// The last act of an installation: what is half done carries no mark and is done again.
fn mark_made_from(folder: &Path, recipe: &str) -> Result<()> {
    Ok(fs::write(folder.join("made-from.txt"), recipe)?)
}
