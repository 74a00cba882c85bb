//! The kernel over [`super::row`]' native words; the browser's self-test runs the same over vectors.
#![allow(clippy::unwrap_used, reason = "a test's helpers may fail the test")]

#[path = "../../../vectors/aead.rs"]
mod aead;

use super::poly1305::Poly1305;
use super::{ChaCha20Poly1305, XChaCha20Poly1305};
use crate::secret::Secret;

#[test]
fn the_kernel_passes_rfc_8439_and_wycheproof_and_agrees_with_rustcrypto_at_every_length() {
    let (short, extended) = (aead::cipher!(ChaCha20Poly1305, Secret<32>), aead::cipher!(XChaCha20Poly1305, Secret<32>));
    aead::check(short, extended);
}

/// r as large as clamping allows, and blocks of all ones: the sums reach their bounds. Overflow would panic here.
#[test]
fn no_limb_overflows_with_the_largest_key_and_message() {
    let mut mac = Poly1305::new(&Secret::from_bytes([0xff; 32]));
    for _ in 0..4096 {
        mac.absorb(&[0xff; 16]);
    }
    mac.finish();
}

/// RFC 8439 §A.3, vectors 7 to 11: results next to 2^130 - 5, where the last reduction has to choose.
#[test]
fn results_around_the_modulus_are_reduced() {
    let key = |r: u8| {
        let mut key = [0; 32];
        key[0] = r;
        Secret::from_bytes(key)
    };
    let tag = |r: u8, blocks: &[[u8; 16]]| {
        let mut mac = Poly1305::new(&key(r));
        blocks.iter().for_each(|block| mac.absorb(block));
        mac.finish()
    };
    let ones = [0xff; 16];
    let number = |low: u8| {
        let mut block = [0; 16];
        block[0] = low;
        block
    };
    let (mut f0, mut fb) = (ones, [0xfe; 16]);
    f0[0] = 0xf0;
    fb[0] = 0xfb;
    let mut eleven = [0; 16];
    eleven[0] = 0x11;
    assert_eq!(tag(1, &[ones, f0, eleven]), number(5));
    assert_eq!(tag(1, &[ones, fb, [1; 16]]), number(0));
    let mut fd = ones;
    fd[0] = 0xfd;
    let mut fa = ones;
    fa[0] = 0xfa;
    assert_eq!(tag(2, &[fd]), fa);
}
