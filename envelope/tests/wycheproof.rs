//! Project Wycheproof, natively (vectors/aead.rs, vectors/primitives.rs).
#![allow(clippy::unwrap_used, reason = "a test's helpers may fail the test")]

#[path = "../vectors/aead.rs"]
mod aead;
#[path = "../vectors/primitives.rs"]
mod primitives;

use envelope::Secret;
use envelope::aead::{ChaCha20Poly1305, XChaCha20Poly1305};

#[test]
fn the_ciphers_pass_rfc_8439_and_wycheproof_and_agree_with_rustcrypto_at_every_length() {
    aead::check(aead::cipher!(ChaCha20Poly1305, Secret<32>), aead::cipher!(XChaCha20Poly1305, Secret<32>));
}

#[test]
fn x25519() {
    primitives::x25519();
}

#[test]
fn hkdf_sha256() {
    primitives::hkdf_sha256();
}

#[test]
fn hmac_sha256() {
    primitives::hmac_sha256();
}
