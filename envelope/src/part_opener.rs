//! Opening the parts of one file away from the [`crate::Opened`] that keeps the books, such as on another core.
//!
//! Whoever keeps the books sees only that a part came back, not that it was verified. So each opened part comes with a
//! [`Voucher`] that can be made only with the file's key, only for that place, and only by [`PartOpener::open_part`] once
//! every tag fitted: a file is complete when a voucher for each of its parts was shown.

use crate::age::{Payload, PayloadKey};
use crate::error::Damaged;
use crate::secret::Secret;
use zeroize::Zeroizing;

/// Bytes of a [`PartOpener`] on its way to another core: payload key 32, plaintext length 8 (big-endian).
pub const PART_OPENER_LEN: usize = 40;

/// The key and length of one file, and nothing else of its transfer.
#[derive(Debug)]
pub struct PartOpener {
    key: PayloadKey,
    payload: Payload,
}

/// That one part of one file was verified.
#[derive(Debug)]
pub struct Voucher(Secret<32>);

impl PartOpener {
    pub(crate) const fn new(key: PayloadKey, payload: Payload) -> Self {
        Self { key, payload }
    }

    /// For [`PartOpener::parse`] on another core. Secret.
    pub fn to_bytes(&self) -> Zeroizing<[u8; PART_OPENER_LEN]> {
        let mut bytes = Zeroizing::new([0; PART_OPENER_LEN]);
        let (key, len) = bytes.split_at_mut(PART_OPENER_LEN - 8);
        key.copy_from_slice(self.key.as_bytes());
        len.copy_from_slice(&self.payload.plain_len().to_be_bytes());
        bytes
    }

    /// The reverse of [`PartOpener::to_bytes`].
    ///
    /// # Errors
    /// [`Damaged`] if it was not made there.
    pub fn parse(bytes: &[u8]) -> Result<Self, Damaged> {
        let bytes: &[u8; PART_OPENER_LEN] = bytes.try_into().map_err(|_| Damaged)?;
        let (key, len) = bytes.split_first_chunk::<32>().ok_or(Damaged)?;
        let key = PayloadKey::from_bytes(*key);
        let len = u64::from_be_bytes(*len.first_chunk().ok_or(Damaged)?);
        let payload = Payload::new(&key, len).map_err(|_| Damaged)?;
        Ok(Self { key, payload })
    }

    /// Opens part `n` in place ([`Payload::open_part`]).
    ///
    /// # Errors
    /// [`Damaged`] unless `part` is exactly that part; the last one must end with the file's last chunk. `part` is
    /// emptied then.
    pub fn open_part(&self, n: u64, part: &mut Vec<u8>) -> Result<Voucher, Damaged> {
        self.payload.open_part(n, part)?;
        Ok(Voucher(self.key.derive_voucher(n)))
    }

    /// The file that the parts are of.
    pub(crate) const fn payload(&self) -> &Payload {
        &self.payload
    }

    /// Whether `voucher` was made for part `n` of this file.
    pub(crate) fn made(&self, n: u64, voucher: &[u8; 32]) -> bool {
        self.key.derive_voucher(n).equals(voucher)
    }
}

impl Voucher {
    /// To be shown to [`crate::Opened::accept`].
    pub const fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}
