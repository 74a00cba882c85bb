//! Builds wasm-client for the browser: compile, then generate the JavaScript half with wasm-bindgen as a library.

mod toolchain;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use wasm_bindgen_cli_support::Bindgen;

use toolchain::Toolchain;
pub(crate) use toolchain::{Choice, has_wasm_library as active_toolchain_can};

use crate::step::{Steps, run as run_command};
use crate::workspace;

/// Apart from `target/`, so that a wasm build and a server build neither wait for nor invalidate one another.
pub(crate) const TARGET_DIR: &str = "target/wasm";
pub(crate) const TRIPLE: &str = "wasm32-unknown-unknown";

/// One way of building wasm-client.
pub(crate) struct Variant {
    feature: Option<&'static str>,
    out: &'static str,
}

/// What the pages load.
pub(crate) const PRODUCT: Variant = Variant { feature: None, out: "static/wasm" };
/// The same with its built-in tests, for the browser test; never served by the product.
pub(crate) const SELF_TEST: Variant = Variant { feature: Some("self-test"), out: "target/wasm-self-test" };

/// `cargo xtask wasm`
pub(crate) fn run(choice: Choice) -> Result<()> {
    Steps::new(1).step("building the browser's sealing code", || build(choice, &[PRODUCT]))
}

/// Builds the variants. Cargo decides what is out of date; the JavaScript is generated again only from a changed module.
pub(crate) fn build(choice: Choice, variants: &[Variant]) -> Result<()> {
    let toolchain = Toolchain::find(choice)?;
    for variant in variants {
        let module = compile(&toolchain, variant)?;
        bind(&module, &workspace::path(variant.out))?;
    }
    Ok(())
}

fn compile(toolchain: &Toolchain, variant: &Variant) -> Result<PathBuf> {
    let mut cargo = toolchain.cargo();
    cargo.args(["build", "--package", "wasm-client", "--lib", "--profile", "wasm", "--locked"]);
    cargo.args(["--target", TRIPLE, "--target-dir", TARGET_DIR]);
    cargo.args(toolchain.cargo_options());
    if let Some(feature) = variant.feature {
        cargo.args(["--features", feature]);
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", rust_flags().join("\x1f"));
    run_command(&mut cargo, "The first error above is the one to mend.")?;
    Ok(workspace::path(TARGET_DIR).join(TRIPLE).join("wasm").join("wasm_client.wasm"))
}

/// Vector instructions every current engine has, and no path of the building machine in the module: it is published
/// with its hash, and has to come out the same elsewhere.
fn rust_flags() -> Vec<String> {
    let mut flags = vec!["-Ctarget-feature=+simd128,+bulk-memory".to_owned()];
    let home = std::env::var("HOME").unwrap_or_default();
    let cargo_home = std::env::var("CARGO_HOME").unwrap_or_else(|_| format!("{home}/.cargo"));
    flags.push(format!("--remap-path-prefix={cargo_home}=cargo"));
    flags.push(format!("--remap-path-prefix={}=filmjacket", workspace::root().display()));
    flags
}

fn bind(module: &Path, out: &Path) -> Result<()> {
    let bytes = fs::read(module).with_context(|| format!("{} is missing after its build", module.display()))?;
    let digest = format!("{:x?}", Sha256::digest(&bytes));
    let stamp = workspace::path(TARGET_DIR).join(format!("{}.digest", out.file_name().unwrap_or_default().display()));
    let made = ["filmjacket.js", "filmjacket_bg.wasm"].map(|name| out.join(name));
    if fs::read_to_string(&stamp).is_ok_and(|kept| kept == digest) && made.iter().all(|file| file.exists()) {
        return Ok(());
    }
    Bindgen::new()
        .input_path(module)
        .out_name("filmjacket")
        .web(true)?
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(out)
        .context("wasm-bindgen refused the module; its library and the wasm-bindgen crate must be the same version")?;
    fs::write(stamp, digest)?;
    Ok(())
}
