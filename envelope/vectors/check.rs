//! Runs vectors/capsule.json through the public door. Shared by the native test and the browser's self-test, so that
//! both read the same file in the same way.

use envelope::capsule::Unsupported;
use envelope::{ObjectEntry, Opening, Passcode, TransferId};
use serde::Deserialize;
use std::collections::HashMap;

/// The committed vectors.
pub(crate) const CAPSULE_JSON: &str = include_str!("capsule.json");

/// vectors/capsule.json
#[derive(Deserialize)]
pub(crate) struct Vectors {
    /// Base64url; every vector's capsule is opened against this manifest …
    pub(crate) manifest: String,
    /// … and these objects.
    pub(crate) objects: Vec<ObjectEntry>,
    /// One valid or mutated capsule each.
    pub(crate) vectors: Vec<Vector>,
}

/// One capsule and what must become of it.
#[derive(Deserialize)]
pub(crate) struct Vector {
    /// Unique.
    pub(crate) name: String,
    /// The reason for `expect`.
    pub(crate) why: String,
    /// As typed.
    pub(crate) passcode: String,
    /// From the link, in hex.
    pub(crate) transfer_id: String,
    /// What the server shows before the proof, in hex.
    pub(crate) h: String,
    /// What it releases for the proof, in hex.
    pub(crate) capsule: String,
    /// What must happen.
    pub(crate) expect: Expect,
    /// On the way to an opened capsule, in hex; for those that open.
    pub(crate) steps: Option<HashMap<String, String>>,
}

/// How far a reader must get, and no further.
#[derive(Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Expect {
    /// Everything opens.
    Opens,
    /// Refused before anything is derived.
    Unsupported,
    /// Derived, then refused.
    Damaged,
}

impl Vectors {
    /// Reads the committed file.
    pub(crate) fn read() -> Self {
        serde_json::from_str(CAPSULE_JSON).expect("the committed vectors are well-formed")
    }
}

/// Opens as far as it goes. Argon2id runs once for all vectors that share passcode and `H`.
#[derive(Default)]
pub(crate) struct Reader(HashMap<(String, String), Opening>);

impl Reader {
    /// What becomes of `vector`.
    pub(crate) fn open(&mut self, vectors: &Vectors, vector: &Vector) -> Expect {
        let seen = (vector.passcode.clone(), vector.h.clone());
        let transfer_id: TransferId = unhex(&vector.transfer_id).try_into().expect("16 bytes");
        let known = self.0.remove(&seen).map_or_else(|| derive(vector, &transfer_id), Ok);
        let Ok(opening) = known else { return Expect::Unsupported };
        let manifest = from_base64url(&vectors.manifest);
        let opened = opening.unlock(&unhex(&vector.capsule), &manifest, &vectors.objects);
        self.0.insert(seen, opening);
        if opened.is_ok() { Expect::Opens } else { Expect::Damaged }
    }
}

fn derive(vector: &Vector, transfer_id: &TransferId) -> Result<Opening, Unsupported> {
    let passcode = Passcode::parse(&vector.passcode).expect("vectors hold well-formed passcodes");
    Opening::derive(&passcode, transfer_id, &unhex(&vector.h))
}

/// The bytes of lower-case hex.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let byte = |i| u8::from_str_radix(&text[i..i + 2], 16).expect("hex");
    (0..text.len()).step_by(2).map(byte).collect()
}

/// The bytes of base64url without padding.
pub(crate) fn from_base64url(text: &str) -> Vec<u8> {
    base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, text).expect("base64url")
}
