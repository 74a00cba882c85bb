//! docs/FORMAT.md tells the truth: its worked example is read from the document and opened, step by step.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's helpers may fail the test")]

#[path = "../vectors/check.rs"]
#[allow(dead_code, reason = "shared with the vectors' test")]
mod check;
#[path = "../examples/open_with_age.rs"]
mod open_with_age;
#[path = "../vectors/reference.rs"]
#[allow(dead_code, reason = "shared with the vectors' test")]
mod reference;

use check::{Vectors, from_base64url, unhex};
use envelope::age::{self, HEAD_LEN, Identity, NONCE_LEN};
use envelope::{Link, ObjectEntry, Opening, Passcode, Secret, capsule};
use reference::Steps;
use serde_json::{Value, json};
use std::process::Command;
use tempfile::TempDir;

const DOCUMENT: &str = include_str!("../../docs/FORMAT.md");

/// What stands in the document's block of that name.
fn block(name: &str) -> &'static str {
    let start = format!("```text {name}\n");
    let from = DOCUMENT.find(&start).unwrap_or_else(|| panic!("no block {name}")) + start.len();
    let len = DOCUMENT[from..].find("\n```").unwrap();
    &DOCUMENT[from..from + len]
}

/// A block of hex in lines.
fn hex_block(name: &str) -> Vec<u8> {
    unhex(&block(name).replace('\n', ""))
}

fn sealed_manifest() -> Vec<u8> {
    from_base64url(&block("manifest").replace('\n', ""))
}

fn head() -> Vec<u8> {
    [format!("{}\n", block("head_text")).as_bytes(), &hex_block("head_nonce")].concat()
}

/// The manifest's JSON as the document shows it.
fn manifest_json() -> Value {
    serde_json::from_str(block("manifest_json")).unwrap()
}

#[test]
fn the_example_s_keys_follow_from_its_passcode() {
    let h = hex_block("h");
    let steps = Steps::derive(&block("passcode").replace('-', "")[..15], &h);
    for (name, made) in
        [("a", steps.a), ("prk", steps.prk), ("key", steps.key), ("commit", steps.commit), ("proof", steps.proof)]
    {
        assert_eq!(hex_block(name), made, "{name}");
    }
    let capsule = hex_block("capsule");
    assert_eq!(h, capsule[..52]);
    assert_eq!(hex_block("transfer_id"), h[12..28]);
    assert_eq!(hex_block("commit"), capsule[76..108]);
    let nonce = capsule[52..76].try_into().unwrap();
    assert_eq!(steps.seal(&h, &nonce, &hex_block("p")), capsule);
    let identity = Identity::from_bytes(hex_block("p")[8..40].try_into().unwrap());
    assert_eq!(identity.to_text().as_str(), block("identity"));
}

#[test]
fn the_example_s_files_open_with_its_identity() {
    let identity = Identity::parse(block("identity")).unwrap();
    let manifest = age::open(&identity, &sealed_manifest()).unwrap();
    assert_eq!(manifest.len() % 4096, 0);
    assert_eq!(serde_json::from_slice::<Value>(&manifest).unwrap(), manifest_json());
    let head = head();
    assert_eq!((head.len(), head.len() - NONCE_LEN), (HEAD_LEN, 168));
    assert_eq!(from_base64url(manifest_json()["files"][0]["head"].as_str().unwrap()), head);
    let plain = age::open(&identity, &[head, hex_block("object")].concat()).unwrap();
    assert_eq!(plain, block("plain").as_bytes());
}

#[test]
fn the_example_opens_through_the_public_door() {
    let passcode = Passcode::parse(block("passcode")).unwrap();
    let transfer_id = hex_block("transfer_id").try_into().unwrap();
    let opening = Opening::derive(&passcode, &transfer_id, &hex_block("h")).unwrap();
    assert_eq!(hex_block("proof"), opening.proof().as_bytes());
    let objects: Vec<ObjectEntry> = serde_json::from_value(manifest_json()["files"].clone()).unwrap();
    let mut opened = opening.unlock(&hex_block("capsule"), &sealed_manifest(), &objects).unwrap();
    let mut part = hex_block("object");
    opened.open_part(0, 0, &mut part).unwrap();
    assert_eq!(part, block("plain").as_bytes());
}

#[test]
fn the_example_is_the_first_vector() {
    let vectors = Vectors::read();
    let first = &vectors.vectors[0];
    assert_eq!((first.passcode.as_str(), unhex(&first.capsule)), (block("passcode"), hex_block("capsule")));
    assert_eq!(from_base64url(&vectors.manifest), sealed_manifest());
}

/// The worked example as its recipient has it: the link, and the server's two answers in files.
struct Mailed {
    folder: TempDir,
    link: String,
}

impl Mailed {
    const TOKEN: [u8; 32] = [0xa7; 32];

    fn new() -> Self {
        let transfer_id = hex_block("transfer_id").try_into().unwrap();
        let fragment = Link { token: Secret::from_bytes(Self::TOKEN), transfer_id }.to_fragment();
        let link = format!("https://host/open#{}", *fragment);
        let mailed = Self { folder: tempfile::tempdir().unwrap(), link };
        mailed.write("open.json", json!({ "h": to_base64url(&hex_block("h")) }).to_string());
        mailed.write("unlock.json", mailed.unlock_answer(&manifest_json()["files"]).to_string());
        mailed
    }

