//! A file's payload, part by part in any order (C2SP age, "Payload").
//!
//! Each chunk's nonce is its place and nothing chains them, so parts may be sealed and opened independently.
//! That a part is sealed only once under a key is the caller's duty ([`crate::Sealing`] sees to it).

use super::chunk::{ChunkCipher, ChunkPlace};
use super::{CHUNK_LEN, CHUNK_PLAIN_LEN, CHUNKS_PER_PART, MAX_PLAIN_LEN, NONCE_LEN, PART_LEN, PART_PLAIN_LEN, TAG_LEN};
use super::{FileKey, chunk_count, object_len};
use crate::error::{Damaged, SealError};
use crate::secret::Secret;
use hkdf::Hkdf;
use sha2::Sha256;

/// The key that all chunks of one file are sealed under.
#[derive(Debug, Clone)]
pub struct PayloadKey(Secret<32>);

impl PayloadKey {
    /// `HKDF-SHA256(ikm = file key, salt = nonce, info = "payload")`.
    pub fn derive(file_key: &FileKey, nonce: &[u8; NONCE_LEN]) -> Self {
        Self(derive_key(file_key.as_bytes(), nonce, b"payload"))
    }

    /// For [`crate::PartOpener`] and [`crate::PartSealer`] alone, which carry it to another core.
    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Secret::from_bytes(bytes))
    }

    /// The reverse.
    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Shows that whoever has it held this key and names part `n`. Never stored and never sent: no part of the format.
    pub(crate) fn derive_voucher(&self, n: u64) -> Secret<32> {
        derive_key(self.as_bytes(), &n.to_be_bytes(), b"filmjacket/part-voucher")
    }
}

/// `HKDF-SHA256(ikm, salt, info)`, 32 bytes, as everywhere in age.
// Not inlined: everyone downloads each copy, and nothing here is hot.
#[inline(never)]
#[expect(clippy::expect_used, reason = "HKDF refuses only more than 8,160 bytes")]
pub(super) fn derive_key(ikm: &[u8], salt: &[u8], info: &[u8]) -> Secret<32> {
    let mut key = Secret::zero();
    let hkdf = Hkdf::<Sha256>::new(Some(salt), ikm);
    hkdf.expand(info, key.as_mut_bytes()).expect("32 bytes are within HKDF's limit");
    key
}

/// A file of known length and the key to its chunks.
pub struct Payload {
    cipher: ChunkCipher,
    plain_len: u64,
}

impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Payload(redacted, {} bytes)", self.plain_len)
    }
}

impl Payload {
    /// The payload of a file of `plain_len` bytes.
    ///
    /// # Errors
    /// [`SealError::FileTooLong`] beyond [`MAX_PLAIN_LEN`].
    pub fn new(key: &PayloadKey, plain_len: u64) -> Result<Self, SealError> {
        if plain_len > MAX_PLAIN_LEN {
            return Err(SealError::FileTooLong { plain_len });
        }
        Ok(Self { cipher: ChunkCipher::new(&key.0), plain_len })
    }

    /// Bytes of the file.
    pub const fn plain_len(&self) -> u64 {
        self.plain_len
    }

    /// Bytes of the sealed payload, without nonce.
    pub const fn object_len(&self) -> u64 {
        object_len(self.plain_len)
    }

    /// Number of parts, 1 or more.
    pub const fn part_count(&self) -> u64 {
        chunk_count(self.plain_len).div_ceil(CHUNKS_PER_PART as u64)
    }

    /// Plaintext bytes of part `n` (from 0), or `None` if there is no such part.
    pub const fn part_plain_len(&self, n: u64) -> Option<usize> {
        if n >= self.part_count() {
            return None;
        }
        let rest = self.plain_len - n * PART_PLAIN_LEN as u64;
        Some(if rest < PART_PLAIN_LEN as u64 { rest as usize } else { PART_PLAIN_LEN })
    }

