//! Writes vectors/capsule.json anew: `cargo run -p envelope --example make_vectors > envelope/vectors/capsule.json`
//!
//! The transfer is random; what is checked against docs/FORMAT.md is how everything follows from it.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool for developers")]

#[path = "../vectors/reference.rs"]
mod reference;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use envelope::capsule::{H_LEN, Keys, Preamble};
use envelope::manifest::Sender;
use envelope::{FileDetails, Passcode, Sealing, SealingDetails};
use reference::Steps;
use serde_json::{Value, json};

/// A transfer from which all vectors are made.
struct Transfer {
    transfer_id: [u8; 16],
    passcode: String,
    capsule: Vec<u8>,
    /// The opened body's 96 bytes.
    p: Vec<u8>,
    manifest: Vec<u8>,
    objects: Vec<Value>,
}

fn main() {
    let transfer = make_transfer();
    let mut vectors = valid_vectors(&transfer);
    vectors.extend(changed_preambles(&transfer));
    vectors.extend(changed_capsules(&transfer));
    vectors.extend(changed_bodies(&transfer));
    let file = json!({
        "about": "Capsules of suite 1 (docs/FORMAT.md). Every capsule is opened against the one manifest and object list. \
                  Hex, except base64url where JSON of the API has it.",
        "manifest": URL_SAFE_NO_PAD.encode(&transfer.manifest),
        "objects": transfer.objects,
        "vectors": vectors,
    });
    println!("{}", serde_json::to_string_pretty(&file).unwrap());
}

fn make_transfer() -> Transfer {
    let mut sealing = Sealing::make().unwrap();
    let mut objects = Vec::new();
    for plain in ["not a real image", ""] {
        let index = sealing.add_file(plain.len() as u64).unwrap();
        let mut object = plain.as_bytes().to_vec();
        sealing.seal_part(index, 0, &mut object).unwrap();
        let (id, len) = (sealing.object_id(index).unwrap(), sealing.object_len(index).unwrap());
        let id = URL_SAFE_NO_PAD.encode(id);
        objects.push(json!({ "object_id": id, "object_len": len, "object": hex(&object), "plain": plain }));
    }
    let file = |name: &str| FileDetails { name: name.to_owned(), media_type: "application/dicom".to_owned() };
    let details = SealingDetails {
        not_after: 1_798_761_600,
        created: 1_798_156_800,
        sender: Sender { name: "Dr. Ana Ruiz".to_owned(), email: "ana.ruiz@clinic.example".to_owned() },
        message: "Follow-up of 2024.".to_owned(),
        files: vec![file("thorax.dcm"), file("empty.dcm")],
    };
    let sealed = sealing.finish(details).unwrap();
    let preamble = Preamble::parse(&sealed.capsule[..H_LEN], sealing.transfer_id()).unwrap();
    let body = Keys::derive(sealing.passcode(), &preamble).open(&sealed.capsule).unwrap();
    let p = [
        &[1, 0, 0, 0][..],
        &body.file_count.to_be_bytes(),
        body.identity.as_bytes(),
        &body.manifest_sha256,
        &body.manifest_len.to_be_bytes(),
        &body.total_plain.to_be_bytes(),
        &body.created.to_be_bytes(),
    ]
    .concat();
    Transfer {
        transfer_id: *sealing.transfer_id(),
        passcode: sealing.passcode().to_text().to_string(),
        capsule: sealed.capsule.to_vec(),
        p,
        manifest: sealed.manifest,
        objects,
    }
}

impl Transfer {
    fn h(&self) -> Vec<u8> {
        self.capsule[..H_LEN].to_vec()
    }

    /// What this transfer's passcode gives with another `H`.
    fn steps(&self, h: &[u8]) -> Steps {
        Steps::derive(&self.passcode.replace('-', "")[..15], h)
    }

    fn vector(&self, name: &str, why: &str, expect: &str, h: &[u8], capsule: &[u8]) -> Value {
        json!({
            "name": name, "why": why, "expect": expect, "passcode": self.passcode,
            "transfer_id": hex(&self.transfer_id), "h": hex(h), "capsule": hex(capsule),
        })
    }
}

