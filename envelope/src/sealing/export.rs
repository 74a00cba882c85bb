//! What survives a reload, as opaque bytes for the sender's own browser to keep under its own key.
//!
//! `version = 01 ‖ transfer_id 16 ‖ identity 32 ‖ for each file (00 | 01 ‖ object_id 16 ‖ plain_len 8 ‖ head 184)`
//!
//! Nothing here vouches for the bytes as a whole; who keeps them does. Ids and lengths are held against the server's
//! list, heads against the identity.

use super::{Part, Sealing, SealingFile};
use crate::age::{HEAD_LEN, Head, Identity};
use crate::bytes::Reader;
use crate::error::SealError;
use zeroize::Zeroizing;

const VERSION: u8 = 1;

/// Bytes of an export before its first file.
const BASE_LEN: usize = 1 + 16 + 32;

/// Bytes of a complete file in it.
const FILE_LEN: usize = 1 + 16 + 8 + HEAD_LEN;

impl Sealing {
    /// The identity and the complete files. Passcode and salt are left out, for they are drawn anew; so are the keys of
    /// files that are not complete, for nobody can know any more which of their parts were sealed.
    ///
    /// # Errors
    /// [`SealError::AlreadySealed`] once finished.
    pub fn export(&self) -> Result<Zeroizing<Vec<u8>>, SealError> {
        if self.finished {
            return Err(SealError::AlreadySealed);
        }
        // Never reallocated, so that no copy of the identity stays behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(BASE_LEN + self.files.len() * FILE_LEN));
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.transfer_id);
        bytes.extend_from_slice(self.identity.as_bytes());
        for file in &self.files {
            let Some(file) = file.as_ref().filter(|file| file.is_complete()) else {
                bytes.push(0);
                continue;
            };
            bytes.push(1);
            bytes.extend_from_slice(&file.object_id);
            bytes.extend_from_slice(&file.plain_len.to_be_bytes());
            bytes.extend_from_slice(file.head.as_bytes());
        }
        Ok(bytes)
    }

    /// Goes on with what [`Self::export`] kept, under a new passcode and salt. A file that was not complete is
    /// [`SealError::Interrupted`] until it is restarted.
    ///
    /// # Errors
    /// [`SealError::DamagedDraft`] for anything but an export; [`SealError::Random`].
    pub fn import(bytes: &[u8]) -> Result<Self, SealError> {
        let mut reader = Reader::new(bytes);
        if reader.take()? != [VERSION] {
            return Err(SealError::DamagedDraft);
        }
        let transfer_id = reader.take()?;
        let identity = Identity::from_bytes(reader.take()?);
        let mut files: Vec<Option<SealingFile>> = Vec::new();
        while !reader.is_empty() {
            let file = match reader.take()? {
                [0] => None,
                [1] => Some(import_file(&identity, &mut reader)?),
                _ => return Err(SealError::DamagedDraft),
            };
            // Five files as a rule: a set would only make the module larger.
            let is_new = |file: &SealingFile| files.iter().flatten().all(|known| known.object_id != file.object_id);
            if !file.as_ref().is_none_or(is_new) {
                return Err(SealError::DamagedDraft);
            }
            files.push(file);
        }
        Ok(Self { transfer_id, files, ..Self::of(identity)? })
    }
}

/// A complete file of an export; its head must be one that was made for this identity.
fn import_file(identity: &Identity, reader: &mut Reader<'_>) -> Result<SealingFile, SealError> {
    let object_id = reader.take()?;
    let plain_len = u64::from_be_bytes(reader.take()?);
    let head = Head::parse(&reader.take()?)?;
    let key = head.open(identity)?;
    SealingFile::new(object_id, head, key, plain_len, Part::Confirmed)
}
