//! Embeds `static/` in the binary, under one path that changes with any byte of it.
//!
//! The whole tree shares one content hash, so relative imports between modules keep working, and every file may be
//! cached for ever. Each file carries its SHA-384 for the `integrity` attribute. Nothing is minified or rewritten:
//! what is served is what is in the repository.

// A build script speaks to cargo through its standard output.
#![allow(clippy::print_stdout)]

use base64::Engine as _;
use sha2::{Digest as _, Sha256, Sha384};
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Without these the pages would be served with nothing behind their buttons.
const BROWSER_CLIENT: [&str; 3] = ["wasm/filmjacket.js", "wasm/filmjacket_bg.wasm", "wasm/filmjacket_plain_bg.wasm"];

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("static");
    println!("cargo::rerun-if-changed=build.rs");
    // sqlx embeds the folder, and cargo does not see a file that is new in it.
    println!("cargo::rerun-if-changed=migrations");
    println!("cargo::rerun-if-changed={}", root.display());
    if BROWSER_CLIENT.iter().any(|path| !root.join(path).is_file()) {
        println!("cargo::error=the browser client is not built: run `cargo xtask wasm`");
        return Ok(());
    }

    let mut files = Vec::new();
    list_files(&root, &root, &mut files)?;
    files.sort();

    let mut tree = Sha256::new();
    let mut table = String::from("pub(super) static ASSETS: &[Asset] = &[\n");
    for path in &files {
        let full = root.join(path);
        let bytes = fs::read(&full)?;
        tree.update((path.len() as u64).to_be_bytes());
        tree.update(path);
        tree.update((bytes.len() as u64).to_be_bytes());
        tree.update(&bytes);
        let digest = base64::engine::general_purpose::STANDARD.encode(Sha384::digest(&bytes));
        writeln!(
            table,
            "    Asset {{ path: {path:?}, integrity: \"sha384-{digest}\", bytes: include_bytes!({:?}) }},",
            full.display().to_string()
        )?;
    }
    table.push_str("];\n");
    let hash: String = tree.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    writeln!(table, "pub(super) const TREE_HASH: &str = \"{hash}\";")?;
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("assets.rs"), table)?;
    Ok(())
}

/// Collects the paths below `dir`, relative to `root`, with forward slashes; hidden files stay out.
fn list_files(root: &Path, dir: &Path, files: &mut Vec<String>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
            continue;
        }
        if path.is_dir() {
            list_files(root, &path, files)?;
        } else {
            let relative: Vec<_> = path.strip_prefix(root)?.iter().map(|part| part.to_string_lossy()).collect();
            files.push(relative.join("/"));
        }
    }
    Ok(())
}
