//! Sending: one [`Sealing`] in the worker that holds the secrets, one [`crate::Part`] for each part, in any worker.

use crate::js::{self, Bytes};
use envelope::{SealError, SealingDetails, age};
use protocol::transfers::SealRequest;
use protocol::{Base64Bytes, ObjectId, Proof, TransferId};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

/// A transfer that is being sealed ([`envelope::Sealing`]).
#[wasm_bindgen]
pub struct Sealing {
    inner: envelope::Sealing,
}

#[wasm_bindgen]
impl Sealing {
    /// Draws transfer id, passcode and keys.
    pub fn make() -> Result<Sealing, JsValue> {
        let inner = envelope::Sealing::make().map_err(js::explain)?;
        Ok(Self { inner })
    }

    /// Goes on with what `export_draft` kept.
    pub fn import_draft(bytes: &Bytes) -> Result<Sealing, JsValue> {
        let mut kept = Zeroizing::new(Vec::new());
        bytes.append_to(&mut kept);
        let inner = envelope::Sealing::import(&kept).map_err(js::explain)?;
        Ok(Self { inner })
    }

    /// What a reload must survive, secrets among it: for this browser alone, encrypted.
    pub fn export_draft(&self) -> Result<Bytes, JsValue> {
        self.inner.export().map(|bytes| Bytes::copy_of(&bytes)).map_err(js::explain)
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

    /// Starts a file again under a new key, in a new object.
    pub fn restart_file(&mut self, index: u32, plain_len: f64) -> Result<(), JsValue> {
        self.inner.restart_file(index as usize, js::length(plain_len)?).map_err(js::explain)
    }

    /// Whether a reload has cost the file its key, so that it must be restarted.
    pub fn is_interrupted(&self, index: u32) -> bool {
        self.inner.object_id(index as usize) == Err(SealError::Interrupted)
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

    /// Whether every part was confirmed.
    pub fn is_complete(&self, index: u32) -> bool {
        self.inner.is_complete(index as usize)
    }

    /// The one right to seal a part, as opaque bytes for [`crate::Part::seal`] in another worker.
    pub fn claim_part(&mut self, index: u32, n: u32) -> Result<Bytes, JsValue> {
        let sealer = self.inner.claim_part(index as usize, u64::from(n)).map_err(js::explain)?;
        Ok(Bytes::copy_of(sealer.into_bytes().as_bytes()))
    }

    /// Notes that the server has a part of an object.
    pub fn confirm_part(&mut self, object_id: &str, n: u32) -> Result<(), JsValue> {
        let object_id = ObjectId::parse(object_id).map_err(|_| js::explain(SealError::NoSuchFile))?;
        self.inner.confirm_part(object_id.as_bytes(), u64::from(n)).map_err(js::explain)
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
