//! One chunk of STREAM: the only place where file contents meet the cipher.
//!
//! A faster ChaCha20 replaces the inside of [`ChunkCipher`] and nothing else.

use super::TAG_LEN;
use crate::error::Damaged;
use crate::secret::Secret;
use chacha20poly1305::aead::{AeadInOut as _, KeyInit as _};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};

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
    fn nonce(self) -> Nonce {
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&self.counter.to_be_bytes());
        nonce[11] = u8::from(self.last);
        nonce.into()
    }
}

impl ChunkCipher {
    pub(super) fn new(key: &Secret<32>) -> Self {
        Self(ChaCha20Poly1305::new(key.as_bytes().into()))
    }

    /// Turns plaintext into ciphertext and yields its tag.
    #[expect(clippy::expect_used, reason = "the cipher refuses only messages beyond 256 GiB; a chunk has 64 KiB")]
    pub(super) fn seal(&self, place: ChunkPlace, chunk: &mut [u8]) -> [u8; TAG_LEN] {
        let tag = self.0.encrypt_inout_detached(&place.nonce(), &[], chunk.into());
        tag.expect("a chunk is within the cipher's limit").into()
    }

    /// Turns ciphertext into plaintext; leaves it untouched if the tag does not fit.
    pub(super) fn open(&self, place: ChunkPlace, chunk: &mut [u8], tag: &[u8; TAG_LEN]) -> Result<(), Damaged> {
        self.0.decrypt_inout_detached(&place.nonce(), &[], chunk.into(), tag.into()).map_err(|_| Damaged)
    }
}
