//! Opens the way to a saved transfer for the stock `age` tool (docs/FORMAT.md, "Opening with the age tool"):
//!
//! `cargo run -p envelope --example open_with_age -- PASSCODE UNLOCK.json FOLDER`
//!
//! `UNLOCK.json` is the server's answer to the unlock call, of which `capsule` and `manifest` are read. Into `FOLDER` go
//! `identity.txt` (which opens everything: keep it as safe as the passcode) and each file's head; the commands to run
//! are printed.
#![allow(clippy::print_stdout, reason = "a tool for the command line")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use envelope::capsule::{H_LEN, Keys, Preamble};
use envelope::manifest::Manifest;
use envelope::{Damaged, Passcode, age, names};
use serde::Deserialize;
use std::error::Error;
use std::path::Path;

#[derive(Deserialize)]
struct UnlockAnswer {
    capsule: String,
    manifest: String,
}

#[cfg_attr(test, allow(dead_code))]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [passcode, answer, folder] = arguments.as_slice() else {
        return Err("three arguments are needed: PASSCODE UNLOCK.json FOLDER".into());
    };
    for command in prepare(passcode, &std::fs::read_to_string(answer)?, Path::new(folder))? {
        println!("{command}");
    }
    Ok(())
}

/// Writes identity and heads into `folder`; yields the command that opens each file.
pub(crate) fn prepare(passcode: &str, answer: &str, folder: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let answer: UnlockAnswer = serde_json::from_str(answer)?;
    let capsule = URL_SAFE_NO_PAD.decode(answer.capsule)?;
    let sealed_manifest = URL_SAFE_NO_PAD.decode(answer.manifest)?;

    let h = capsule.get(..H_LEN).ok_or(Damaged)?;
    // Who has only saved files has no link to compare with; the transfer id is then the capsule's own.
    let preamble = Preamble::parse(h, h[12..28].try_into()?)?;
    let body = Keys::derive(&Passcode::parse(passcode)?, &preamble).open(&capsule)?;
    let manifest = Manifest::parse(&age::open(&body.identity, &sealed_manifest)?)?;

    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("identity.txt"), body.identity.to_text().as_bytes())?;
    let mut commands = Vec::new();
    for file in &manifest.files {
        let (i, object) = (file.index, URL_SAFE_NO_PAD.encode(file.object_id));
        std::fs::write(folder.join(format!("{i}.head")), file.head)?;
        let name = names::safe_file_name(&file.name).replace('\'', "_");
        commands.push(format!("cat {i}.head {object} | age --decrypt --identity identity.txt > '{name}'"));
    }
    Ok(commands)
}
