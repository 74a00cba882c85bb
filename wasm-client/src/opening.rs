//! Opening.

use crate::js::{self, Bytes};
use envelope::capsule::Unsupported;
use envelope::{Damaged, DamagedLink, Link, ObjectEntry, Opened, Passcode};
use protocol::open::OpenRequest;
use protocol::{Base64Bytes, LinkToken, Proof, TransferId};
use serde::de::{DeserializeOwned, IntoDeserializer as _, value};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// `{token, transfer_id}`, the body of the open call, from a link's fragment.
#[wasm_bindgen]
pub fn parse_link(fragment: &str) -> Result<JsValue, JsValue> {
    let link = Link::parse_fragment(fragment).map_err(js::explain)?;
    js::object(&OpenRequest {
        token: LinkToken::from_bytes(*link.token.as_bytes()),
        transfer_id: TransferId::from_bytes(link.transfer_id),
    })
}

/// The 16 symbols of a passcode as typed; finds typing mistakes before any request.
#[wasm_bindgen]
pub fn normalize_passcode(text: &str) -> Result<String, JsValue> {
    Passcode::parse(text).map(|passcode| passcode.symbols().to_string()).map_err(js::explain)
}

/// A transfer that is being opened ([`envelope::Opening`], then [`envelope::Opened`]). It keeps the books; its parts are
/// opened ([`crate::Part::open`]) in other workers.
#[wasm_bindgen]
pub struct Opening {
    locked: envelope::Opening,
    opened: Option<Opened>,
}

#[wasm_bindgen]
impl Opening {
    /// Checks `h`, then runs Argon2id.
    pub fn derive(passcode: &str, transfer_id: &str, h: &str) -> Result<Opening, JsValue> {
        let passcode = Passcode::parse(passcode).map_err(js::explain)?;
        let transfer_id = TransferId::parse(transfer_id).map_err(|_| js::explain(DamagedLink))?;
        let h: Base64Bytes = parse_text(h).ok_or_else(|| js::explain(Unsupported))?;
        let locked = envelope::Opening::derive(&passcode, transfer_id.as_bytes(), &h.0).map_err(js::explain)?;
        Ok(Self { locked, opened: None })
    }

    /// Base64url; the body of the unlock call needs it.
    #[wasm_bindgen(getter)]
    pub fn proof(&self) -> String {
        Proof::from_bytes(*self.locked.proof().as_bytes()).to_text()
    }

    /// Opens capsule and manifest against the objects that the server lists; yields [`envelope::Contents`] as JSON.
    pub fn unlock(&mut self, capsule: &str, manifest: &str, objects_json: &str) -> Result<String, JsValue> {
        let opened = unlock(&self.locked, capsule, manifest, objects_json).map_err(js::explain)?;
        let contents = js::json(opened.contents())?;
        self.opened = Some(opened);
        Ok(contents)
    }

    /// Parts of a file.
    pub fn part_count(&self, index: u32) -> Result<u32, JsValue> {
        let opened = self.opened.as_ref().ok_or_else(|| js::explain(Damaged))?;
        opened.part_count(index as usize).map(|count| count as u32).map_err(js::explain)
    }

    /// What [`crate::Part::open`] needs to open a file's parts: a secret, for a worker of this transfer only.
    pub fn part_opener(&self, index: u32) -> Result<Bytes, JsValue> {
        let opened = self.opened.as_ref().ok_or_else(|| js::explain(Damaged))?;
        let opener = opened.part_opener(index as usize).map_err(js::explain)?;
        Ok(Bytes::copy_of(&*opener.to_bytes()))
    }

    /// Notes that a part was verified; `voucher` is what [`crate::Part::open`] gave for it.
    pub fn accept(&mut self, index: u32, n: u32, voucher: &Bytes) -> Result<(), JsValue> {
        let opened = self.opened.as_mut().ok_or_else(|| js::explain(Damaged))?;
        let mut shown = Vec::new();
        voucher.append_to(&mut shown);
        let voucher = shown.as_slice().try_into().map_err(|_| js::explain(Damaged))?;
        opened.accept(index as usize, u64::from(n), voucher).map_err(js::explain)
    }

    /// Whether every part of a file was verified; only then is it complete.
    pub fn is_verified(&self, index: u32) -> bool {
        self.opened.as_ref().is_some_and(|opened| opened.is_verified(index as usize))
    }
}

fn unlock(locked: &envelope::Opening, capsule: &str, manifest: &str, objects: &str) -> Result<Opened, Damaged> {
    let capsule: Base64Bytes = parse_text(capsule).ok_or(Damaged)?;
    let manifest: Base64Bytes = parse_text(manifest).ok_or(Damaged)?;
    let objects: Vec<ObjectEntry> = serde_json::from_slice(objects.as_bytes()).map_err(|_| Damaged)?;
    locked.unlock(&capsule.0, &manifest.0, &objects)
}

/// A value of `protocol` from its text form in JSON.
fn parse_text<T: DeserializeOwned>(text: &str) -> Option<T> {
    let text: value::StrDeserializer<'_, value::Error> = text.into_deserializer();
    T::deserialize(text).ok()
}
