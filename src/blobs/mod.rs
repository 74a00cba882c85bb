//! Ciphertext bytes, and nothing else: parts go in under a [`PartKey`], come out by range, and are removed.
//!
//! | need | call |
//! | --- | --- |
//! | begin an object, once, before its first part | [`Blobs::begin_object`] |
//! | drop the loser of two racing beginnings | [`Blobs::abandon_upload`] |
//! | store an uploaded part | [`Blobs::put_part`] |
//! | see whether a part that comes again is the same | [`identify_part`] |
//! | make an object of its parts, once all are there | [`Blobs::complete_object`] |
//! | serve a range of a part of a complete object | [`Blobs::read_part`] |
//! | let a browser store or fetch a part itself, if the store is *direct* | [`Blobs::sign_put`], [`Blobs::sign_get`] |
//! | drop the loser of two racing uploads | [`Blobs::delete_part`] |
//! | purge a file | [`Blobs::delete_object`] |
//! | find what a crash left behind | [`Blobs::list_objects`] |
//! | bring an object into another store | [`Blobs::copy_object_from`] |
//! | read every byte again, and put good parts in the place of bad ones | [`Blobs::check_object`], [`Blobs::mend_object`] |
//! | serve what either of two stores still has | [`read_either`] |
//!
//! A part is there whole or not at all: its bytes are counted and digested on the way in, made durable, and only
//! then given their name. Memory use is constant, whatever the length. A store may hold parts apart until the object is
//! complete (S3's multipart upload) or for ever (a folder); so nothing is read before [`Blobs::complete_object`], and
//! only that promises that every part is there with its length and digest.
//!
//! This room must not know about transfers, people, rows, mail or HTTP. It never decides what may be stored, read
//! or removed: a row exists before its first part and is marked gone before its bytes go, so whoever calls has
//! already asked the database. Nothing here can be read without a passcode, and nothing here tries.

mod checking;
mod copying;
mod dir;
mod either;
mod intake;
mod key;
mod memory;
mod s3;

pub use checking::Health;
pub use copying::{Copied, CopyFault};
pub use dir::Dir;
pub use either::read_either;
pub use intake::identify_part;
pub use key::{Announced, CONTENT_TYPE, ObjectParts, PartKey, Upload};
pub use memory::Memory;
pub use s3::{DirectSettings, Finding, S3, S3Settings};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::BoxStream;
use protocol::direct::{SignedRequest, Way};
use protocol::{ObjectId, Timestamp};
use std::io;
use std::ops::Range;
use std::time::Duration;

/// Bytes of a stored part, in pieces of at most [`BATCH_LEN`]. It ends after the last byte asked for, or with an
/// error; never silently short.
pub type PartStream = BoxStream<'static, io::Result<Bytes>>;

/// Bytes handed to or taken from the disk at a time. Large enough that crossing to a blocking thread is lost in the
/// noise, small enough that a hundred uploads at once need tens of megabytes.
pub const BATCH_LEN: usize = 256 * 1024;

/// How long a signed request may be made. Long enough for a browser with a slow line to begin, and for clocks that NTP
/// keeps; short, because who was given one keeps it when the transfer ends. What has begun by then goes on.
pub const SIGNED_FOR: Duration = Duration::from_secs(60);

/// Where ciphertext is kept. A closed set: every store passes the same contract suite (`tests/contract`).
#[derive(Debug)]
pub enum Blobs {
    /// A folder on this machine; the embedded default.
    Dir(Dir),
    /// A bucket that many machines share.
    S3(S3),
    /// This process's memory, for tests.
    Memory(Memory),
}

/// Why a part was not stored. Nothing of it is left behind, whichever it is.
#[derive(Debug, thiserror::Error)]
pub enum PutError<E> {
    /// The bytes do not have the announced digest.
    #[error("the bytes do not have the announced digest")]
    Digest,
    /// There were more bytes than announced, or fewer.
    #[error("the bytes do not have the announced length")]
    Length,
    /// The store has no room left (disk or quota). Reading and deleting still work.
    #[error("the store is full")]
    Full,
    /// The body broke off.
    #[error("the body broke off: {0}")]
    Body(E),
    /// The store does not know the upload (any more), nor any part of it: the object must be begun again.
    #[error("the store does not know this upload any more")]
    Gone,
    /// The store failed; of the kind [`AWAY`] if another try may succeed.
    #[error("the store failed: {0}")]
    Io(io::Error),
}

