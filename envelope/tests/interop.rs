//! Other people's age: Debian's Go `age` and the npm package age-encryption open what we seal, and we what they seal.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers may fail the test")]

mod common;

use common::npm_package;
use envelope::age::{self, Identity};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Around every border of STREAM, and several parts long.
const LENGTHS: [usize; 6] = [0, 1, 65_535, 65_536, 65_537, 20_000_000];

/// What other implementations are asked: `open` or `seal`, identity, input, output.
type Other = fn(verb: &str, identity: &Path, input: &Path, output: &Path) -> Command;

fn check(other: Other) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let identity = Identity::make().unwrap();
    std::fs::write(path("identity"), identity.to_text().as_bytes()).unwrap();
    let ask = |verb: &str, input: &str, output: &str| {
        let mut command = other(verb, &path("identity"), &path(input), &path(output));
        let answer = command.output().unwrap_or_else(|cause| {
            panic!("{command:?} did not start ({cause}): run cargo xtask test, which installs what is missing.")
        });
        assert!(answer.status.success(), "{command:?}: {}", String::from_utf8_lossy(&answer.stderr));
        std::fs::read(path(output)).unwrap()
    };
    for len in LENGTHS {
        let plain: Vec<u8> = (0..len).map(|i| (i * 7 + i / 65_536) as u8).collect();
        std::fs::write(path("plain"), &plain).unwrap();
        std::fs::write(path("ours.age"), age::seal(&identity.derive_recipient(), &plain).unwrap()).unwrap();
        assert!(ask("open", "ours.age", "opened") == plain, "they open our {len} bytes");
        let theirs = ask("seal", "plain", "theirs.age");
        assert!(age::open(&identity, &theirs).unwrap() == plain, "we open their {len} bytes");
    }
}

#[test]
fn debian_s_age_and_we_open_each_other_s_files() {
    check(|verb, identity, input, output| {
        let mut age = Command::new("age");
        age.arg(if verb == "seal" { "--encrypt" } else { "--decrypt" });
        // Not --output: with it, no file is made for an empty plaintext.
        age.arg("--identity").arg(identity).arg(input).stdout(File::create(output).unwrap());
        age
    });
}

#[test]
fn the_npm_package_age_encryption_and_we_open_each_other_s_files() {
    check(|verb, identity, input, output| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop.mjs");
        let module: PathBuf = npm_package("age-encryption").join("dist/index.js");
        let mut node = Command::new("node");
        node.arg(script).arg(module).arg(verb).arg(identity).arg(input).arg(output);
        node
    });
}
