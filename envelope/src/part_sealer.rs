//! The right to seal one part, once, as it travels from the coordinator of a transfer to another worker.
//!
//! Bytes (big-endian), only ever between workers of one transfer in one process, never stored or sent:
//! `version = 01 ‖ payload key 32 ‖ plain_len of the file 8 ‖ n 8`.

use crate::age::{Payload, PayloadKey};
use crate::bytes::Reader;
use crate::error::{Damaged, SealError};
use crate::secret::Secret;

/// Bytes of a [`PartSealer`] on its way.
pub const PART_SEALER_LEN: usize = 1 + 32 + 8 + 8;

const VERSION: u8 = 1;

/// Seals one part of one file. [`crate::Sealing::claim_part`] gives out one for each part; sealing uses it up, whatever
/// comes of it.
pub struct PartSealer {
    key: PayloadKey,
    plain_len: u64,
    n: u64,
}

impl std::fmt::Debug for PartSealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PartSealer(redacted, part {})", self.n)
    }
}

impl PartSealer {
    /// `n` is a part of a file of `plain_len` bytes; [`crate::Sealing`] checks that before.
    pub(crate) const fn new(key: PayloadKey, plain_len: u64, n: u64) -> Self {
        Self { key, plain_len, n }
    }

    /// For another worker. Whoever hands these bytes on twice breaks the rule that this type is for.
    pub fn into_bytes(self) -> Secret<PART_SEALER_LEN> {
        let mut secret = Secret::zero();
        let bytes = secret.as_mut_bytes();
        bytes[0] = VERSION;
        bytes[1..33].copy_from_slice(self.key.as_bytes());
        bytes[33..41].copy_from_slice(&self.plain_len.to_be_bytes());
        bytes[41..].copy_from_slice(&self.n.to_be_bytes());
        secret
    }

    /// What [`Self::into_bytes`] made.
    ///
    /// # Errors
    /// [`Damaged`] for anything else.
    pub fn parse(bytes: &[u8; PART_SEALER_LEN]) -> Result<Self, Damaged> {
        let mut reader = Reader::new(bytes);
        if reader.take()? != [VERSION] {
            return Err(Damaged);
        }
        let key = PayloadKey::from_bytes(reader.take()?);
        let (plain_len, n) = (u64::from_be_bytes(reader.take()?), u64::from_be_bytes(reader.take()?));
        let payload = Payload::new(&key, plain_len).map_err(|_| Damaged)?;
        payload.part_plain_len(n).ok_or(Damaged)?;
        Ok(Self { key, plain_len, n })
    }

    /// Seals the part in place ([`Payload::seal_part`]).
    ///
    /// # Errors
    /// [`SealError::PartLength`]: the file changed since it was announced. It must start again under a new key.
    pub fn seal(self, part: &mut Vec<u8>) -> Result<(), SealError> {
        Payload::new(&self.key, self.plain_len)?.seal_part(self.n, part)
    }
}
