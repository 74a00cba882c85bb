//! age v1 files (C2SP age specification, <https://c2sp.org/age>) with X25519, nothing else.
//!
//! - A whole small file in memory: [`seal`] and [`open`].
//! - A large file part by part, head and payload apart: [`Head`] and [`Payload`].
//! - Any other age header: [`Header`], which reads stanzas of every type and opens those of type X25519.
//!
//! Here alone, *recipient* is the public key of an [`Identity`].

mod chunk;
mod head;
mod header;
mod payload;
mod x25519;

pub use head::Head;
pub use header::{Header, Stanza};
pub use payload::{Payload, PayloadKey};
pub use x25519::{FileKey, Identity, Recipient};

use crate::aead;
use crate::error::{Damaged, SealError};

/// Bytes of a header at most. Read no further: a longer one is refused before any work is done for it.
pub const MAX_HEADER_LEN: usize = 4096;

/// Bytes of a head: a header with one X25519 stanza (168) and the payload nonce.
pub const HEAD_LEN: usize = 168 + NONCE_LEN;

/// Bytes of the payload nonce, the payload's first bytes in an age file.
pub const NONCE_LEN: usize = 16;

/// Plaintext bytes in every chunk but the last.
pub const CHUNK_PLAIN_LEN: usize = 64 * 1024;

/// Bytes of the ChaCha20-Poly1305 tag that follows each chunk.
pub const TAG_LEN: usize = aead::TAG_LEN;

/// Bytes of every sealed chunk but the last.
pub const CHUNK_LEN: usize = CHUNK_PLAIN_LEN + TAG_LEN;

/// Chunks in a part: above S3's 5 MiB minimum and far below proxies' usual 100 MB body limit.
pub const CHUNKS_PER_PART: usize = 128;

/// Plaintext bytes in every part but a file's last: 8,388,608.
pub const PART_PLAIN_LEN: usize = CHUNK_PLAIN_LEN * CHUNKS_PER_PART;

/// Bytes of every sealed part but an object's last: 8,390,656.
pub const PART_LEN: usize = CHUNK_LEN * CHUNKS_PER_PART;

/// Parts an object may have; S3's limit.
pub const MAX_PARTS: u64 = 10_000;

/// Plaintext bytes of a file at most, so that no object has more than [`MAX_PARTS`] parts.
pub const MAX_PLAIN_LEN: u64 = MAX_PARTS * PART_PLAIN_LEN as u64;

/// Bytes of the payload (without nonce) that seals `plain_len` bytes: one chunk at least, also for an empty file.
pub const fn object_len(plain_len: u64) -> u64 {
    plain_len + TAG_LEN as u64 * chunk_count(plain_len)
}

/// Bytes sealed in a payload of `object_len` bytes, or `None` if nothing seals to that length.
pub const fn plain_len(object_len: u64) -> Option<u64> {
    let tags = object_len.div_ceil(CHUNK_LEN as u64) * TAG_LEN as u64;
    match object_len.checked_sub(tags) {
        // An empty last chunk, or one cut inside its tag, would lead to another length.
        Some(plain) if tags > 0 && self::object_len(plain) == object_len => Some(plain),
        _ => None,
    }
}

const fn chunk_count(plain_len: u64) -> u64 {
    let chunks = plain_len.div_ceil(CHUNK_PLAIN_LEN as u64);
    if chunks == 0 { 1 } else { chunks }
}

/// Seals `plain` to `recipient` as a whole age file.
///
/// # Errors
/// [`SealError::Random`], or [`SealError::FileTooLong`] beyond [`MAX_PLAIN_LEN`].
pub fn seal(recipient: &Recipient, plain: &[u8]) -> Result<Vec<u8>, SealError> {
    let (head, key) = Head::make(recipient)?;
    let payload = Payload::new(&key, plain.len() as u64)?;
    let mut file = Vec::with_capacity(HEAD_LEN + plain.len() + plain.len() / CHUNK_PLAIN_LEN * TAG_LEN + TAG_LEN);
    file.extend_from_slice(head.as_bytes());
    let mut part = Vec::with_capacity(PART_LEN.min(plain.len() + PART_LEN - PART_PLAIN_LEN));
    for n in 0..payload.part_count() {
        let start = n as usize * PART_PLAIN_LEN;
        part.clear();
        part.extend_from_slice(&plain[start..plain.len().min(start + PART_PLAIN_LEN)]);
        payload.seal_part(n, &mut part)?;
        file.extend_from_slice(&part);
    }
    Ok(file)
}

/// Opens a whole age file whose header has a stanza for `identity`, whatever other stanzas it has.
///
/// # Errors
/// [`Damaged`] if it is no age file, has no stanza for this identity, or any bit of it was changed or cut.
pub fn open(identity: &Identity, file: &[u8]) -> Result<Vec<u8>, Damaged> {
    let (header, rest) = Header::parse(file)?;
    let file_key = header.open(identity)?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or(Damaged)?;
    let plain_len = plain_len(sealed.len() as u64).ok_or(Damaged)?;
    let payload = Payload::new(&PayloadKey::derive(&file_key, nonce), plain_len).map_err(|_| Damaged)?;
    let mut plain = Vec::with_capacity(sealed.len());
    let mut part = Vec::new();
    for (n, sealed_part) in (0..).zip(sealed.chunks(PART_LEN)) {
        part.clear();
        part.extend_from_slice(sealed_part);
        payload.open_part(n, &mut part)?;
        plain.extend_from_slice(&part);
    }
    Ok(plain)
}
