//! Sending.

use crate::js::{self, Bytes, PartBuffer};
use envelope::{SealingDetails, age};
use protocol::transfers::SealRequest;
use protocol::{Base64Bytes, ObjectId, Proof, TransferId};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// A transfer that is being sealed ([`envelope::Sealing`]).
#[wasm_bindgen]
pub struct Sealing {
    inner: envelope::Sealing,
    buffer: PartBuffer,
}

#[wasm_bindgen]
impl Sealing {
    /// Draws transfer id, passcode and keys.
    pub fn make() -> Result<Sealing, JsValue> {
        let inner = envelope::Sealing::make().map_err(js::explain)?;
        Ok(Self { inner, buffer: PartBuffer::default() })
    }

    /// Base64url.
    #[wasm_bindgen(getter)]
    pub fn transfer_id(&self) -> String {
        TransferId::from_bytes(*self.inner.transfer_id()).to_text()
    }

    /// `XXXX-XXXX-XXXX-XXXX`; to be shown only once the server has answered that the transfer is ready.
    #[wasm_bindgen(getter)]
    pub fn passcode(&self) -> String {
        self.inner.passcode().to_text().to_string()
    }

    /// Adds a file and yields its index.
    pub fn add_file(&mut self, plain_len: f64) -> Result<u32, JsValue> {
        let index = self.inner.add_file(js::length(plain_len)?).map_err(js::explain)?;
        Ok(index as u32)
    }

    /// Base64url.
    pub fn object_id(&self, index: u32) -> Result<String, JsValue> {
        self.inner.object_id(index as usize).map(|id| ObjectId::from_bytes(*id).to_text()).map_err(js::explain)
    }

    /// Ciphertext bytes.
    pub fn object_len(&self, index: u32) -> Result<f64, JsValue> {
        self.inner.object_len(index as usize).map(js::number).map_err(js::explain)
    }

    /// Parts, each of [`age::PART_PLAIN_LEN`] plaintext bytes but the last.
    pub fn part_count(&self, index: u32) -> Result<u32, JsValue> {
        self.inner.part_count(index as usize).map(|count| count as u32).map_err(js::explain)
    }

    /// Seals one part, once: a retry resends the bytes that this returned.
    pub fn seal_part(&mut self, index: u32, n: u32, plain: &Bytes) -> Result<Bytes, JsValue> {
        let inner = &mut self.inner;
        self.buffer.run(plain, |part| inner.seal_part(index as usize, u64::from(n), part))
    }

    /// Seals manifest and capsule; runs Argon2id. Takes [`SealingDetails`] as JSON, yields the body of the seal call.
    pub fn finish(&mut self, json: &str) -> Result<JsValue, JsValue> {
        let details: SealingDetails =
            serde_json::from_slice(json.as_bytes()).map_err(|cause| js::error("details", &cause.to_string()))?;
        let sealed = self.inner.finish(details).map_err(js::explain)?;
        js::object(&SealRequest {
            capsule: Base64Bytes(sealed.capsule.to_vec()),
            manifest: Base64Bytes(sealed.manifest),
            proof: Proof::from_bytes(*sealed.proof.as_bytes()),
        })
    }
}

const _: () = assert!(age::MAX_PARTS <= u32::MAX as u64);
