//! One part of a file in this module's memory: its bytes come in once, are sealed or opened where they lie, and are looked
//! at there. A copy more of every part would cost about as much as sealing it.

use crate::js::{self, Bytes};
use crc::{CRC_32_ISCSI, Crc, Table};
use envelope::{Damaged, PART_SEALER_LEN, PartOpener, PartSealer, age};
use std::cell::RefCell;
use std::sync::LazyLock;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

thread_local! {
    /// The rooms of freed parts, [`age::PART_LEN`] bytes each, and nothing in them that is secret. This module's memory
    /// never shrinks, so keeping them costs nothing; a new one would have to be cleared once more before bytes of
    /// JavaScript may come into it.
    static ROOMS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// CRC-32C, sixteen bytes at a time. Its 16 KiB of tables are made at their first use and on the heap: in the module, everyone
/// would download them or the room for them.
static CRC32C: LazyLock<Box<Crc<u32, Table<16>>>> =
    LazyLock::new(|| Box::new(Crc::<u32, Table<16>>::new(&CRC_32_ISCSI)));

/// Wiped when freed, to the end of its room, unless all in it is sealed.
#[wasm_bindgen]
pub struct Part {
    /// All of the room while bytes come in; then what was sealed or opened, and no more.
    bytes: Vec<u8>,
    /// How many of them have come.
    filled: usize,
    /// Whether nothing but ciphertext is left where the plaintext was.
    is_sealed: bool,
}

#[wasm_bindgen]
impl Part {
    /// An empty one.
    #[wasm_bindgen(constructor)]
    #[expect(clippy::new_without_default, reason = "JavaScript has no Default")]
    pub fn new() -> Self {
        let room = ROOMS.with_borrow_mut(Vec::pop);
        Self { bytes: room.unwrap_or_else(|| vec![0; age::PART_LEN]), filled: 0, is_sealed: false }
    }

    /// Adds bytes at the end. More than a part can have are refused.
    pub fn push(&mut self, bytes: &Bytes) -> Result<(), JsValue> {
        let end = self.filled.checked_add(bytes.length() as usize);
        let place = end.and_then(|end| self.bytes.get_mut(self.filled..end)).ok_or_else(|| js::explain(Damaged))?;
        bytes.copy_to(place);
        self.filled += place.len();
        Ok(())
    }

    /// Seals it as the part that `sealer` stands for ([`crate::Sealing::claim_part`]). A retry resends the same bytes.
    pub fn seal(&mut self, sealer: &Bytes) -> Result<(), JsValue> {
        let mut raw = Zeroizing::new(Vec::with_capacity(PART_SEALER_LEN));
        sealer.append_to(&mut raw);
        let raw = raw.as_slice().try_into().map_err(|_| js::explain(Damaged))?;
        let sealer = PartSealer::parse(raw).map_err(js::explain)?;
        self.turn(|part| sealer.seal(part)).map_err(js::explain)?;
        self.is_sealed = true;
        Ok(())
    }

    /// Opens it as part `n` of the file that `opener` ([`crate::Opening::part_opener`]) is for; yields the voucher for
    /// [`crate::Opening::accept`].
    pub fn open(&mut self, opener: &Bytes, n: u32) -> Result<Bytes, JsValue> {
        let mut raw = Zeroizing::new(Vec::new());
        opener.append_to(&mut raw);
        let opener = PartOpener::parse(&raw).map_err(js::explain)?;
        let voucher = self.turn(|part| opener.open_part(u64::from(n), part)).map_err(js::explain)?;
        Ok(Bytes::copy_of(voucher.as_bytes()))
    }

    /// The CRC-32C of the bytes as they lie there, its highest byte first ([`protocol::ContentDigest`]).
    pub fn crc32c(&self) -> Bytes {
        Bytes::copy_of(&CRC32C.checksum(&self.bytes[..self.filled]).to_be_bytes())
    }

    /// The bytes as they lie there. To be used at once: when the memory grows, the view ends.
    #[wasm_bindgen(getter)]
    pub fn view(&self) -> Bytes {
        Bytes::view_of(&self.bytes[..self.filled])
    }
}

impl Part {
    /// All bytes that it holds, also those that no view shows.
    #[cfg(feature = "self-test")]
    pub(crate) fn room(&self) -> &[u8] {
        &self.bytes
    }

    /// Has `change` turn what has come into what it becomes, where it lies.
    fn turn<T>(&mut self, change: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        self.is_sealed = false;
        self.bytes.truncate(self.filled);
        let outcome = change(&mut self.bytes);
        self.filled = self.bytes.len();
        outcome
    }
}

impl Drop for Part {
    /// `zeroize` stores byte by byte, which for megabytes takes a third of the time that sealing them took. That the room is
    /// used again keeps the compiler from leaving this out.
    fn drop(&mut self) {
        let mut room = std::mem::take(&mut self.bytes);
        if !self.is_sealed {
            room.fill(0);
        }
        room.resize(age::PART_LEN, 0);
        ROOMS.with_borrow_mut(|rooms| rooms.push(room));
    }
}
