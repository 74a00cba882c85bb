//! Project Wycheproof, natively (vectors/primitives.rs).
#![allow(clippy::unwrap_used, reason = "a test's helpers may fail the test")]

#[path = "../vectors/primitives.rs"]
mod primitives;

#[test]
fn chacha20_poly1305() {
    primitives::chacha20_poly1305();
}

#[test]
fn xchacha20_poly1305() {
    primitives::xchacha20_poly1305();
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