    /// Seals part `n` in place: `part` holds its plaintext before, its chunks with their tags after.
    ///
    /// With capacity for [`PART_LEN`] bytes nothing is allocated.
    ///
    /// # Errors
    /// [`SealError::NoSuchPart`], [`SealError::PartLength`]; `part` is untouched then.
    pub fn seal_part(&self, n: u64, part: &mut Vec<u8>) -> Result<(), SealError> {
        let plain_len = self.part_plain_len(n).ok_or(SealError::NoSuchPart)?;
        if part.len() != plain_len {
            return Err(SealError::PartLength { expected: plain_len as u64, given: part.len() as u64 });
        }
        let chunks = plain_len.div_ceil(CHUNK_PLAIN_LEN).max(1);
        part.reserve_exact(chunks * TAG_LEN);
        part.resize(plain_len + chunks * TAG_LEN, 0);
        // From the last chunk to the first, so that each moves into space that is free already.
        for i in (0..chunks).rev() {
            let plain = i * CHUNK_PLAIN_LEN..plain_len.min((i + 1) * CHUNK_PLAIN_LEN);
            let start = i * CHUNK_LEN;
            let end = start + plain.len();
            part.copy_within(plain, start);
            let tag = self.cipher.seal(self.place(n, i), &mut part[start..end]);
            part[end..end + TAG_LEN].copy_from_slice(&tag);
        }
        Ok(())
    }

    /// Opens part `n` in place: `part` holds sealed chunks before, verified plaintext after.
    ///
    /// # Errors
    /// [`Damaged`] unless `part` is exactly that part; `part` is emptied then.
    pub fn open_part(&self, n: u64, part: &mut Vec<u8>) -> Result<(), Damaged> {
        let opened = self.open_chunks(n, part);
        match opened {
            Ok(plain_len) => part.truncate(plain_len),
            Err(Damaged) => part.clear(),
        }
        opened.map(|_| ())
    }

    fn open_chunks(&self, n: u64, part: &mut [u8]) -> Result<usize, Damaged> {
        let plain_len = self.part_plain_len(n).ok_or(Damaged)?;
        let chunks = plain_len.div_ceil(CHUNK_PLAIN_LEN).max(1);
        if part.len() != plain_len + chunks * TAG_LEN {
            return Err(Damaged);
        }
        for i in 0..chunks {
            let start = i * CHUNK_LEN;
            let end = part.len().min(start + CHUNK_LEN) - TAG_LEN;
            let (body, tag) = part[start..].split_at_mut(end - start);
            let tag = tag.first_chunk::<TAG_LEN>().ok_or(Damaged)?;
            self.cipher.open(self.place(n, i), body, tag)?;
            part.copy_within(start..end, i * CHUNK_PLAIN_LEN);
        }
        Ok(plain_len)
    }

    /// Opens the single chunk `index` (from 0) of the file in place, for readers that jump.
    ///
    /// # Errors
    /// [`Damaged`] unless `chunk` is exactly that chunk; `chunk` is emptied then.
    pub fn open_chunk(&self, index: u64, chunk: &mut Vec<u8>) -> Result<(), Damaged> {
        let opened = self.open_one(index, chunk);
        match opened {
            Ok(()) => chunk.truncate(chunk.len() - TAG_LEN),
            Err(Damaged) => chunk.clear(),
        }
        opened
    }

    fn open_one(&self, index: u64, chunk: &mut [u8]) -> Result<(), Damaged> {
        let count = chunk_count(self.plain_len);
        if index >= count {
            return Err(Damaged);
        }
        let last = index + 1 == count;
        let body_len = if last { self.plain_len - index * CHUNK_PLAIN_LEN as u64 } else { CHUNK_PLAIN_LEN as u64 };
        if chunk.len() as u64 != body_len + TAG_LEN as u64 {
            return Err(Damaged);
        }
        let (body, tag) = chunk.split_last_chunk_mut::<TAG_LEN>().ok_or(Damaged)?;
        self.cipher.open(ChunkPlace { counter: index, last }, body, tag)
    }

    /// The place of chunk `i` of part `n`.
    const fn place(&self, n: u64, i: usize) -> ChunkPlace {
        let counter = n * CHUNKS_PER_PART as u64 + i as u64;
        ChunkPlace { counter, last: counter + 1 == chunk_count(self.plain_len) }
    }
}

const _: () = assert!(PART_LEN == 8_390_656);
