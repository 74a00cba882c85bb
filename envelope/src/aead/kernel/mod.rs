//! ChaCha20-Poly1305 for WebAssembly's vector instructions: two blocks of keystream at once, and the authenticator
//! worked out between the rounds.
//!
//! ChaCha20 keeps the processor's vector units busy, Poly1305 its multiplier. Each group of two blocks therefore
//! carries eight Poly1305 blocks along between its rounds, and a processor that looks ahead does both at once (ADR 15).
//!
//! Constant time: no branch and no address depends on a key, a plaintext or a tag; only lengths decide what is done.
//! Multiplication is the one instruction whose time some small processors let depend on its operands; every
//! implementation of Poly1305 shares that.
//!
//! What is called rarely is not inlined: everyone who opens a page downloads this.
//!
//! Without `unsafe`: WebAssembly's vector instructions are safe functions, and the compiler turns the loads and stores
//! written byte by byte here into whole ones.

mod chacha20;
mod poly1305;
mod row;
#[cfg(test)]
mod tests;

use super::{EXTENDED_NONCE_LEN, NONCE_LEN, TAG_LEN};
use crate::error::Damaged;
use crate::secret::Secret;
use chacha20::{DOUBLE_ROUNDS, GROUP_LEN, Group, KeyStream};
use poly1305::{BLOCK_LEN, Poly1305};
use subtle::ConstantTimeEq as _;

/// Which engine this is.
pub const NAME: &str = "kernel";

/// ChaCha20-Poly1305 under one key.
pub struct ChaCha20Poly1305(Secret<32>);

/// XChaCha20-Poly1305 under one key.
pub struct XChaCha20Poly1305(Secret<32>);

impl ChaCha20Poly1305 {
    /// Takes the key.
    pub fn new(key: &Secret<32>) -> Self {
        Self(key.clone())
    }

    /// Turns plaintext into ciphertext and yields the tag over it and `aad`.
    pub fn seal(&self, nonce: &[u8; NONCE_LEN], aad: &[u8], data: &mut [u8]) -> [u8; TAG_LEN] {
        let (mut keystream, mut mac) = self.start(nonce, aad);
        let lengths = lengths(aad, data);
        let (groups, tail) = data.as_chunks_mut::<GROUP_LEN>();
        // The authenticator is over ciphertext, so it follows one group behind.
        let mut behind: Option<&[u8; GROUP_LEN]> = None;
        for group in groups {
            match behind {
                Some(sealed) => seal_group(&mut keystream, &mut mac, sealed, group),
                None => keystream.xor(group),
            }
            behind = Some(group);
        }
        mac.absorb_padded(behind.map_or(&[], |sealed| sealed.as_slice()));
        keystream.xor_tail(tail);
        mac.absorb_padded(tail);
        mac.absorb_padded(&lengths);
        mac.finish()
    }

    /// Turns ciphertext into plaintext.
    ///
    /// # Errors
    /// [`Damaged`] if the tag does not fit; `data` is untouched then.
    pub fn open(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        data: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), Damaged> {
        let (mut keystream, mut mac) = self.start(nonce, aad);
        let lengths = lengths(aad, data);
        let (groups, tail) = data.as_chunks_mut::<GROUP_LEN>();
        for group in &mut *groups {
            open_group(&mut keystream, &mut mac, group);
        }
        mac.absorb_padded(tail);
        mac.absorb_padded(&lengths);
        if bool::from(mac.finish().ct_eq(tag)) {
            keystream.xor_tail(tail);
            return Ok(());
        }
        // Nobody has seen what the groups were turned into: the same keystream turns them back.
        let (mut keystream, _) = self.start(nonce, &[]);
        for group in groups {
            keystream.xor(group);
        }
        Err(Damaged)
    }

    /// The keystream for the data, and the authenticator under the block before it (RFC 8439 §2.6), fed with `aad`.
    fn start(&self, nonce: &[u8; NONCE_LEN], aad: &[u8]) -> (KeyStream, Poly1305) {
        let mut mac = Poly1305::new(&KeyStream::new(self.0.as_bytes(), 0, nonce).one_time_key());
        mac.absorb_padded(aad);
        (KeyStream::new(self.0.as_bytes(), 1, nonce), mac)
    }
}

impl XChaCha20Poly1305 {
    /// Takes the key.
    pub fn new(key: &Secret<32>) -> Self {
        Self(key.clone())
    }

    /// Turns plaintext into ciphertext and yields the tag over it and `aad`.
    pub fn seal(&self, nonce: &[u8; EXTENDED_NONCE_LEN], aad: &[u8], data: &mut [u8]) -> [u8; TAG_LEN] {
        let (cipher, nonce) = self.derive(nonce);
        cipher.seal(&nonce, aad, data)
    }

    /// Turns ciphertext into plaintext.
    ///
    /// # Errors
    /// [`Damaged`] if the tag does not fit; `data` is untouched then.
    pub fn open(
        &self,
        nonce: &[u8; EXTENDED_NONCE_LEN],
        aad: &[u8],
        data: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), Damaged> {
        let (cipher, nonce) = self.derive(nonce);
        cipher.open(&nonce, aad, data, tag)
    }

    /// HChaCha20 makes a key of the nonce's first 16 bytes; four zero bytes and the rest are the nonce under it
    /// (draft-irtf-cfrg-xchacha-03 §2.3).
    fn derive(&self, nonce: &[u8; EXTENDED_NONCE_LEN]) -> (ChaCha20Poly1305, [u8; NONCE_LEN]) {
        let mut rest = [0; NONCE_LEN];
        rest[4..].copy_from_slice(&nonce[16..]);
        (ChaCha20Poly1305(chacha20::derive_subkey(self.0.as_bytes(), nonce)), rest)
    }
}

/// Seals a group while the authenticator absorbs the one before it.
#[inline(never)]
fn seal_group(keystream: &mut KeyStream, mac: &mut Poly1305, behind: &[u8; GROUP_LEN], group: &mut [u8; GROUP_LEN]) {
    next_group(keystream, mac, behind).xor_into(group);
}

/// Opens a group that the authenticator absorbs meanwhile.
#[inline(never)]
fn open_group(keystream: &mut KeyStream, mac: &mut Poly1305, group: &mut [u8; GROUP_LEN]) {
    next_group(keystream, mac, group).xor_into(group);
}

#[inline(always)]
fn next_group(keystream: &mut KeyStream, mac: &mut Poly1305, sealed: &[u8; GROUP_LEN]) -> Group {
    const { assert!(GROUP_LEN <= DOUBLE_ROUNDS * BLOCK_LEN, "each block has its double round") };
    keystream.next_group_beside(sealed.as_chunks::<BLOCK_LEN>().0, |block| mac.absorb(block))
}

/// The authenticator's last block (RFC 8439 §2.8).
fn lengths(aad: &[u8], data: &[u8]) -> [u8; BLOCK_LEN] {
    let mut block = [0; BLOCK_LEN];
    block[..8].copy_from_slice(&(aad.len() as u64).to_le_bytes());
    block[8..].copy_from_slice(&(data.len() as u64).to_le_bytes());
    block
}
