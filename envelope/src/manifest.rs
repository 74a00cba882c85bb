//! The manifest: the sealed list of files, an age file of padded JSON.
//!
//! It carries each file's head, so that an object that is swapped, reordered, cut or replaced cannot authenticate.
//! Padding to 4 KiB hides the lengths of names and message.

use crate::age::{self, HEAD_LEN, Head};
use crate::bytes;
use crate::error::{Damaged, SealError};
use crate::secret::redact_debug;
use crate::{ObjectId, TransferId};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Bytes of a sealed manifest at most. A longer one is refused before any work is done for it.
pub const MAX_MANIFEST_LEN: usize = 1024 * 1024;

/// The JSON is padded with spaces to a multiple of this many bytes.
pub const PADDING_LEN: usize = 4096;

/// What the sender says of a transfer, and all its files.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The format's version: 1.
    v: Version,
    /// The same as the capsule's.
    #[serde(with = "bytes::url")]
    pub transfer_id: TransferId,
    /// When it was sealed, in Unix seconds; the same as the capsule's.
    pub created: u64,
    /// Who sealed it, in their own words.
    pub sender: Sender,
    /// What the sender wrote to the recipient; may be empty.
    pub message: String,
    /// One or more, each at its index.
    pub files: Vec<File>,
}

/// Who sealed a transfer, as they say themselves; the server vouches for the address only in its mail.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// A person's name.
    pub name: String,
    /// Their e-mail address.
    pub email: String,
}

/// One file. Keys unknown to this version are ignored here, so that later ones may say more of a file.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its place in the list, from 0.
    pub index: u32,
    /// Where its ciphertext is.
    #[serde(with = "bytes::url")]
    pub object_id: ObjectId,
    /// As the sender's system called it: hostile until [`crate::names`] made it safe.
    pub name: String,
    /// As the sender's system named it; hostile too.
    pub media_type: String,
    /// Plaintext bytes.
    pub plain_len: u64,
    /// Ciphertext bytes, which follow from `plain_len`.
    pub object_len: u64,
    /// Header and payload nonce: the key to the object.
    #[serde(with = "bytes::url")]
    pub head: [u8; HEAD_LEN],
}

redact_debug!(Manifest, Sender, File);

/// The number 1.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
struct Version;

impl TryFrom<u32> for Version {
    type Error = &'static str;

    fn try_from(number: u32) -> Result<Self, Self::Error> {
        if number == 1 { Ok(Self) } else { Err("another version") }
    }
}

impl From<Version> for u32 {
    fn from(_: Version) -> Self {
        1
    }
}

impl Manifest {
    /// Puts a manifest together.
    pub const fn new(transfer_id: TransferId, created: u64, sender: Sender, message: String, files: Vec<File>) -> Self {
        Self { v: Version, transfer_id, created, sender, message, files }
    }

    /// Reads the padded JSON and checks all that can be checked without the capsule.
    ///
    /// # Errors
    /// [`Damaged`] for other padding, unknown or repeated keys, a wrong index, a repeated object, a length that does
    /// not fit another, or a head that is none.
    pub fn parse(json: &[u8]) -> Result<Self, Damaged> {
        if json.is_empty() || !json.len().is_multiple_of(PADDING_LEN) || json.len() > MAX_MANIFEST_LEN {
            return Err(Damaged);
        }
        let manifest: Self = serde_json::from_slice(json).map_err(|_| Damaged)?;
        manifest.check().map(|()| manifest)
    }

    /// The JSON, padded.
    ///
    /// # Errors
    /// [`SealError::ManifestTooLong`] if it could not be sealed within [`MAX_MANIFEST_LEN`].
    pub fn to_json(&self) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let json = serde_json::to_vec(self).map_err(|_| SealError::ManifestTooLong)?;
        let mut json = Zeroizing::new(json);
        let padded_len = json.len().next_multiple_of(PADDING_LEN);
        json.resize(padded_len, b' ');
        let sealed_len = age::object_len(padded_len as u64) + HEAD_LEN as u64;
        if sealed_len > MAX_MANIFEST_LEN as u64 {
            return Err(SealError::ManifestTooLong);
        }
        Ok(json)
    }

    /// Plaintext bytes of all files.
    pub fn total_plain(&self) -> Option<u64> {
        self.files.iter().try_fold(0_u64, |sum, file| sum.checked_add(file.plain_len))
    }

    fn check(&self) -> Result<(), Damaged> {
        if self.files.is_empty() || self.total_plain().is_none() {
            return Err(Damaged);
        }
        for (i, file) in self.files.iter().enumerate() {
            let seen_before = self.files[..i].iter().any(|other| other.object_id == file.object_id);
            let fits = file.plain_len <= age::MAX_PLAIN_LEN && file.object_len == age::object_len(file.plain_len);
            if file.index as usize != i || seen_before || !fits || Head::parse(&file.head).is_err() {
                return Err(Damaged);
            }
        }
        Ok(())
    }
}
