//! Sealing a transfer: each part once, then the manifest, then the capsule.
//!
//! The same key and counter must never seal two plaintexts. So every part is *claimed* once, which yields the one
//! [`PartSealer`] for it, and *confirmed* when the server has it; a retry resends the same bytes. A file whose part was
//! claimed and came to nothing (it changed, could not be read, or the worker that had it died) starts again under a new
//! key, in a new object ([`Sealing::restart_file`]). After a reload ([`Sealing::import`]) that is every file that was
//! not complete.

mod export;

use crate::age::{self, Head, Identity, Payload, PayloadKey, Recipient};
use crate::capsule::{Body, CAPSULE_LEN, Keys, Preamble};
use crate::error::{RandomUnavailable, SealError};
use crate::manifest::{self, Manifest, Sender};
use crate::part_sealer::PartSealer;
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
    /// `None`: interrupted by a reload; its key is gone, and it must start again.
    files: Vec<Option<SealingFile>>,
    finished: bool,
}

#[derive(Debug)]
struct SealingFile {
    object_id: ObjectId,
    head: Head,
    key: PayloadKey,
    plain_len: u64,
    parts: Vec<Part>,
}

/// How far a part is. It only ever goes down this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Waiting,
    Claimed,
    Confirmed,
}

impl SealingFile {
    fn make(recipient: &Recipient, plain_len: u64) -> Result<Self, SealError> {
        let (head, key) = Head::make(recipient)?;
        Self::new(random::make_bytes()?, head, key, plain_len, Part::Waiting)
    }

    fn new(object_id: ObjectId, head: Head, key: PayloadKey, plain_len: u64, part: Part) -> Result<Self, SealError> {
        let parts = vec![part; Payload::new(&key, plain_len)?.part_count() as usize];
        Ok(Self { object_id, head, key, plain_len, parts })
    }

    fn part(&mut self, n: u64) -> Result<&mut Part, SealError> {
        usize::try_from(n).ok().and_then(|n| self.parts.get_mut(n)).ok_or(SealError::NoSuchPart)
    }

