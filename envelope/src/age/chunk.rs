//! One chunk of STREAM: the only place where file contents meet the cipher.

use super::TAG_LEN;
use crate::aead::{self, ChaCha20Poly1305};
use crate::error::Damaged;
use crate::secret::Secret;

/// Seals and opens chunks under one payload key, in place. Wipes the key when dropped.
pub(super) struct ChunkCipher(ChaCha20Poly1305);

/// Which chunk: its place, and whether it is the file's last.
#[derive(Clone, Copy)]
pub(super) struct ChunkPlace {
    pub(super) counter: u64,
    pub(super) last: bool,
}

impl ChunkPlace {
    /// 11 bytes big-endian counter and the last-chunk flag (C2SP age, "Payload").
    fn nonce(self) -> [u8; aead::NONCE_LEN] {
        let mut nonce = [0; aead::NONCE_LEN];
        nonce[3..11].copy_from_slice(&self.counter.to_be_bytes());
        nonce[11] = u8::from(self.last);
        nonce
    }
}

impl ChunkCipher {
    pub(super) fn new(key: &Secret<32>) -> Self {
        Self(ChaCha20Poly1305::new(key))
    }

    /// Turns plaintext into ciphertext and yields its tag.
    pub(super) fn seal(&self, place: ChunkPlace, chunk: &mut [u8]) -> [u8; TAG_LEN] {
        self.0.seal(&place.nonce(), &[], chunk)
    }

    /// Turns ciphertext into plaintext; leaves it untouched if the tag does not fit.
    pub(super) fn open(&self, place: ChunkPlace, chunk: &mut [u8], tag: &[u8; TAG_LEN]) -> Result<(), Damaged> {
        self.0.open(&place.nonce(), &[], chunk, tag)
    }
}
