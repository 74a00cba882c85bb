//! Sealing a transfer: each part once, then the manifest, then the capsule.
//!
//! The same key and counter must never seal two plaintexts, so a part that was sealed is never sealed again: a retry
//! resends the same bytes, and a file that changed goes into a new transfer, under new keys.

use crate::age::{self, Head, Identity, Payload, Recipient};
use crate::capsule::{Body, CAPSULE_LEN, Keys, Preamble};
use crate::error::{RandomUnavailable, SealError};
use crate::manifest::{self, Manifest, Sender};
use crate::passcode::Passcode;
use crate::secret::{Secret, redact_debug};
use crate::{ObjectId, TransferId, random};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// A transfer that is being sealed.
#[derive(Debug)]
pub struct Sealing {
    transfer_id: TransferId,
    salt: [u8; 16],
    passcode: Passcode,
    identity: Identity,
    recipient: Recipient,
    files: Vec<SealingFile>,
    finished: bool,
}

#[derive(Debug)]
struct SealingFile {
    object_id: ObjectId,
    head: Head,
    payload: Payload,
    /// For each part, whether it was sealed.
    sealed: Vec<bool>,
}

/// What the sender says of a transfer once its files are sealed.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealingDetails {
    /// When the transfer ends, in Unix seconds; the same as the server is told.
    pub not_after: u64,
    /// Now, in Unix seconds.
    pub created: u64,
    /// Who seals it.
    pub sender: Sender,
    /// To the recipient; may be empty.
    pub message: String,
    /// One for each file, in the order they were added.
    pub files: Vec<FileDetails>,
}

/// What the sender's system calls a file.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileDetails {
    /// Its name.
    pub name: String,
    /// Its media type; may be empty.
    pub media_type: String,
}

redact_debug!(SealingDetails, FileDetails);

/// What the server is given to complete a transfer.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// The identity under the passcode.
    pub capsule: [u8; CAPSULE_LEN],
    /// An age file.
    pub manifest: Vec<u8>,
    /// From which the server makes its verifier.
    pub proof: Secret<32>,
}

impl Sealing {
    /// Draws transfer id, salt, passcode and identity.
    ///
    /// # Errors
    /// [`RandomUnavailable`] if the platform has no randomness.
    pub fn make() -> Result<Self, RandomUnavailable> {
        let identity = Identity::make()?;
        Ok(Self {
            transfer_id: random::make_bytes()?,
            salt: random::make_bytes()?,
            passcode: Passcode::make()?,
            recipient: identity.derive_recipient(),
            identity,
            files: Vec::new(),
            finished: false,
        })
    }

    /// Which transfer.
    pub const fn transfer_id(&self) -> &TransferId {
        &self.transfer_id
    }

    /// The recipient's secret, to be told by phone or in person.
    pub const fn passcode(&self) -> &Passcode {
        &self.passcode
    }

    /// Adds a file of `plain_len` bytes and yields its index.
    ///
    /// # Errors
    /// [`SealError::FileTooLong`]; [`SealError::AlreadySealed`] once finished.
    pub fn add_file(&mut self, plain_len: u64) -> Result<usize, SealError> {
        if self.finished {
            return Err(SealError::AlreadySealed);
        }
        let (head, key) = Head::make(&self.recipient)?;
        let payload = Payload::new(&key, plain_len)?;
        let sealed = vec![false; payload.part_count() as usize];
        self.files.push(SealingFile { object_id: random::make_bytes()?, head, payload, sealed });
        Ok(self.files.len() - 1)
    }

    /// The object that file `index` is sealed into.
    ///
    /// # Errors
    /// [`SealError::NoSuchFile`]
    pub fn object_id(&self, index: usize) -> Result<&ObjectId, SealError> {
        self.file(index).map(|file| &file.object_id)
    }

    /// Ciphertext bytes of file `index`.
    ///
    /// # Errors
    /// [`SealError::NoSuchFile`]
    pub fn object_len(&self, index: usize) -> Result<u64, SealError> {
        self.file(index).map(|file| file.payload.object_len())
    }

    /// Parts of file `index`.
    ///
    /// # Errors
    /// [`SealError::NoSuchFile`]
    pub fn part_count(&self, index: usize) -> Result<u64, SealError> {
        self.file(index).map(|file| file.payload.part_count())
    }

    /// Seals part `n` of file `index` in place ([`Payload::seal_part`]), once.
    ///
    /// # Errors
    /// [`SealError::AlreadySealed`] at a second call for the same part; [`SealError::NoSuchFile`],
    /// [`SealError::NoSuchPart`], [`SealError::PartLength`], after which the right part may still be sealed.
    pub fn seal_part(&mut self, index: usize, n: u64, part: &mut Vec<u8>) -> Result<(), SealError> {
        let file = self.files.get_mut(index).ok_or(SealError::NoSuchFile)?;
        let sealed = usize::try_from(n).ok().and_then(|n| file.sealed.get_mut(n)).ok_or(SealError::NoSuchPart)?;
        if *sealed {
            return Err(SealError::AlreadySealed);
        }
        file.payload.seal_part(n, part)?;
        *sealed = true;
        Ok(())
    }

    /// Seals the manifest and the capsule, once. Runs Argon2id.
    ///
    /// # Errors
    /// [`SealError::NotComplete`] before every part was sealed; [`SealError::FileCount`] unless `details` has one
    /// entry for each file; [`SealError::ManifestTooLong`]; [`SealError::AlreadySealed`] at a second call.
    pub fn finish(&mut self, details: SealingDetails) -> Result<Sealed, SealError> {
        if self.finished {
            return Err(SealError::AlreadySealed);
        }
        if self.files.is_empty() || self.files.len() != details.files.len() {
            return Err(SealError::FileCount);
        }
        if self.files.iter().any(|file| file.sealed.contains(&false)) {
            return Err(SealError::NotComplete);
        }
        let (created, not_after) = (details.created, details.not_after);
        let manifest = self.make_manifest(details);
        let total_plain = manifest.total_plain().ok_or(SealError::FileCount)?;
        let sealed_manifest = age::seal(&self.recipient, &manifest.to_json()?)?;
        let body = Body {
            file_count: u32::try_from(self.files.len()).map_err(|_| SealError::FileCount)?,
            identity: self.identity.clone(),
            manifest_sha256: Sha256::digest(&sealed_manifest).into(),
            manifest_len: sealed_manifest.len() as u64,
            total_plain,
            created,
        };
        let preamble = Preamble { slot: 0, transfer_id: self.transfer_id, salt: self.salt, not_after };
        let nonce = random::make_bytes()?;
        let keys = Keys::derive(&self.passcode, &preamble);
        self.finished = true;
        Ok(Sealed { capsule: keys.seal(&body, &nonce), manifest: sealed_manifest, proof: keys.proof().clone() })
    }

    fn make_manifest(&self, details: SealingDetails) -> Manifest {
        let files = (0..).zip(&self.files).zip(details.files).map(|((index, file), details)| manifest::File {
            index,
            object_id: file.object_id,
            name: details.name,
            media_type: details.media_type,
            plain_len: file.payload.plain_len(),
            object_len: file.payload.object_len(),
            head: *file.head.as_bytes(),
        });
        Manifest::new(self.transfer_id, details.created, details.sender, details.message, files.collect())
    }

    fn file(&self, index: usize) -> Result<&SealingFile, SealError> {
        self.files.get(index).ok_or(SealError::NoSuchFile)
    }
}
