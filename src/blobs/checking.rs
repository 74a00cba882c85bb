//! Reading a stored object again, every byte of it.

use super::copying::AT_ONCE;
use super::intake::joined;
use super::{AWAY, Blobs, CompleteError, ObjectParts, PartKey, PartStream, ReadError, Upload};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use protocol::Sha256Digest;
use sha2::{Digest as _, Sha256};
use std::io;
use tokio::task::spawn_blocking;

/// How often a part is read whose store went away in the middle of it.
const TRIES: u32 = 3;

/// What Linux says when a disk cannot read a sector.
const EIO: i32 = 5;

/// What is there of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Every byte.
    Good,
    /// Other bytes, fewer, more, or none that the disk can read.
    Damaged,
    /// Nothing.
    Missing,
}

impl Blobs {
    /// Reads every part of a complete object and holds it against its digest; one answer a part, in order.
    ///
    /// # Errors
    /// The store is away, or does not let us read: then nothing can be said of the object.
    pub async fn check_object(&self, object: &ObjectParts) -> io::Result<Vec<Health>> {
        let checks = object.parts().map(|(key, len)| async move { self.check_part(&key, len).await });
        let mut found: Vec<Health> = stream::iter(checks).buffered(AT_ONCE).try_collect().await?;
        if found.contains(&Health::Missing) {
            return Ok(found);
        }
        // What is longer than it should be has all its bytes.
        match self.complete_object(&Upload::default(), object).await {
            Ok(()) => {}
            Err(CompleteError::Parts(numbers)) => {
                for n in numbers {
                    if let Some(health) = found.get_mut(n as usize) {
                        *health = Health::Damaged;
                    }
                }
            }
            Err(CompleteError::Gone) => found.fill(Health::Missing),
            Err(CompleteError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
                // Of a part that is bad we knew before; if there is none, it is the object as such.
                if !found.contains(&Health::Damaged) {
                    found.fill(Health::Damaged);
                }
            }
            Err(CompleteError::Io(error)) => return Err(error),
        }
        Ok(found)
    }

    async fn check_part(&self, key: &PartKey, len: u64) -> io::Result<Health> {
        let mut tries = 1;
        loop {
            let digest = match self.read_part(key, 0..len).await {
                Ok(stream) => digest(stream).await,
                Err(ReadError::Missing) => return Ok(Health::Missing),
                Err(ReadError::Short { .. }) => return Ok(Health::Damaged),
                Err(ReadError::Io(error)) => Err(error),
            };
            match digest {
                Ok(digest) if digest == key.sha256 => return Ok(Health::Good),
                Ok(_) => return Ok(Health::Damaged),
                Err(error) if is_damage(&error) => return Ok(Health::Damaged),
                Err(error) if error.kind() == AWAY && tries < TRIES => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

/// Whether an error tells of bytes that are lost, and not of a store that is away or of a right that we do not have.
fn is_damage(error: &io::Error) -> bool {
    error.raw_os_error() == Some(EIO)
        || matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData)
}

async fn digest(mut bytes: PartStream) -> io::Result<Sha256Digest> {
    let mut sha256 = Sha256::new();
    while let Some(piece) = bytes.try_next().await? {
        sha256 = joined(spawn_blocking(move || {
            sha256.update(&piece);
            Ok(sha256)
        }))
        .await?;
    }
    Ok(Sha256Digest::from_bytes(sha256.finalize().into()))
}
