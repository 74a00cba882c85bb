//! The capsule's formulas (docs/FORMAT.md, "Capsule") on bare primitives, step by step.
//!
//! Not used by the crate: a second reading of the document, against which the vectors are made and checked.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use hkdf::Hkdf;
use sha2::Sha256;

/// Everything on the way from passcode to keys.
pub(crate) struct Steps {
    /// Argon2id's output.
    pub(crate) a: [u8; 32],
    /// HKDF-Extract's.
    pub(crate) prk: [u8; 32],
    /// Seals `P`.
    pub(crate) key: [u8; 32],
    /// Stands in the capsule.
    pub(crate) commit: [u8; 32],
    /// Goes to the server.
    pub(crate) proof: [u8; 32],
}

impl Steps {
    /// `passcode` is the 15 data symbols, `h` the 52 bytes.
    pub(crate) fn derive(passcode: &str, h: &[u8]) -> Self {
        let salt = &h[28..44];
        let params = Params::new(65_536, 3, 1, Some(32)).unwrap();
        let mut a = [0; 32];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passcode.as_bytes(), salt, &mut a)
            .unwrap();
        let ikm = [a, [0; 32]].concat();
        let (prk, hkdf) = Hkdf::<Sha256>::extract(Some(b"filmjacket/1/extract"), &ikm);
        let expand = |label: &str| {
            let mut out = [0; 32];
            hkdf.expand(&[label.as_bytes(), &[0], h].concat(), &mut out).unwrap();
            out
        };
        Self {
            a,
            prk: prk.into(),
            key: expand("filmjacket/1/capsule-key"),
            commit: expand("filmjacket/1/capsule-commit"),
            proof: expand("filmjacket/1/access-proof"),
        }
    }

    /// The 220 bytes.
    pub(crate) fn seal(&self, h: &[u8], nonce: &[u8; 24], p: &[u8]) -> Vec<u8> {
        let aad = [h, nonce, &self.commit].concat();
        let cipher = XChaCha20Poly1305::new((&self.key).into());
        let sealed = cipher.encrypt(nonce.into(), Payload { msg: p, aad: &aad }).unwrap();
        [aad, sealed].concat()
    }
}
