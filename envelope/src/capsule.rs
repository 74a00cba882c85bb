//! The capsule: a transfer's identity, locked under its passcode. 220 bytes.
//!
//! ```text
//! H    = "FILMJKT1" 8 ‖ suite 1 ‖ mode 1 ‖ slot 2 ‖ transfer_id 16 ‖ salt 16 ‖ not_after 8                (52)
//! A    = Argon2id v0x13 (m 64 MiB, t 3, p 1, password = 15 passcode symbols, salt, 32 bytes)
//! PRK  = HKDF-SHA256-Extract("filmjacket/1/extract", A ‖ L)          L = 32 zero bytes in mode 1
//! key, commit, proof = HKDF-Expand(PRK, label ‖ 00 ‖ H, 32)
//! P    = type 1 ‖ 000000 ‖ file_count 4 ‖ identity 32 ‖ SHA-256(manifest) 32 ‖ manifest_len 8 ‖ total_plain 8 ‖ created 8
//! capsule = H ‖ nonce 24 ‖ commit 32 ‖ XChaCha20-Poly1305(key, nonce, aad = H ‖ nonce ‖ commit, P)       (220)
//! ```
//!
//! ChaCha20-Poly1305 does not commit to its key, so one capsule could be made that opens differently under two
//! passcodes; `commit` is compared before decrypting, which rules that out.

use crate::TransferId;
use crate::aead::{self, TAG_LEN, XChaCha20Poly1305};
use crate::age::Identity;
use crate::bytes::Reader;
use crate::error::{Damaged, Explained};
use crate::passcode::Passcode;
use crate::secret::Secret;
use argon2::{Algorithm, Argon2, Params, Version};
use hkdf::Hkdf;
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

/// Bytes of `H`, the capsule's first field, from which a client that has the passcode derives the proof.
pub const H_LEN: usize = 52;

/// Bytes of a capsule.
pub const CAPSULE_LEN: usize = H_LEN + NONCE_LEN + COMMIT_LEN + BODY_LEN + TAG_LEN;

/// Bytes of the nonce, random: 24 are enough to draw without counting.
pub const NONCE_LEN: usize = aead::EXTENDED_NONCE_LEN;

const COMMIT_LEN: usize = 32;
const BODY_LEN: usize = 96;

const MAGIC: &[u8; 8] = b"FILMJKT1";
const SUITE: u8 = 1;

/// The passcode is the whole secret. Mode 2, a second secret in the link, is reserved.
const MODE: u8 = 1;

/// The body's first byte in suite 1.
const BODY_TYPE: u8 = 1;

/// 64 MiB: what a phone's browser can still give; with t = 3 about half a second there (RFC 9106 §4, second choice).
const ARGON2_MEMORY_KIB: u32 = 65_536;
const ARGON2_PASSES: u32 = 3;
/// Browsers give WebAssembly one thread, so more lanes would help attackers only.
const ARGON2_LANES: u32 = 1;

const EXTRACT_SALT: &[u8] = b"filmjacket/1/extract";
const KEY_LABEL: &[u8] = b"filmjacket/1/capsule-key";
const COMMIT_LABEL: &[u8] = b"filmjacket/1/capsule-commit";
const PROOF_LABEL: &[u8] = b"filmjacket/1/access-proof";

/// `H`: what the server may see of a capsule. Every key depends on every bit of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preamble {
    /// Which of a transfer's capsules; 0 is the first.
    pub slot: u16,
    /// Which transfer.
    pub transfer_id: TransferId,
    /// For Argon2id.
    pub salt: [u8; 16],
    /// When the transfer ends, in Unix seconds.
    pub not_after: u64,
}

impl Preamble {
    /// Reads `H` for the transfer that the link names.
    ///
    /// # Errors
    /// [`Unsupported`] for any other length, magic, suite, mode or transfer: nothing may be derived from it then.
    pub fn parse(h: &[u8], transfer_id: &TransferId) -> Result<Self, Unsupported> {
        let h: &[u8; H_LEN] = h.try_into().map_err(|_| Unsupported)?;
        Self::read(h).ok().filter(|preamble| preamble.transfer_id == *transfer_id).ok_or(Unsupported)
    }

    fn read(h: &[u8; H_LEN]) -> Result<Self, Damaged> {
        let mut reader = Reader::new(h);
        let fixed = (reader.take()?, reader.take()?, reader.take()?);
        if fixed != (*MAGIC, [SUITE], [MODE]) {
            return Err(Damaged);
        }
        Ok(Self {
            slot: u16::from_be_bytes(reader.take()?),
            transfer_id: reader.take()?,
            salt: reader.take()?,
            not_after: u64::from_be_bytes(reader.take()?),
        })
    }

    /// The 52 bytes.
    pub fn to_bytes(&self) -> [u8; H_LEN] {
        let mut h = [0; H_LEN];
        let mut at = 0;
        let fields: [&[u8]; 6] = [
            MAGIC,
            &[SUITE, MODE],
            &self.slot.to_be_bytes(),
            &self.transfer_id,
            &self.salt,
            &self.not_after.to_be_bytes(),
        ];
        for field in fields {
            h[at..at + field.len()].copy_from_slice(field);
            at += field.len();
        }
        h
    }
}

/// `P`: what a capsule locks up.
#[derive(Debug, Clone)]
pub struct Body {
    /// Files in the manifest.
    pub file_count: u32,
    /// Opens the manifest and every head.
    pub identity: Identity,
    /// Of the sealed manifest.
    pub manifest_sha256: [u8; 32],
    /// Bytes of the sealed manifest.
    pub manifest_len: u64,
    /// Plaintext bytes of all files.
    pub total_plain: u64,
    /// When it was sealed, by the sender's clock, in Unix seconds.
    pub created: u64,
}