/// The kind of an [`io::Error`] when the store cannot be reached, is too slow or asks to be left alone for a while:
/// nothing is wrong with the request, and it may be repeated.
pub const AWAY: io::ErrorKind = io::ErrorKind::ResourceBusy;

/// Why an object is not complete.
#[derive(Debug, thiserror::Error)]
pub enum CompleteError {
    /// These parts are not there as named; they must be stored again.
    #[error("parts {0:?} are not there as named")]
    Parts(Vec<u32>),
    /// The store does not know the upload (any more), nor a finished object: it must be begun again.
    #[error("the store does not know this upload any more")]
    Gone,
    /// The store failed.
    #[error("the store failed: {0}")]
    Io(#[from] io::Error),
}

impl<E> From<io::Error> for PutError<E> {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(error),
        }
    }
}

/// Why a part cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No part has this key: the store lost what the database says it holds.
    #[error("the part is missing")]
    Missing,
    /// The part ends before the range does.
    #[error("the part has {len} bytes, fewer than asked for")]
    Short {
        /// Bytes that the part has.
        len: u64,
    },
    /// The store failed.
    #[error("the store failed: {0}")]
    Io(#[from] io::Error),
}

impl Blobs {
    /// Begins an object. Who begins it twice must agree on one of the uploads, and abandon the other.
    ///
    /// # Errors
    /// The store's own failures.
    pub async fn begin_object(&self, object_id: &ObjectId) -> io::Result<Upload> {
        match self {
            Self::S3(s3) => s3.begin_object(object_id).await,
            Self::Dir(_) | Self::Memory(_) => Ok(Upload::default()),
        }
    }

    /// Drops an upload with all its parts; one that is not there is as good as dropped.
    ///
    /// # Errors
    /// The store's own failures.
    pub async fn abandon_upload(&self, object_id: &ObjectId, upload: &Upload) -> io::Result<()> {
        match self {
            Self::S3(s3) => s3.abandon_upload(object_id, upload).await,
            Self::Dir(_) | Self::Memory(_) => Ok(()),
        }
    }

