//! Exim, a mail server of the real world, unpacked from Debian's packages rather than installed: a machine has one mail server,
//! and the tests must not take its place. Nobody's rights but one's own are needed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::Result;

use super::{apt, is_made_from, mark_made_from};
use crate::step::{command, run_quietly};
use crate::workspace;

/// Exim, the libraries that a small system lacks, and a stand-in for the user database, in which Exim looks for its own user.
const PACKAGES: [&str; 13] = [
    "exim4-daemon-light",
    "libnss-wrapper",
    "libdb5.3",
    "libevent-2.1-7",
    "libgnutls-dane0",
    "libgnutls30",
    "libgssapi-krb5-2",
    "libidn12",
    "libidn2-0",
    "libnsl2",
    "libpcre2-8-0",
    "libtirpc3",
    "libunbound8",
];

/// Unpacks Exim into `target/test-tools/exim`.
pub(crate) fn ensure() -> Result<()> {
    let folder = workspace::test_tools().join("exim");
    let recipe = PACKAGES.join(" ");
    if is_made_from(&folder, &recipe) {
        return Ok(());
    }
    println!("    apt-get download exim4-daemon-light and its libraries   (unpacked into target/test-tools/exim)");
    let packages = folder.join("packages");
    fs::create_dir_all(&packages)?;
    apt::refresh_if_root()?;
    let mut download = command("apt-get");
    download.args(["download", "-q"]).args(PACKAGES).current_dir(&packages);
    run_quietly(&mut download, "Run `sudo apt-get update`, then try again.")?;
    for package in fs::read_dir(&packages)? {
        let mut unpack = command("dpkg-deb");
        unpack.arg("-x").arg(package?.path()).arg(&folder);
        run_quietly(&mut unpack, "Delete target/test-tools/exim and try again.")?;
    }
    // Debian's is set-user-id root, which the tests neither need nor want.
    fs::set_permissions(folder.join("usr/sbin/exim4"), fs::Permissions::from_mode(0o755))?;
    mark_made_from(&folder, &recipe)
}
