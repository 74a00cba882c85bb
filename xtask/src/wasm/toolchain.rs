//! Which compiler turns Rust into WebAssembly on this machine.
//!
//! First the active toolchain, fetching its wasm32 library through rustup if that works; else Debian's rustc with the
//! standard library built from source (`-Zbuild-std`), which needs no download besides apt's.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use super::TRIPLE;
use crate::packages::apt;
use crate::step::{answer_of, cargo, command, succeeds_within};

/// The library is about 20 MB: slower than this means that there is no server at the other end.
const RUSTUP_PATIENCE: Duration = Duration::from_secs(180);

/// Debian's compiler, its library source, and the linker that `rustc-web` expects.
const DEBIAN_PACKAGES: [&str; 5] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "lld-19"];

/// What the person asked for with `--wasm-toolchain`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// The active toolchain if it can, else Debian's.
    Whichever,
    /// Only the active toolchain.
    Active,
    /// Only Debian's.
    Debian,
}

impl Choice {
    /// Takes the option out of the command line.
    pub(crate) fn take_from(args: &mut Vec<String>) -> Result<Self> {
        let Some(at) = args.iter().position(|arg| arg == "--wasm-toolchain") else { return Ok(Self::Whichever) };
        args.remove(at);
        let word = if at < args.len() { args.remove(at) } else { String::new() };
        match word.as_str() {
            "active" => Ok(Self::Active),
            "debian" => Ok(Self::Debian),
            _ => bail!("--wasm-toolchain is followed by active or debian"),
        }
    }
}

/// A compiler that is known to have what it needs.
pub(crate) enum Toolchain {
    /// The one cargo runs under, with its wasm32 library.
    Active,
    /// /usr/bin/rustc of the package rustc-web.
    Debian,
}

impl Toolchain {
    /// Finds one, installing its missing parts.
    pub(crate) fn find(choice: Choice) -> Result<Self> {
        if choice != Choice::Debian && (has_wasm_library() || add_through_rustup()) {
            return Ok(Self::Active);
        }
        if choice == Choice::Active {
            bail!("the active toolchain has no {TRIPLE}: run `rustup target add {TRIPLE}`");
        }
        if !Path::new("/etc/debian_version").exists() {
            bail!(
                "this machine's Rust cannot compile WebAssembly. Run `rustup target add {TRIPLE}`, \
                 or install your system's package of Rust's {TRIPLE} standard library, then try again"
            );
        }
        println!("    using Debian's compiler for WebAssembly");
        apt::ensure(&DEBIAN_PACKAGES, "to compile WebAssembly without rustup's wasm32 library")?;
        Ok(Self::Debian)
    }

    /// The cargo of this toolchain, with its environment.
    pub(super) fn cargo(&self) -> Command {
        match self {
            Self::Active => cargo(),
            Self::Debian => {
                let mut cargo = command("/usr/bin/cargo");
                cargo.env("RUSTC", "/usr/bin/rustc");
                // Debian's rustc is a stable release; -Zbuild-std needs this said aloud.
                cargo.env("RUSTC_BOOTSTRAP", "1");
                cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld-19");
                cargo
            }
        }
    }

    /// Options for its `cargo build`.
    pub(super) fn cargo_options(&self) -> &'static [&'static str] {
        match self {
            Self::Active => &[],
            Self::Debian => &["-Zbuild-std=std,panic_abort"],
        }
    }
}

/// Whether the active toolchain can compile for the browser as it is.
pub(crate) fn has_wasm_library() -> bool {
    answer_of(command("rustc").args(["--print", "sysroot"]))
        .is_some_and(|sysroot| Path::new(&sysroot).join("lib/rustlib").join(TRIPLE).join("lib").is_dir())
}

fn add_through_rustup() -> bool {
    println!("    rustup target add {TRIPLE} (about 20 MB)");
    let added =
        succeeds_within(command("rustup").args(["target", "add", TRIPLE]), RUSTUP_PATIENCE) && has_wasm_library();
    if !added {
        println!("    rustup could not fetch it");
    }
    added
}
