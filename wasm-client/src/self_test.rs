//! The envelope's vectors and round trips, run where the product runs. Only with the feature `self-test`.

#[path = "../../envelope/vectors/aead.rs"]
#[allow(clippy::unwrap_used, reason = "shared with native tests")]
mod aead;
#[path = "../../envelope/vectors/check.rs"]
#[allow(clippy::expect_used, dead_code, reason = "shared with native tests")]
mod check;
#[path = "../../envelope/vectors/primitives.rs"]
#[allow(clippy::unwrap_used, reason = "shared with native tests")]
mod primitives;

use crate::js::{self, Bytes};
use crate::{Opening, Part, Sealing, parse_link};
use aead::cipher;
use check::{Reader, Vectors};
use envelope::Secret;
use envelope::aead::{ChaCha20Poly1305, ENGINE, XChaCha20Poly1305};
use envelope::age::PART_PLAIN_LEN;
use js_sys::{Error, JSON, JsString, Reflect};
use protocol::transfers::SealRequest;
use serde::Serialize;
use serde_json::json;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};

/// Around every border of chunks and parts.
const LENGTHS: [usize; 7] = [0, 1, 65_535, 65_536, 65_537, PART_PLAIN_LEN, PART_PLAIN_LEN + 1];

/// What ran.
#[derive(Serialize)]
struct Report {
    capsule_vectors: usize,
    round_trips: usize,
    wycheproof: [&'static str; 3],
    /// What computes the two ciphers in this build, and at how many lengths and vectors it was right.
    ciphers: (&'static str, usize),
}

/// Runs everything and returns a report as JSON.
///
/// # Errors
/// Throws at the first check that fails, saying which.
#[wasm_bindgen]
pub fn self_test() -> Result<String, JsValue> {
    js::json(&Report {
        capsule_vectors: capsule_vectors()?,
        round_trips: round_trips()?,
        wycheproof: wycheproof(),
        ciphers: (ENGINE, aead::check(cipher!(ChaCha20Poly1305, Secret<32>), cipher!(XChaCha20Poly1305, Secret<32>))),
    })
}

fn capsule_vectors() -> Result<usize, JsValue> {
    let vectors = Vectors::read();
    let mut reader = Reader::default();
    for vector in &vectors.vectors {
        let outcome = reader.open(&vectors, vector);
        expect(outcome == vector.expect, &format!("vector {:?}: {outcome:?}; {}", vector.name, vector.why))?;
    }
    Ok(vectors.vectors.len())
}

/// Seals and opens through the bindings themselves.
fn round_trips() -> Result<usize, JsValue> {
    let mut sealing = Sealing::make()?;
    let (mut objects, mut names, mut sealed_parts) = (Vec::new(), Vec::new(), Vec::new());
    for (i, len) in (0..).zip(LENGTHS) {
        sealing.add_file(len as f64)?;
        objects.push(json!({ "object_id": sealing.object_id(i)?, "object_len": sealing.object_len(i)? as u64 }));
        names.push(json!({ "name": format!("{len}.bin"), "media_type": "" }));
        for (n, part) in (0..).zip(plain_parts(len)) {
            let mut refused = part_of(&part)?;
            expect(name_of(refused.seal(&Bytes::copy_of(b"no sealer"))) == "damaged", "sealed with anything")?;
            expect_no_trace(&part, [refused, part_of(&part)?])?;
            let mut sealed = part_of(&part)?;
            sealed.seal(&sealing.claim_part(i, n)?)?;
            let bytes = bytes_of(&sealed);
            expect_no_trace(&part, [sealed])?;
            sealed_parts.push((i, n, bytes, part));
            sealing.confirm_part(&sealing.object_id(i)?, n)?;
        }
    }
    expect(name_of(sealing.claim_part(0, 0)) == "already-sealed", "a part may be sealed twice")?;
    let mut sealing = Sealing::import_draft(&sealing.export_draft()?)?;

    let sender = json!({ "name": "A", "email": "a@b.example" });
    let details = json!({ "not_after": 2, "created": 1, "sender": sender, "message": "", "files": names });
    let finished = sealing.finish(&details.to_string())?;
    let seal: SealRequest = serde_json::from_str(&String::from(JSON::stringify(&finished)?))
        .map_err(|cause| js::error("self-test", &cause.to_string()))?;
    let text = |key: &str| Reflect::get(&finished, &key.into()).map(|value| String::from(JsString::from(value)));
    let h = js_text(&protocol::Base64Bytes(seal.capsule.0[..envelope::capsule::H_LEN].to_vec()))?;

    let mut opening = Opening::derive(&sealing.passcode(), &sealing.transfer_id(), &h)?;
    expect(opening.proof() == text("proof")?, "sender and recipient derive different proofs")?;
    let mut other = text("capsule")?;
    other.replace_range(100..101, if &other[100..101] == "A" { "B" } else { "A" });
    let objects = serde_json::Value::from(objects).to_string();
    expect(name_of(opening.unlock(&other, &text("manifest")?, &objects)) == "damaged", "a changed capsule opened")?;
    opening.unlock(&text("capsule")?, &text("manifest")?, &objects)?;
    for (i, n, mut sealed, plain) in sealed_parts.into_iter().rev() {
        expect(!opening.is_verified(i), "a file was complete before its last part")?;
        let opener = opening.part_opener(i)?;
        let mut part = part_of(&sealed)?;
        let voucher = part.open(&opener, n)?;
        expect(bytes_of(&part) == plain, "a part opened to something else")?;
        expect(name_of(opening.accept(i, n + 1, &voucher)) == "damaged", "a voucher counted for another part")?;
        opening.accept(i, n, &voucher)?;
        sealed[0] ^= 1;
        let mut changed = part_of(&sealed)?;
        expect(name_of(changed.open(&opener, n)) == "damaged", "a changed part opened")?;
        expect(bytes_of(&changed).is_empty(), "a changed part left something")?;
        expect_no_trace(&plain, [part, changed])?;
        expect(n > 0 || opening.is_verified(i), "a whole file is not complete")?;
    }
    expect(name_of(parse_link("#cut")) == "damaged-link", "a cut link was read")?;
    Ok(LENGTHS.len())
}

/// A part in two pieces, as the network gives them.
fn part_of(bytes: &[u8]) -> Result<Part, JsValue> {
    let mut part = Part::new();
    let (one, other) = bytes.split_at(bytes.len() / 3);
    part.push(&Bytes::copy_of(one))?;
    part.push(&Bytes::copy_of(other))?;
    Ok(part)
}

/// What a part's view shows.
fn bytes_of(part: &Part) -> Vec<u8> {
    let mut bytes = Vec::new();
    part.view().append_to(&mut bytes);
    bytes
}

/// Frees parts, and looks at the rooms that they leave to the next ones.
fn expect_no_trace<const N: usize>(plain: &[u8], parts: [Part; N]) -> Result<(), JsValue> {
    drop(parts);
    let next: [Part; N] = std::array::from_fn(|_| Part::new());
    let ends = [plain.first_chunk::<32>(), plain.last_chunk::<32>()];
    let has = |room: &[u8]| ends.iter().flatten().any(|end| room.windows(32).any(|window| window == *end));
    expect(!next.iter().any(|part| has(part.room())), "a freed part left plaintext")
}

fn wycheproof() -> [&'static str; 3] {
    primitives::x25519();
    primitives::hkdf_sha256();
    primitives::hmac_sha256();
    ["X25519", "HKDF-SHA256", "HMAC-SHA256"]
}

fn plain_parts(len: usize) -> Vec<Vec<u8>> {
    let plain: Vec<u8> = (0..len).map(|i| (i * 31 + i / 251) as u8).collect();
    if plain.is_empty() {
        return vec![Vec::new()];
    }
    plain.chunks(PART_PLAIN_LEN).map(<[u8]>::to_vec).collect()
}

fn js_text(value: &impl Serialize) -> Result<String, JsValue> {
    js::json(value).map(|quoted| quoted.trim_matches('"').to_owned())
}

/// The slug of the error, or nothing.
fn name_of<T>(result: Result<T, JsValue>) -> String {
    let error = result.err().and_then(|value| value.dyn_into::<Error>().ok());
    error.map_or_else(String::new, |error| error.name().into())
}

fn expect(held: bool, otherwise: &str) -> Result<(), JsValue> {
    if held { Ok(()) } else { Err(js::error("self-test", otherwise)) }
}
