//! The C2SP CCTV test vectors for age: each is run, or listed with the reason why it does not concern this crate.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers may fail the test")]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::npm_package;
use envelope::age::{self, FileKey, Header, Identity, NONCE_LEN, PART_PLAIN_LEN, Payload, PayloadKey};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io::Read as _;

/// Vectors that are not run. The names are prefixes.
const NOT_RUN: [(&str, &str); 3] = [
    ("armor_", "no armor: objects are binary, and heads travel in the manifest"),
    ("scrypt", "no scrypt: the passcode opens the capsule, never an age file"),
    ("hybrid", "no ML-KEM hybrid in suite 1"),
];

/// Of those, what concerns X25519 all the same.
const RUN_ALL_THE_SAME: [&str; 2] = ["hybrid_x25519_arg", "scrypt_and_x25519"];

/// One vector: fields, then an empty line, then the file.
struct Vector {
    fields: Vec<(String, String)>,
    file: Vec<u8>,
}

impl Vector {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(2).position(|two| two == b"\n\n").unwrap();
        let text = std::str::from_utf8(&bytes[..end]).unwrap();
        let field = |line: &str| line.split_once(": ").map(|(key, value)| (key.to_owned(), value.to_owned())).unwrap();
        let mut vector = Self { fields: text.lines().map(field).collect(), file: bytes[end + 2..].to_vec() };
        if let Some(compressed) = vector.get("compressed") {
            assert_eq!(compressed, "zlib");
            let mut file = Vec::new();
            flate2::read::ZlibDecoder::new(&vector.file[..]).read_to_end(&mut file).unwrap();
            vector.file = file;
        }
        vector
    }

    fn all<'a, 'k>(&'a self, key: &'k str) -> impl Iterator<Item = &'a str> + use<'a, 'k> {
        self.fields.iter().filter(move |(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// The X25519 identities, which are all those that this crate knows.
    fn identities(&self) -> Vec<Identity> {
        let known = self.all("identity").filter(|text| !text.starts_with("AGE-SECRET-KEY-PQ-"));
        known.map(|text| Identity::parse(text).unwrap()).collect()
    }
}

/// The package is a JavaScript module: a comment with each vector's name, then its bytes in base64.
fn read_vectors() -> BTreeMap<String, Vector> {
    let module = std::fs::read_to_string(npm_package("cctv-age").join("index.js")).unwrap();
    let mut vectors = BTreeMap::new();
    let mut lines = module.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("// ../testdata/") {
            let base64 = lines.next().and_then(|line| line.split('"').nth(1)).unwrap();
            vectors.insert(name.to_owned(), Vector::parse(&STANDARD.decode(base64).unwrap()));
        }
    }
    vectors
}

fn reason_not_to_run(name: &str) -> Option<&'static str> {
    if RUN_ALL_THE_SAME.contains(&name) {
        return None;
    }
    NOT_RUN.iter().find(|(prefix, _)| name.starts_with(prefix)).map(|(_, reason)| *reason)
}

/// How far a file opens, in the vectors' words.
fn open(vector: &Vector) -> Result<(FileKey, Vec<u8>), &'static str> {
    let (header, rest) = Header::parse(&vector.file).map_err(|_| "header failure")?;
    assert_eq!(header.to_bytes(), vector.file[..vector.file.len() - rest.len()], "a header is written as it was read");
    let opened =
        vector.identities().iter().find_map(|identity| header.open(identity).ok().map(|key| (identity.clone(), key)));
    // Parsed but not opened: no match, a wrong MAC or a malformed stanza. The crate does not tell which, by design.
    let (identity, file_key) = opened.ok_or("not opened")?;
    if rest.len() < NONCE_LEN {
        return Err("header failure");
    }
    age::open(&identity, &vector.file).map(|plain| (file_key, plain)).map_err(|_| "payload failure")
}

#[test]
fn every_vector_is_run_or_listed() {
    let vectors = read_vectors();
    assert!(vectors.len() >= 143, "the package has only {} vectors", vectors.len());
    let (mut run, mut listed) = (0, 0);
    for (name, vector) in &vectors {
        if let Some(reason) = reason_not_to_run(name) {
            println!("{name}: not run, {reason}");
            listed += 1;
            continue;
        }
        run += 1;
        let expected = vector.get("expect").unwrap();
        match (open(vector), expected) {
            (Ok((file_key, plain)), "success") => check_success(name, vector, &file_key, &plain),
            (Err("not opened"), "no match" | "HMAC failure" | "header failure") => {}
            (Err(failure), expected) if failure == expected => {}
            (Ok(_), _) => panic!("{name}: opened, but expected {expected}"),
            (Err(failure), _) => panic!("{name}: {failure}, but expected {expected}"),
        }
        let identities = vector.identities();
        let whole = identities.iter().any(|identity| age::open(identity, &vector.file).is_ok());
        assert_eq!(whole, expected == "success", "{name}: age::open agrees");
    }
    println!("{run} run, {listed} listed");
    assert!(run >= 69, "only {run} vectors ran");
}

/// The plaintext is the expected one, and sealing it again under the same key gives the same bytes.
fn check_success(name: &str, vector: &Vector, file_key: &FileKey, plain: &[u8]) {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(Some(hex(&Sha256::digest(plain)).as_str()), vector.get("payload"), "{name}");
    assert_eq!(Some(hex(file_key.as_bytes()).as_str()), vector.get("file key"), "{name}");
    let (_, rest) = Header::parse(&vector.file).unwrap();
    let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().unwrap();
    let payload = Payload::new(&PayloadKey::derive(file_key, nonce), plain.len() as u64).unwrap();
    let mut again = Vec::new();
    for n in 0..payload.part_count() {
        let start = n as usize * PART_PLAIN_LEN;
        let mut part = plain[start..plain.len().min(start + PART_PLAIN_LEN)].to_vec();
        payload.seal_part(n, &mut part).unwrap();
        again.extend(part);
    }
    assert!(again == sealed, "{name}: sealed again");
}
