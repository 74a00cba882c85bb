//! Opening a transfer: passcode → capsule → manifest → heads → parts. Each step trusts only what the one before fixed.

use crate::age::{Head, Payload};
use crate::capsule::{Body, Keys, Preamble, Unsupported};
use crate::error::Damaged;
use crate::manifest::{MAX_MANIFEST_LEN, Manifest, Sender};
use crate::part_opener::PartOpener;
use crate::passcode::Passcode;
use crate::secret::{Secret, redact_debug};
use crate::{ObjectId, TransferId, age, bytes, names};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// A transfer whose passcode was typed, before the server released the capsule.
#[derive(Debug)]
pub struct Opening {
    transfer_id: TransferId,
    keys: Keys,
}

/// An object as the server lists it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ObjectEntry {
    /// Which object.
    #[serde(with = "bytes::url")]
    pub object_id: ObjectId,
    /// Ciphertext bytes.
    pub object_len: u64,
}

/// What a recipient may be shown of an opened transfer: authentic, and with names that are safe to save under.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Contents {
    /// When it was sealed, by the sender's clock, in Unix seconds.
    pub created: u64,
    /// Who sealed it, in their own words.
    pub sender: Sender,
    /// To the recipient; may be empty. Plain text, never markup.
    pub message: String,
    /// In the sender's order.
    pub files: Vec<OpenedFile>,
    /// Plaintext bytes of all files.
    pub total_plain: u64,
}

/// One file of an opened transfer.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct OpenedFile {
    /// Its place in the list, from 0.
    pub index: u32,
    /// Where its ciphertext is.
    #[serde(serialize_with = "bytes::url::serialize")]
    pub object_id: ObjectId,
    /// Safe ([`names::safe_file_name`]) and different from every other file's.
    pub name: String,
    /// Safe ([`names::safe_media_type`]).
    pub media_type: String,
    /// Plaintext bytes.
    pub plain_len: u64,
    /// Ciphertext bytes.
    pub object_len: u64,
}

redact_debug!(Contents, OpenedFile);

/// An unlocked transfer.
#[derive(Debug)]
pub struct Opened {
    contents: Contents,
    files: Vec<OpeningFile>,
}

#[derive(Debug)]
struct OpeningFile {
    opener: PartOpener,
    /// For each part, whether it was verified.
    verified: Vec<bool>,
}

impl Opening {
    /// Checks `h`, then runs Argon2id.
    ///
    /// # Errors
    /// [`Unsupported`] for another suite, mode, length, or a transfer that is not the link's: before anything is
    /// derived, so that no server can ask for a proof under weaker parameters.
    pub fn derive(passcode: &Passcode, transfer_id: &TransferId, h: &[u8]) -> Result<Self, Unsupported> {
        let preamble = Preamble::parse(h, transfer_id)?;
        Ok(Self { transfer_id: *transfer_id, keys: Keys::derive(passcode, &preamble) })
    }

    /// What the server releases the capsule for.
    pub const fn proof(&self) -> &Secret<32> {
        self.keys.proof()
    }

    /// Opens the capsule, the manifest and every head.
    ///
    /// `objects` are those that the server holds; their order does not matter.
    ///
    /// # Errors
    /// [`Damaged`] unless everything is exactly what the sender sealed. A wrong passcode leads here too, should a
    /// server release a capsule for it.
    pub fn unlock(&self, capsule: &[u8], manifest: &[u8], objects: &[ObjectEntry]) -> Result<Opened, Damaged> {
        let body = self.keys.open(capsule)?;
        let manifest = self.open_manifest(&body, manifest)?;
        check_objects(&manifest, objects)?;
        let open_file = |file: &crate::manifest::File| {
            let key = Head::parse(&file.head)?.open(&body.identity)?;
            let payload = Payload::new(&key, file.plain_len).map_err(|_| Damaged)?;
            let verified = vec![false; payload.part_count() as usize];
            Ok(OpeningFile { opener: PartOpener::new(key, payload), verified })
        };
        let files = manifest.files.iter().map(open_file).collect::<Result<_, Damaged>>()?;
        Ok(Opened { contents: make_contents(manifest, body.total_plain), files })
    }