    fn unlock_answer(&self, objects: &Value) -> Value {
        let (capsule, manifest) = (to_base64url(&hex_block("capsule")), to_base64url(&sealed_manifest()));
        json!({ "ticket": "the-ticket", "capsule": capsule, "manifest": manifest, "objects": objects })
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.folder.path().join(name), bytes).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(name)).unwrap()
    }

    /// A step of the example, the passcode typed as the document has it.
    fn step(&self, verb: &str, answer: &str) -> Result<String, String> {
        let typed = format!("{}\n", block("passcode"));
        let arguments = [verb, &self.link, answer];
        let arguments = if answer.is_empty() { &arguments[..2] } else { &arguments };
        open_with_age::run(arguments, &mut typed.as_bytes(), self.folder.path()).map_err(|error| error.to_string())
    }
}

#[test]
fn the_recipe_for_the_age_tool_works() {
    let mailed = Mailed::new();
    for step in ["ask \"$LINK\"", "proof \"$LINK\" open.json", "identity \"$LINK\" unlock.json"] {
        assert!(DOCUMENT.contains(&format!("\nopen_with_age {step} ")), "the document does not say {step}");
    }
    let mut asked =
        json!({ "token": to_base64url(&Mailed::TOKEN), "transfer_id": to_base64url(&hex_block("transfer_id")) });
    assert_eq!(serde_json::from_str::<Value>(&mailed.step("ask", "").unwrap()).unwrap(), asked);
    asked["proof"] = to_base64url(&hex_block("proof")).into();
    assert_eq!(serde_json::from_str::<Value>(&mailed.step("proof", "open.json").unwrap()).unwrap(), asked);

    let script = mailed.step("identity", "unlock.json").unwrap();
    assert_eq!(mailed.read("identity.txt"), block("identity").as_bytes());
    assert_eq!(mailed.read("0.head"), head());
    assert_eq!(mailed.read("ticket"), b"Authorization: Ticket the-ticket\n");
    let shown = script.lines().take(2).collect::<Vec<_>>().join("\n");
    assert!(DOCUMENT.contains(&shown), "the document shows {shown}");

    // In curl's place, a function that takes the object from the folder.
    let vectors: Value = serde_json::from_str(check::CAPSULE_JSON).unwrap();
    for object in vectors["objects"].as_array().unwrap() {
        mailed.write(object["object_id"].as_str().unwrap(), unhex(object["object"].as_str().unwrap()));
    }
    let script = format!("curl() {{ cp \"./${{6##*/}}\" \"$5\"; }}\n{script}");
    let ran = Command::new("sh").args(["-e", "-c", &script]).current_dir(mailed.folder.path()).output().unwrap();
    let complaint = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{complaint} (if age is missing, run cargo xtask test, which installs it)");
    assert_eq!(mailed.read("opened/thorax.dcm"), block("plain").as_bytes());
    assert_eq!(mailed.read("opened/empty.dcm"), b"");
}

#[test]
fn the_recipe_stops_at_a_weakened_answer_a_refusal_and_foreign_objects() {
    let mailed = Mailed::new();
    let mut weakened = hex_block("h");
    weakened[8] = 0;
    mailed.write("open.json", json!({ "h": to_base64url(&weakened) }).to_string());
    assert_eq!(mailed.step("proof", "open.json"), Err(capsule::Unsupported.to_string()));

    mailed.write("unlock.json", json!({ "title": "No", "detail": "That was not the passcode." }).to_string());
    assert_eq!(mailed.step("identity", "unlock.json"), Err("The server says: That was not the passcode.".to_owned()));

    let mut objects = manifest_json()["files"].clone();
    objects[1]["object_id"] = to_base64url(&[7; 16]).into();
    mailed.write("unlock.json", mailed.unlock_answer(&objects).to_string());
    assert_eq!(mailed.step("identity", "unlock.json"), Err(envelope::Damaged.to_string()));
    assert!(!mailed.folder.path().join("identity.txt").exists());
}

fn to_base64url(bytes: &[u8]) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, bytes)
}

#[test]
fn the_document_s_numbers_are_the_crate_s() {
    let said = |text: &str| assert!(DOCUMENT.contains(text), "the document does not say {text:?}");
    let grouped = |number: usize| {
        let digits = number.to_string();
        let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|g| std::str::from_utf8(g).unwrap()).collect();
        groups.join(",")
    };
    assert_eq!((capsule::H_LEN, capsule::CAPSULE_LEN, HEAD_LEN), (52, 220, 184));
    said(&format!("A header is read to {} bytes at most", grouped(age::MAX_HEADER_LEN)));
    said(&format!("at most {} bytes", grouped(envelope::manifest::MAX_MANIFEST_LEN)));
    said(&format!("a multiple of {} bytes", grouped(envelope::manifest::PADDING_LEN)));
    said(&format!("({} plaintext bytes, {} sealed)", grouped(age::PART_PLAIN_LEN), grouped(age::PART_LEN)));
    said(&format!("an object has at most {}", grouped(age::MAX_PARTS as usize)));
    said("`0123-4567-89AB-CDE` has the check symbol `Z`");
    assert!(Passcode::parse("0123-4567-89AB-CDEZ").is_ok());
}
