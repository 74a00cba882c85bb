//! Builds wasm-client for the browser: compile, then generate the JavaScript half with wasm-bindgen as a library.
//!
//! Every variant is compiled twice, with and without vector instructions; the page's worker picks the one that its
//! engine can run. Both have the same exports, so one JavaScript half serves them.

mod toolchain;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use wasm_bindgen_cli_support::Bindgen;

use toolchain::Toolchain;
pub(crate) use toolchain::{Choice, has_wasm_library as active_toolchain_can};

use crate::step::{Steps, run as run_command};
use crate::workspace;

/// Apart from `target/`, so that a wasm build and a server build neither wait for nor invalidate one another.
const TARGET_DIR: &str = "target/wasm";
const TRIPLE: &str = "wasm32-unknown-unknown";

/// One way of building wasm-client.
pub(crate) struct Variant {
    /// Features of wasm-client, comma-separated.
    features: &'static str,
    out: &'static str,
    /// `envelope`'s opt-level, where it is not the profile's.
    envelope_opt_level: Option<u8>,
}

/// What the engine has to have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Instructions {
    /// Vectors, for the kernel in `envelope::aead`: Chrome 91, Firefox 89, Safari 16.4.
    Vector,
    /// What Rust takes for granted: several years older engines.
    Plain,
}

impl Instructions {
    const fn file_name(self) -> &'static str {
        match self {
            Self::Vector => "filmjacket_bg.wasm",
            Self::Plain => "filmjacket_plain_bg.wasm",
        }
    }

    /// Two folders: in one, each build would throw away what the other compiled.
    const fn target_dir(self) -> &'static str {
        match self {
            Self::Vector => TARGET_DIR,
            Self::Plain => "target/wasm-plain",
        }
    }
}

/// What the pages load.
pub(crate) const PRODUCT: Variant = Variant { features: "", out: "static/wasm", envelope_opt_level: None };
/// The same with its built-in tests, for the browser test; never served by the product.
pub(crate) const SELF_TEST: Variant =
    Variant { features: "self-test", out: "target/wasm-self-test", envelope_opt_level: None };
/// The product with RustCrypto's ciphers instead of the kernel, at their best: what the kernel is measured beside.
pub(crate) const RUSTCRYPTO: Variant =
    Variant { features: "envelope/rustcrypto-only", out: "target/wasm-rustcrypto", envelope_opt_level: Some(3) };

/// `cargo xtask wasm`
pub(crate) fn run(choice: Choice) -> Result<()> {
    Steps::new(1).step("building the browser's sealing code", || build(choice, &[PRODUCT]))
}

/// Builds the variants. Cargo decides what is out of date; the JavaScript is generated again only from a changed module.
pub(crate) fn build(choice: Choice, variants: &[Variant]) -> Result<()> {
    let toolchain = Toolchain::find(choice)?;
    for variant in variants {
        for instructions in [Instructions::Vector, Instructions::Plain] {
            let module = compile(&toolchain, variant, instructions)?;
            bind(&module, &workspace::path(variant.out), instructions)?;
        }
    }
    Ok(())
}

fn compile(toolchain: &Toolchain, variant: &Variant, instructions: Instructions) -> Result<PathBuf> {
    let mut cargo = toolchain.cargo();
    cargo.args(["build", "--package", "wasm-client", "--lib", "--profile", "wasm", "--locked"]);
    aim(&mut cargo, instructions);
    cargo.args(toolchain.cargo_options());
    cargo.args(["--features", variant.features]);
    if let Some(level) = variant.envelope_opt_level {
        cargo.args(["--config", &format!("profile.wasm.package.envelope.opt-level={level}")]);
    }
    run_command(&mut cargo, "The first error above is the one to mend.")?;
    Ok(workspace::path(instructions.target_dir()).join(TRIPLE).join("wasm").join("wasm_client.wasm"))
}

fn aim(cargo: &mut Command, instructions: Instructions) {
    cargo.args(["--target", TRIPLE, "--target-dir", instructions.target_dir()]);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", rust_flags(instructions).join("\x1f"));
}

/// Has a cargo command see wasm-client as the product's build with vector instructions does.
pub(crate) fn aim_at_vectors(cargo: &mut Command) {
    aim(cargo, Instructions::Vector);
}

/// The instructions, and no path of the building machine in the module: it is published with its hash, and has to come
/// out the same elsewhere.
fn rust_flags(instructions: Instructions) -> Vec<String> {
    let mut flags = Vec::new();
    if instructions == Instructions::Vector {
        flags.push("-Ctarget-feature=+simd128,+bulk-memory".to_owned());
    }
    let home = std::env::var("HOME").unwrap_or_default();
    let cargo_home = std::env::var("CARGO_HOME").unwrap_or_else(|_| format!("{home}/.cargo"));
    flags.push(format!("--remap-path-prefix={cargo_home}=cargo"));
    flags.push(format!("--remap-path-prefix={}=filmjacket", workspace::root().display()));
    flags
}

fn bind(module: &Path, out: &Path, instructions: Instructions) -> Result<()> {
    let bytes = fs::read(module).with_context(|| format!("{} is missing after its build", module.display()))?;
    let digest = format!("{:x?}", Sha256::digest(&bytes));
    let (script, binary) = (out.join("filmjacket.js"), out.join(instructions.file_name()));
    let bound = workspace::path(instructions.target_dir()).join("bound").join(out.file_name().unwrap_or_default());
    let stamp = bound.join("digest");
    if fs::read_to_string(&stamp).is_ok_and(|kept| kept == digest) && script.exists() && binary.exists() {
        return Ok(());
    }
    Bindgen::new()
        .input_path(module)
        .out_name("filmjacket")
        .web(true)?
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(&bound)
        .context("wasm-bindgen refused the module; its library and the wasm-bindgen crate must be the same version")?;
    fs::create_dir_all(out)?;
    let made = bound.join("filmjacket.js");
    match instructions {
        Instructions::Vector => fs::copy(made, script).map(drop)?,
        Instructions::Plain if fs::read(made)? == fs::read(script)? => {}
        Instructions::Plain => bail!("the modules with and without vector instructions need different JavaScript"),
    }
    fs::copy(bound.join("filmjacket_bg.wasm"), binary)?;
    fs::write(stamp, digest)?;
    Ok(())
}