    /// Stores a part as announced, and tells its name. When this returns `Ok`, the part survives a
    /// power cut. Storing the same part again is harmless; storing other bytes for its number may take it away, which
    /// [`Self::complete_object`] tells.
    ///
    /// # Errors
    /// [`PutError`]; a body that is too long is refused at its first byte too many. Dropping the future is as good
    /// as an error: nothing is stored.
    pub async fn put_part<E>(
        &self,
        upload: &Upload,
        part: &Announced,
        body: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<PartKey, PutError<E>> {
        match self {
            Self::Dir(dir) => dir.put_part(part, body).await,
            Self::S3(s3) => s3.put_part(upload, part, body).await,
            Self::Memory(memory) => memory.put_part(part, body).await,
        }
    }

    /// Makes an object of its parts, if all are there with their lengths and digests. Harmless when it is complete
    /// already. Nothing can be stored into it afterwards.
    ///
    /// # Errors
    /// [`CompleteError`].
    pub async fn complete_object(&self, upload: &Upload, object: &ObjectParts) -> Result<(), CompleteError> {
        match self {
            Self::Dir(dir) => dir.complete_object(object).await,
            Self::S3(s3) => s3.complete_object(upload, object).await,
            Self::Memory(memory) => memory.complete_object(object),
        }
    }

    /// The same, in the place of a complete object of that name, if there is one: what is read meanwhile is the old one or
    /// the new one. For repairs.
    ///
    /// # Errors
    /// [`CompleteError`].
    async fn replace_object(&self, upload: &Upload, object: &ObjectParts) -> Result<(), CompleteError> {
        match self {
            Self::S3(s3) => s3.replace_object(upload, object).await,
            Self::Dir(_) | Self::Memory(_) => self.complete_object(upload, object).await,
        }
    }

    /// Whether each part of a complete object can be replaced by itself.
    fn keeps_parts_apart(&self) -> bool {
        matches!(self, Self::Dir(_) | Self::Memory(_))
    }

    /// The bytes of a part of a complete object in `range`, counted from the part's start. An empty range gives an
    /// empty stream.
    ///
    /// # Errors
    /// [`ReadError`], before the first byte; a failure later ends the stream with an error.
    pub async fn read_part(&self, key: &PartKey, range: Range<u64>) -> Result<PartStream, ReadError> {
        match self {
            Self::Dir(dir) => dir.read_part(key, range).await,
            Self::S3(s3) => s3.read_part(key, range).await,
            Self::Memory(memory) => memory.read_part(key, range),
        }
    }

    /// How browsers are to send and fetch parts.
    pub fn way(&self) -> Way {
        match self {
            Self::S3(s3) if s3.is_direct() => Way::Direct,
            Self::S3(_) | Self::Dir(_) | Self::Memory(_) => Way::Proxied,
        }
    }

    /// The one origin that browsers talk to beside ours; `None` if bytes pass through this server.
    ///
    /// # Errors
    /// The settings lead to no address.
    pub async fn browser_origin(&self) -> io::Result<Option<String>> {
        match self {
            Self::S3(s3) => s3.browser_origin().await,
            Self::Dir(_) | Self::Memory(_) => Ok(None),
        }
    }

    /// A request that stores a part, of exactly `len` bytes with the key's digest and no other, within [`SIGNED_FOR`] of
    /// `now`. As [`Self::put_part`], but nobody tells whether it was made: [`Self::complete_object`] finds out.
    ///
    /// # Errors
    /// The store is not direct, or the request cannot be signed. The store itself is not asked.
    pub async fn sign_put(
        &self,
        upload: &Upload,
        key: &PartKey,
        len: u64,
        now: Timestamp,
    ) -> io::Result<SignedRequest> {
        match self {
            Self::S3(s3) => s3.sign_put(upload, key, len, now).await,
            Self::Dir(_) | Self::Memory(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// A request that reads part `n`, of `len` bytes, of a complete object, within [`SIGNED_FOR`] of `now`.
    ///
    /// # Errors
    /// As for [`Self::sign_put`].
    pub async fn sign_get(&self, object_id: &ObjectId, n: u32, len: u64, now: Timestamp) -> io::Result<SignedRequest> {
        match self {
            Self::S3(s3) => s3.sign_get(object_id, n, len, now).await,
            Self::Dir(_) | Self::Memory(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Whether bytes can be stored and fetched now, as far as one cheap look tells.
    ///
    /// # Errors
    /// The store's own failures.
    pub async fn ping(&self) -> io::Result<()> {
        match self {
            Self::Dir(dir) => dir.ping().await,
            Self::S3(s3) => s3.ping().await,
            Self::Memory(_) => Ok(()),
        }
    }

    /// Removes a part that is not to count; a part that is not there is as good as removed.
    ///
    /// # Errors
    /// The store's own failures.
    pub async fn delete_part(&self, key: &PartKey) -> io::Result<()> {
        match self {
            Self::Dir(dir) => dir.delete_part(key).await,
            // A part of an upload has no life of its own: it is replaced by the next one of its number, or goes with all.
            Self::S3(_) => Ok(()),
            Self::Memory(memory) => {
                memory.delete_part(key);
                Ok(())
            }
        }
    }

    /// Removes every part of an object, also those that no row mentions, and every upload of it; an object that is not
    /// there is as good as removed. When this returns `Ok`, the store has confirmed that nothing is left.
    ///
    /// # Errors
    /// The store's own failures; call it again to finish.
    pub async fn delete_object(&self, object_id: &ObjectId) -> io::Result<()> {
        match self {
            Self::Dir(dir) => dir.delete_object(object_id).await,
            Self::S3(s3) => s3.delete_object(object_id).await,
            Self::Memory(memory) => {
                memory.delete_object(object_id);
                Ok(())
            }
        }
    }

    /// Every object that has bytes or an upload here, in no particular order; one whose parts were deleted singly may be
    /// among them.
    /// What the database does not know of these is an orphan, because rows come before bytes.
    ///
    /// # Errors
    /// The store's own failures.
    pub async fn list_objects(&self) -> io::Result<Vec<ObjectId>> {
        match self {
            Self::Dir(dir) => dir.list_objects().await,
            Self::S3(s3) => s3.list_objects().await,
            Self::Memory(memory) => Ok(memory.list_objects()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PutError;
    use std::io;

    #[test]
    fn no_room_on_the_disk_and_no_room_in_the_quota_are_both_a_full_store() {
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded] {
            assert!(matches!(PutError::<()>::from(io::Error::from(kind)), PutError::Full));
        }
        let other = io::Error::from(io::ErrorKind::PermissionDenied);
        assert!(matches!(PutError::<()>::from(other), PutError::Io(_)));
    }
}