/// The transfer's own capsule, and the same identity under other preambles.
fn valid_vectors(transfer: &Transfer) -> Vec<Value> {
    let own = transfer.h();
    let other = changed(&changed(&own, 28, 0xff), 11, 1);
    let never_ends = [&own[..44], &[0xff; 8]].concat();
    [("as sealed", own), ("another slot and salt", other), ("ends at the latest second", never_ends)]
        .into_iter()
        .map(|(name, h)| {
            let steps = transfer.steps(&h);
            let nonce: [u8; 24] = transfer.capsule[52..76].try_into().unwrap();
            let capsule = steps.seal(&h, &nonce, &transfer.p);
            let mut vector = transfer.vector(name, "A valid capsule.", "opens", &h, &capsule);
            vector["steps"] = json!({
                "a": hex(&steps.a), "prk": hex(&steps.prk), "key": hex(&steps.key), "commit": hex(&steps.commit),
                "proof": hex(&steps.proof), "nonce": hex(&nonce), "p": hex(&transfer.p),
            });
            vector
        })
        .collect()
}

/// One change in each field of `H`, both before the proof and in the capsule.
fn changed_preambles(transfer: &Transfer) -> Vec<Value> {
    let vector = |name: &str, why: &str, expect: &str, h: &[u8]| {
        let capsule = [h, &transfer.capsule[H_LEN..]].concat();
        transfer.vector(name, why, expect, h, &capsule)
    };
    let flip = |at: usize| changed(&transfer.h(), at, 1);
    let mut longer = transfer.h();
    longer.push(0);
    let mut wrong_passcode = transfer.vector(
        "another passcode",
        "Another key, so commit does not match.",
        "damaged",
        &transfer.h(),
        &transfer.capsule,
    );
    wrong_passcode["passcode"] = json!(Passcode::make().unwrap().to_text().as_str());
    vec![
        vector("magic", "H does not begin with FILMJKT1.", "unsupported", &flip(0)),
        vector(
            "suite 2",
            "Only suite 1 is known; its parameters are pinned.",
            "unsupported",
            &changed(&transfer.h(), 8, 3),
        ),
        vector("mode 2", "Reserved.", "unsupported", &changed(&transfer.h(), 9, 3)),
        vector("slot", "Every key depends on H.", "damaged", &flip(11)),
        vector("transfer_id", "Not the link's.", "unsupported", &flip(12)),
        vector("salt", "Another Argon2id output.", "damaged", &flip(43)),
        vector("not_after", "Every key depends on H.", "damaged", &flip(51)),
        vector("H is short", "H has 52 bytes.", "unsupported", &transfer.h()[..51]),
        vector("H is long", "H has 52 bytes.", "unsupported", &longer),
        vector("H is empty", "H has 52 bytes.", "unsupported", &[]),
        wrong_passcode,
    ]
}

/// One change in each field behind `H`, and other lengths.
fn changed_capsules(transfer: &Transfer) -> Vec<Value> {
    let vector = |name: &str, why: &str, capsule: &[u8]| transfer.vector(name, why, "damaged", &transfer.h(), capsule);
    let flip = |at: usize| changed(&transfer.capsule, at, 1);
    vec![
        vector(
            "H differs from the one shown before",
            "The capsule's H must be the one the proof was made for.",
            &flip(51),
        ),
        vector("nonce", "Part of the associated data.", &flip(52)),
        vector("commit", "Compared before decrypting.", &flip(76)),
        vector("ciphertext", "The tag does not fit.", &flip(108)),
        vector("tag", "The tag does not fit.", &flip(219)),
        vector("capsule is short", "A capsule has 220 bytes.", &transfer.capsule[..219]),
        vector("capsule is long", "A capsule has 220 bytes.", &[&transfer.capsule[..], &[0]].concat()),
        vector("capsule is empty", "A capsule has 220 bytes.", &[]),
    ]
}

/// One change in each field of `P`, properly sealed: as only the sender, or a thief of the passcode, could.
fn changed_bodies(transfer: &Transfer) -> Vec<Value> {
    let h = transfer.h();
    let steps = transfer.steps(&h);
    let nonce: [u8; 24] = transfer.capsule[52..76].try_into().unwrap();
    [
        ("body type 2", 0, 3, "Only type 1 is known."),
        ("reserved bytes", 3, 1, "Zero in type 1."),
        ("file_count", 7, 1, "The manifest lists another number."),
        ("identity", 8, 8, "Opens neither manifest nor heads."),
        ("manifest SHA-256", 40, 1, "Of another manifest."),
        ("manifest_len", 79, 1, "The manifest has another length."),
        ("total_plain", 87, 1, "The manifest's files have another total."),
        ("created", 95, 1, "The manifest says another time."),
    ]
    .into_iter()
    .map(|(name, at, bits, why)| {
        let capsule = steps.seal(&h, &nonce, &changed(&transfer.p, at, bits));
        transfer.vector(name, why, "damaged", &h, &capsule)
    })
    .collect()
}

fn changed(bytes: &[u8], at: usize, bits: u8) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    changed[at] ^= bits;
    changed
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
