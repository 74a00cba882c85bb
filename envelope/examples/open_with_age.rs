//! Opens a transfer with the stock `age` tool, and no page of the server's (docs/FORMAT.md, "Opening with the age tool"):
//!
//! ```text
//! open_with_age ask LINK                     prints the body for POST /api/v1/open
//! open_with_age proof LINK open.json         prints the body for POST /api/v1/open/unlock
//! open_with_age identity LINK unlock.json    writes identity.txt, ticket and each file's head; prints what to run
//! ```
//!
//! `open.json` and `unlock.json` are the server's answers. Nothing here speaks to a server: whoever follows the recipe
//! sees every byte that goes out. The passcode is read from standard input, because arguments stay in the shell's
//! history and every program on the machine can read them. The link may be an argument: alone it opens nothing.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the command line")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use envelope::capsule::{H_LEN, Keys, Preamble};
use envelope::manifest::Manifest;
use envelope::{Damaged, Link, ObjectEntry, Opening, Passcode, age};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::error::Error;
use std::fs;
use std::io::BufRead;
use std::path::Path;
use std::process::ExitCode;
use zeroize::Zeroizing;

const USAGE: &str = "Say one of:\n  open_with_age ask LINK\n  open_with_age proof LINK open.json\n  \
    open_with_age identity LINK unlock.json";

#[derive(Deserialize)]
struct OpenAnswer {
    h: String,
}

#[derive(Deserialize)]
struct UnlockAnswer {
    ticket: String,
    capsule: String,
    manifest: String,
    objects: Vec<ObjectEntry>,
}

/// What the server answers instead, if it refuses.
#[derive(Deserialize)]
struct Problem {
    detail: String,
}

#[cfg_attr(test, allow(dead_code, reason = "the test calls run"))]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments, &mut std::io::stdin().lock(), Path::new("")) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// One step, in `folder`; yields what it prints.
pub(crate) fn run(arguments: &[&str], typed: &mut impl BufRead, folder: &Path) -> Result<String, Box<dyn Error>> {
    match arguments {
        ["ask", link] => Ok(make_ask(&parse_link(link)?)),
        ["proof", link, answer] => {
            let (link, answer) = (parse_link(link)?, fs::read_to_string(folder.join(answer))?);
            make_proof(&link, &read_passcode(typed)?, &answer)
        }
        ["identity", link, answer] => {
            let (link, answer) = (parse_link(link)?, fs::read_to_string(folder.join(answer))?);
            write_identity(&link, &read_passcode(typed)?, &answer, folder)
        }
        _ => Err(USAGE.into()),
    }
}

fn make_ask(link: &Link) -> String {
    json!({ "token": encode(link.token.as_bytes()), "transfer_id": encode(&link.transfer_id) }).to_string()
}

/// Refuses parameters that are not suite 1's before the passcode is used, so that no server can ask for a weaker proof.
fn make_proof(link: &Link, passcode: &Passcode, answer: &str) -> Result<String, Box<dyn Error>> {
    let answer: OpenAnswer = parse_answer(answer)?;
    let opening = Opening::derive(passcode, &link.transfer_id, &URL_SAFE_NO_PAD.decode(answer.h)?)?;
    let (token, transfer_id) = (encode(link.token.as_bytes()), encode(&link.transfer_id));
    Ok(json!({ "token": token, "transfer_id": transfer_id, "proof": encode(opening.proof().as_bytes()) }).to_string())
}

fn write_identity(link: &Link, passcode: &Passcode, answer: &str, folder: &Path) -> Result<String, Box<dyn Error>> {
    let answer: UnlockAnswer = parse_answer(answer)?;
    let capsule = URL_SAFE_NO_PAD.decode(answer.capsule)?;
    let sealed_manifest = URL_SAFE_NO_PAD.decode(answer.manifest)?;
    let h = capsule.get(..H_LEN).ok_or(Damaged)?;

    // The client's own opening checks everything, but keeps identity and heads to itself: both are read once more.
    let opened =
        Opening::derive(passcode, &link.transfer_id, h)?.unlock(&capsule, &sealed_manifest, &answer.objects)?;
    let keys = Keys::derive(passcode, &Preamble::parse(h, &link.transfer_id)?);
    let identity = keys.open(&capsule)?.identity;
    let manifest = Manifest::parse(&Zeroizing::new(age::open(&identity, &sealed_manifest)?))?;

    fs::write(folder.join("identity.txt"), identity.to_text().as_bytes())?;
    fs::write(folder.join("ticket"), format!("Authorization: Ticket {}\n", answer.ticket))?;
    // A folder of their own, because a file may be called identity.txt.
    fs::create_dir_all(folder.join("opened"))?;
    let mut commands = Vec::new();
    for (file, shown) in manifest.files.iter().zip(&opened.contents().files) {
        let (i, object_id) = (file.index, encode(&file.object_id));
        fs::write(folder.join(format!("{i}.head")), file.head)?;
        let name = shown.name.replace('\'', r"'\''");
        commands.push(format!(r#"curl -fsS -H @ticket -o {i}.object "$SERVER/api/v1/open/objects/{object_id}""#));
        commands.push(format!("cat {i}.head {i}.object | age --decrypt --identity identity.txt > 'opened/{name}'"));
    }
    Ok(commands.join("\n"))
}

/// All of the link, or what stands behind its `#`.
fn parse_link(link: &str) -> Result<Link, Box<dyn Error>> {
    Ok(Link::parse_fragment(link.rsplit('#').next().unwrap_or(link))?)
}

fn read_passcode(typed: &mut impl BufRead) -> Result<Passcode, Box<dyn Error>> {
    eprint!("Passcode: ");
    let mut line = Zeroizing::new(String::new());
    typed.read_line(&mut line)?;
    Ok(Passcode::parse(line.trim_end())?)
}

fn parse_answer<T: DeserializeOwned>(json: &str) -> Result<T, Box<dyn Error>> {
    match serde_json::from_str::<Problem>(json) {
        Ok(problem) => Err(format!("The server says: {}", problem.detail).into()),
        Err(_) => Ok(serde_json::from_str(json)?),
    }
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
