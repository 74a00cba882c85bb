//! One part of a file in this module's memory: its bytes come in once, are sealed or opened where they lie, and are looked
//! at there. A copy more of every part would cost about as much as sealing it.

use crate::js::{self, Bytes};
use envelope::{Damaged, PART_SEALER_LEN, PartOpener, PartSealer, age};
use std::hint::black_box;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

/// Wiped when freed, to the end of its room.
#[wasm_bindgen]
pub struct Part(Vec<u8>);

#[wasm_bindgen]
impl Part {
    /// An empty one. All have the same room, so that whatever is freed fits the next.
    #[wasm_bindgen(constructor)]
    #[expect(clippy::new_without_default, reason = "JavaScript has no Default")]
    pub fn new() -> Self {
        Self(Vec::with_capacity(age::PART_LEN))
    }

    /// Adds bytes at the end. More than a part can have are refused.
    pub fn push(&mut self, bytes: &Bytes) -> Result<(), JsValue> {
        if self.0.len() + bytes.length() as usize > age::PART_LEN {
            return Err(js::explain(Damaged));
        }
        bytes.append_to(&mut self.0);
        Ok(())
    }

    /// Seals it as the part that `sealer` stands for ([`crate::Sealing::claim_part`]). A retry resends the same bytes.
    pub fn seal(&mut self, sealer: &Bytes) -> Result<(), JsValue> {
        let mut raw = Zeroizing::new(Vec::with_capacity(PART_SEALER_LEN));
        sealer.append_to(&mut raw);
        let raw = raw.as_slice().try_into().map_err(|_| js::explain(Damaged))?;
        PartSealer::parse(raw).map_err(js::explain)?.seal(&mut self.0).map_err(js::explain)
    }

    /// Opens it as part `n` of the file that `opener` ([`crate::Opening::part_opener`]) is for; yields the voucher for
    /// [`crate::Opening::accept`].
    pub fn open(&mut self, opener: &Bytes, n: u32) -> Result<Bytes, JsValue> {
        let mut raw = Zeroizing::new(Vec::new());
        opener.append_to(&mut raw);
        let opener = PartOpener::parse(&raw).map_err(js::explain)?;
        let voucher = opener.open_part(u64::from(n), &mut self.0).map_err(js::explain)?;
        Ok(Bytes::copy_of(voucher.as_bytes()))
    }

    /// The bytes as they lie there. To be used at once: when the memory grows, the view ends.
    #[wasm_bindgen(getter)]
    pub fn view(&self) -> Bytes {
        Bytes::view_of(&self.0)
    }
}

impl Drop for Part {
    /// `zeroize` stores byte by byte, which for megabytes takes a third of the time that sealing them took. The box keeps
    /// the compiler from leaving out what nobody reads.
    fn drop(&mut self) {
        let room = self.0.capacity();
        self.0.clear();
        self.0.resize(room, 0);
        black_box(&self.0);
    }
}
