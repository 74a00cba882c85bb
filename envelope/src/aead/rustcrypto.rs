//! The ciphers as RustCrypto computes them.

use super::{EXTENDED_NONCE_LEN, NONCE_LEN, TAG_LEN};
use crate::error::Damaged;
use crate::secret::Secret;
use chacha20poly1305::aead::{AeadInOut, KeyInit as _};

/// Which engine this is.
pub const NAME: &str = "RustCrypto";

/// ChaCha20-Poly1305 under one key.
pub struct ChaCha20Poly1305(chacha20poly1305::ChaCha20Poly1305);

/// XChaCha20-Poly1305 under one key.
pub struct XChaCha20Poly1305(chacha20poly1305::XChaCha20Poly1305);

macro_rules! in_place {
    ($cipher:ident, $nonce_len:expr) => {
        impl $cipher {
            /// Takes the key.
            pub fn new(key: &Secret<32>) -> Self {
                Self(chacha20poly1305::$cipher::new(key.as_bytes().into()))
            }

            /// Turns plaintext into ciphertext and yields the tag over it and `aad`.
            #[inline(never)]
            pub fn seal(&self, nonce: &[u8; $nonce_len], aad: &[u8], data: &mut [u8]) -> [u8; TAG_LEN] {
                // It refuses only messages beyond 256 GiB, which no memory holds.
                let tag = self.0.encrypt_inout_detached(nonce.into(), aad, data.into());
                tag.expect("the message is within the cipher's limit").into()
            }

            /// Turns ciphertext into plaintext.
            ///
            /// # Errors
            /// [`Damaged`] if the tag does not fit; `data` is untouched then.
            #[inline(never)]
            pub fn open(
                &self,
                nonce: &[u8; $nonce_len],
                aad: &[u8],
                data: &mut [u8],
                tag: &[u8; TAG_LEN],
            ) -> Result<(), Damaged> {
                self.0.decrypt_inout_detached(nonce.into(), aad, data.into(), tag.into()).map_err(|_| Damaged)
            }
        }
    };
}

in_place!(ChaCha20Poly1305, NONCE_LEN);
in_place!(XChaCha20Poly1305, EXTENDED_NONCE_LEN);