    fn open_manifest(&self, body: &Body, sealed: &[u8]) -> Result<Manifest, Damaged> {
        if sealed.len() > MAX_MANIFEST_LEN || sealed.len() as u64 != body.manifest_len {
            return Err(Damaged);
        }
        if Sha256::digest(sealed)[..] != body.manifest_sha256 {
            return Err(Damaged);
        }
        let manifest = Manifest::parse(&Zeroizing::new(age::open(&body.identity, sealed)?))?;
        let agrees = manifest.transfer_id == self.transfer_id
            && manifest.created == body.created
            && manifest.files.len() as u64 == u64::from(body.file_count)
            && manifest.total_plain() == Some(body.total_plain);
        if agrees { Ok(manifest) } else { Err(Damaged) }
    }
}

/// The server must hold exactly the manifest's objects, with their lengths.
fn check_objects(manifest: &Manifest, objects: &[ObjectEntry]) -> Result<(), Damaged> {
    let held = |file: &crate::manifest::File| {
        objects.iter().any(|object| object.object_id == file.object_id && object.object_len == file.object_len)
    };
    // The manifest's ids differ from each other, so equal counts leave no room for another object.
    if objects.len() == manifest.files.len() && manifest.files.iter().all(held) { Ok(()) } else { Err(Damaged) }
}

fn make_contents(manifest: Manifest, total_plain: u64) -> Contents {
    let names = names::distinct_file_names(manifest.files.iter().map(|file| file.name.as_str()));
    let files = manifest.files.into_iter().zip(names).map(|(file, name)| OpenedFile {
        index: file.index,
        object_id: file.object_id,
        name,
        media_type: names::safe_media_type(&file.media_type).to_owned(),
        plain_len: file.plain_len,
        object_len: file.object_len,
    });
    Contents {
        created: manifest.created,
        sender: manifest.sender,
        message: manifest.message,
        files: files.collect(),
        total_plain,
    }
}

impl Opened {
    /// What may be shown.
    pub const fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Parts of file `index`.
    ///
    /// # Errors
    /// [`Damaged`] if there is no such file.
    pub fn part_count(&self, index: usize) -> Result<u64, Damaged> {
        self.part_opener(index).map(|opener| opener.payload().part_count())
    }

    /// What opens the parts of file `index`, here or on another core.
    ///
    /// # Errors
    /// [`Damaged`] if there is no such file.
    pub fn part_opener(&self, index: usize) -> Result<&PartOpener, Damaged> {
        self.files.get(index).map(|file| &file.opener).ok_or(Damaged)
    }

    /// Notes that part `n` of file `index` was verified, in any order and as often as wanted.
    ///
    /// # Errors
    /// [`Damaged`] unless `voucher` was made by opening exactly that part.
    pub fn accept(&mut self, index: usize, n: u64, voucher: &[u8; 32]) -> Result<(), Damaged> {
        let file = self.files.get_mut(index).ok_or(Damaged)?;
        let verified = usize::try_from(n).ok().and_then(|n| file.verified.get_mut(n)).ok_or(Damaged)?;
        if !file.opener.made(n, voucher) {
            return Err(Damaged);
        }
        *verified = true;
        Ok(())
    }

    /// Opens part `n` of file `index` in place and notes that it was verified.
    ///
    /// # Errors
    /// As [`PartOpener::open_part`]. `part` is emptied then.
    pub fn open_part(&mut self, index: usize, n: u64, part: &mut Vec<u8>) -> Result<(), Damaged> {
        let opened = self.part_opener(index).and_then(|opener| opener.open_part(n, part));
        match opened {
            Ok(voucher) => self.accept(index, n, voucher.as_bytes()),
            Err(Damaged) => {
                part.clear();
                Err(Damaged)
            }
        }
    }

    /// Whether every part of file `index` was verified. Only then may it be called complete.
    pub fn is_verified(&self, index: usize) -> bool {
        self.files.get(index).is_some_and(|file| !file.verified.contains(&false))
    }
}