impl Body {
    fn to_bytes(&self) -> Zeroizing<[u8; BODY_LEN]> {
        let mut body = Zeroizing::new([0; BODY_LEN]);
        let mut at = 0;
        let fields: [&[u8]; 7] = [
            &[BODY_TYPE, 0, 0, 0],
            &self.file_count.to_be_bytes(),
            self.identity.as_bytes(),
            &self.manifest_sha256,
            &self.manifest_len.to_be_bytes(),
            &self.total_plain.to_be_bytes(),
            &self.created.to_be_bytes(),
        ];
        for field in fields {
            body[at..at + field.len()].copy_from_slice(field);
            at += field.len();
        }
        body
    }

    fn read(body: &[u8; BODY_LEN]) -> Result<Self, Damaged> {
        let mut reader = Reader::new(body);
        if reader.take()? != [BODY_TYPE, 0, 0, 0] {
            return Err(Damaged);
        }
        Ok(Self {
            file_count: u32::from_be_bytes(reader.take()?),
            identity: Identity::from_bytes(reader.take()?),
            manifest_sha256: reader.take()?,
            manifest_len: u64::from_be_bytes(reader.take()?),
            total_plain: u64::from_be_bytes(reader.take()?),
            created: u64::from_be_bytes(reader.take()?),
        })
    }
}

/// Everything that passcode and `H` give.
#[derive(Debug)]
pub struct Keys {
    h: [u8; H_LEN],
    key: Secret<32>,
    commit: Secret<32>,
    proof: Secret<32>,
}

impl Keys {
    /// Runs Argon2id: 64 MiB, about a tenth of a second on a desktop.
    pub fn derive(passcode: &Passcode, preamble: &Preamble) -> Self {
        let h = preamble.to_bytes();
        let mut ikm = Zeroizing::new([0; 64]);
        ikm[..32].copy_from_slice(stretch(passcode, &preamble.salt).as_bytes());
        let prk = Hkdf::<Sha256>::new(Some(EXTRACT_SALT), &*ikm);
        let expand = |label| expand(&prk, label, &h);
        Self { h, key: expand(KEY_LABEL), commit: expand(COMMIT_LABEL), proof: expand(PROOF_LABEL) }
    }

    /// Shows the server that the passcode is known, without telling it.
    pub const fn proof(&self) -> &Secret<32> {
        &self.proof
    }

    /// Locks `body` up. The nonce must be drawn anew for each capsule.
    pub fn seal(&self, body: &Body, nonce: &[u8; NONCE_LEN]) -> [u8; CAPSULE_LEN] {
        let mut capsule = [0; CAPSULE_LEN];
        let (aad, sealed) = capsule.split_at_mut(CAPSULE_LEN - BODY_LEN - TAG_LEN);
        aad[..H_LEN].copy_from_slice(&self.h);
        aad[H_LEN..H_LEN + NONCE_LEN].copy_from_slice(nonce);
        aad[H_LEN + NONCE_LEN..].copy_from_slice(self.commit.as_bytes());
        let (ciphertext, tag) = sealed.split_at_mut(BODY_LEN);
        let mut plain = body.to_bytes();
        tag.copy_from_slice(&self.cipher().seal(nonce, aad, &mut *plain));
        ciphertext.copy_from_slice(&*plain);
        capsule
    }

    /// Opens a capsule.
    ///
    /// # Errors
    /// [`Damaged`] unless it was sealed with these keys, for the same `H`, and no bit of it was changed.
    pub fn open(&self, capsule: &[u8]) -> Result<Body, Damaged> {
        let capsule: &[u8; CAPSULE_LEN] = capsule.try_into().map_err(|_| Damaged)?;
        let (aad, sealed) = capsule.split_at(CAPSULE_LEN - BODY_LEN - TAG_LEN);
        let mut reader = Reader::new(aad);
        let (h, nonce): ([u8; H_LEN], [u8; NONCE_LEN]) = (reader.take()?, reader.take()?);
        if h != self.h || !self.commit.equals(&reader.take()?) {
            return Err(Damaged);
        }
        let mut reader = Reader::new(sealed);
        let mut body = Zeroizing::new(reader.take::<BODY_LEN>()?);
        let tag: [u8; TAG_LEN] = reader.take()?;
        self.cipher().open(&nonce, aad, &mut *body, &tag)?;
        Body::read(&body)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.key)
    }
}

#[expect(clippy::expect_used, reason = "the parameters are constants that Argon2 takes")]
fn stretch(passcode: &Passcode, salt: &[u8; 16]) -> Secret<32> {
    let mut stretched = Secret::zero();
    let params = Params::new(ARGON2_MEMORY_KIB, ARGON2_PASSES, ARGON2_LANES, Some(32)).expect("constant parameters");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passcode.password(), salt, stretched.as_mut_bytes())
        .expect("lengths within Argon2's limits");
    stretched
}

#[expect(clippy::expect_used, reason = "HKDF refuses only more than 8,160 bytes")]
fn expand(prk: &Hkdf<Sha256>, label: &[u8], h: &[u8; H_LEN]) -> Secret<32> {
    let mut key = Secret::zero();
    // Labels hold no zero byte, so label ‖ 00 ‖ H has one reading.
    prk.expand_multi_info(&[label, &[0], h], key.as_mut_bytes()).expect("32 bytes are within HKDF's limit");
    key
}

/// `H` is of another suite or mode, or of another transfer than the link. No proof may be sent for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsupported;

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "This transfer was sealed in a way that this page does not know, or it is not the one that the link names. \
             Please reload the page and open the link again.",
        )
    }
}

impl std::error::Error for Unsupported {}

impl Explained for Unsupported {
    fn slug(&self) -> &'static str {
        "unsupported"
    }
}