    fn is_complete(&self) -> bool {
        self.parts.iter().all(|part| *part == Part::Confirmed)
    }
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
        Self::of(Identity::make()?)
    }

    fn of(identity: Identity) -> Result<Self, RandomUnavailable> {
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
        self.files.push(Some(SealingFile::make(&self.recipient, plain_len)?));
        Ok(self.files.len() - 1)
    }

    /// Starts file `index` again, now `plain_len` bytes long: a new object id, a new key, no part of it sealed.
    ///
    /// # Errors
    /// [`SealError::NoSuchFile`], [`SealError::FileTooLong`]; [`SealError::AlreadySealed`] once finished.
    pub fn restart_file(&mut self, index: usize, plain_len: u64) -> Result<(), SealError> {
        if self.finished {
            return Err(SealError::AlreadySealed);
        }
        let file = self.files.get_mut(index).ok_or(SealError::NoSuchFile)?;
        *file = Some(SealingFile::make(&self.recipient, plain_len)?);
        Ok(())
    }

    /// The object that file `index` is sealed into.
    ///
    /// # Errors
    /// [`SealError::NoSuchFile`], [`SealError::Interrupted`]
    pub fn object_id(&self, index: usize) -> Result<&ObjectId, SealError> {
        self.file(index).map(|file| &file.object_id)
    }

    /// Ciphertext bytes of file `index`.
    ///
    /// # Errors
    /// [`SealError::NoSuchFile`], [`SealError::Interrupted`]
    pub fn object_len(&self, index: usize) -> Result<u64, SealError> {
        self.file(index).map(|file| age::object_len(file.plain_len))
    }

    /// Parts of file `index`.
    ///
    /// # Errors
    /// [`SealError::NoSuchFile`], [`SealError::Interrupted`]
    pub fn part_count(&self, index: usize) -> Result<u64, SealError> {
        self.file(index).map(|file| file.parts.len() as u64)
    }

    /// Whether every part of file `index` was confirmed.
    pub fn is_complete(&self, index: usize) -> bool {
        self.file(index).is_ok_and(SealingFile::is_complete)
    }

    /// Gives out the one right to seal part `n` of file `index`.
    ///
    /// # Errors
    /// [`SealError::AlreadySealed`] at a second call for the same part of the same object; [`SealError::NoSuchFile`],
    /// [`SealError::Interrupted`], [`SealError::NoSuchPart`].
    pub fn claim_part(&mut self, index: usize, n: u64) -> Result<PartSealer, SealError> {
        let file = self.file_mut(index)?;
        let part = file.part(n)?;
        if *part != Part::Waiting {
            return Err(SealError::AlreadySealed);
        }
        *part = Part::Claimed;
        Ok(PartSealer::new(file.key.clone(), file.plain_len, n))
    }

    /// Notes that the server has part `n` of an object. The object is named by its id, so that news of an object that
    /// was given up meanwhile cannot be taken for news of the one in its place.
    ///
    /// # Errors
    /// [`SealError::NoSuchFile`] if no file is sealed into this object any more; [`SealError::NoSuchPart`];
    /// [`SealError::NotClaimed`] for a part that nobody can have sealed.
    pub fn confirm_part(&mut self, object_id: &ObjectId, n: u64) -> Result<(), SealError> {
        let file = self.files.iter_mut().flatten().find(|file| file.object_id == *object_id);
        let part = file.ok_or(SealError::NoSuchFile)?.part(n)?;
        if *part == Part::Waiting {
            return Err(SealError::NotClaimed);
        }
        *part = Part::Confirmed;
        Ok(())
    }

    /// Claims, seals and confirms part `n` of file `index` at once, for callers that do all in one place.
    ///
    /// # Errors
    /// Those of [`Self::claim_part`]; [`SealError::PartLength`], after which the right part may still be sealed.
    pub fn seal_part(&mut self, index: usize, n: u64, part: &mut Vec<u8>) -> Result<(), SealError> {
        let file = self.file(index)?;
        let plain_len = Payload::new(&file.key, file.plain_len)?.part_plain_len(n).ok_or(SealError::NoSuchPart)?;
        let object_id = file.object_id;
        if part.len() != plain_len && file.parts.get(n as usize) == Some(&Part::Waiting) {
            return Err(SealError::PartLength { expected: plain_len as u64, given: part.len() as u64 });
        }
        self.claim_part(index, n)?.seal(part)?;
        self.confirm_part(&object_id, n)
    }

    /// Seals the manifest and the capsule, once. Runs Argon2id.
    ///
    /// # Errors
    /// [`SealError::NotComplete`] before every part was confirmed; [`SealError::FileCount`] unless `details` has one
    /// entry for each file; [`SealError::ManifestTooLong`]; [`SealError::AlreadySealed`] at a second call.
    pub fn finish(&mut self, details: SealingDetails) -> Result<Sealed, SealError> {
        if self.finished {
            return Err(SealError::AlreadySealed);
        }
        if self.files.is_empty() || self.files.len() != details.files.len() {
            return Err(SealError::FileCount);
        }
        if !(0..self.files.len()).all(|index| self.is_complete(index)) {
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
        let files =
            (0..).zip(self.files.iter().flatten()).zip(details.files).map(|((index, file), details)| manifest::File {
                index,
                object_id: file.object_id,
                name: details.name,
                media_type: details.media_type,
                plain_len: file.plain_len,
                object_len: age::object_len(file.plain_len),
                head: *file.head.as_bytes(),
            });
        Manifest::new(self.transfer_id, details.created, details.sender, details.message, files.collect())
    }

    fn file(&self, index: usize) -> Result<&SealingFile, SealError> {
        self.files.get(index).ok_or(SealError::NoSuchFile)?.as_ref().ok_or(SealError::Interrupted)
    }

    fn file_mut(&mut self, index: usize) -> Result<&mut SealingFile, SealError> {
        self.files.get_mut(index).ok_or(SealError::NoSuchFile)?.as_mut().ok_or(SealError::Interrupted)
    }
}
