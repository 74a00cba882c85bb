//! Takes a body of announced length and digest in: batch by batch, counted as the bytes come, into a file or into nothing.
//!
//! Everything that touches the disk or digests bytes runs on tokio's blocking threads: the server's workers have one
//! thread each, and a slow disk must not hold up the requests that share it.

use super::{Announced, BATCH_LEN, PartKey, PutError};
use bytes::{Bytes, BytesMut};
use crc_fast::CrcAlgorithm;
use futures_util::{Stream, StreamExt as _};
use protocol::{ContentDigest, Sha256Digest};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::pin::pin;
use tempfile::NamedTempFile;
use tokio::task::{JoinHandle, spawn_blocking};

/// Brings the body of a part as announced into a new file of `folder`, not yet synced. Dropped at any
/// moment, the file goes with it; so a request that is cut off leaves nothing, wherever it was.
///
/// # Errors
/// [`PutError`].
pub(super) async fn take_in<E>(
    folder: &Path,
    part: &Announced,
    body: impl Stream<Item = Result<Bytes, E>>,
) -> Result<(PartKey, NamedTempFile), PutError<E>> {
    let mut body = pin!(body.fuse());
    let mut left = part.len;
    let folder = folder.to_owned();
    let digests = Digests::of(part);
    let mut writing = spawn_blocking(move || PartWriter::create(&folder, digests));
    // One batch is written while the next one is collected; memory holds these two.
    loop {
        let batch = next_batch(&mut body, &mut left).await;
        let writer = joined(writing).await?;
        let Some(batch) = batch? else { break writer.finish().ok_or(PutError::Digest) };
        writing = spawn_blocking(move || writer.append(&batch));
    }
}

/// The name of a part, if this is its body as announced. Nothing of it is kept, and nothing is written anywhere.
///
/// # Errors
/// [`PutError::Digest`], [`PutError::Length`], [`PutError::Body`].
pub async fn identify_part<E>(
    part: &Announced,
    body: impl Stream<Item = Result<Bytes, E>>,
) -> Result<PartKey, PutError<E>> {
    let mut body = pin!(body.fuse());
    let (mut left, mut digests) = (part.len, Digests::of(part));
    while let Some(batch) = next_batch(&mut body, &mut left).await? {
        digests = joined(spawn_blocking(move || Ok(digests.after(&batch)))).await?;
    }
    digests.finish().ok_or(PutError::Digest)
}

/// What blocking work answered. It is lost only if it panicked or the process is going down.
pub(super) async fn joined<T>(work: JoinHandle<io::Result<T>>) -> io::Result<T> {
    work.await.map_err(io::Error::other)?
}

/// The next batch of a body of which `left` bytes are still to come: about [`BATCH_LEN`] bytes, fewer at the end,
/// `None` after it. The body must be fused.
///
/// # Errors
/// [`PutError::Length`] as soon as a byte too many arrives, or when the body ends early; [`PutError::Body`].
pub(super) async fn next_batch<E>(
    body: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin),
    left: &mut u64,
) -> Result<Option<Bytes>, PutError<E>> {
    let mut batch = BytesMut::with_capacity(usize::try_from(*left).unwrap_or(BATCH_LEN).min(BATCH_LEN));
    while batch.len() < BATCH_LEN {
        let Some(piece) = body.next().await else { break };
        let piece = piece.map_err(PutError::Body)?;
        *left = left.checked_sub(piece.len() as u64).ok_or(PutError::Length)?;
        batch.extend_from_slice(&piece);
    }
    match (batch.is_empty(), *left) {
        (false, _) => Ok(Some(batch.freeze())),
        (true, 0) => Ok(None),
        (true, _) => Err(PutError::Length),
    }
}

/// Bytes of the disk that parts leave free: rows usually lie on the same one, and opening, ending and purging write rows.
/// What came too close to the end goes again, so that a disk full of parts never stops what makes room on it.
const RESERVE: u64 = 32 << 20;

/// # Errors
/// `StorageFull` if less than [`RESERVE`] is left on the disk that the file is on.
fn check_room(file: &File) -> io::Result<()> {
    let disk = rustix::fs::fstatvfs(file)?;
    let left = disk.f_bavail.saturating_mul(disk.f_frsize);
    if left < RESERVE { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
}

/// The digests of a part on its way in: the one that names it, and the one that it was announced with.
pub(super) struct Digests {
    part: Announced,
    sha256: Sha256,
    /// None where the SHA-256 was announced.
    crc32c: Option<crc_fast::Digest>,
}

impl Digests {
    pub(super) fn of(part: &Announced) -> Self {
        let crc32c = match part.digest {
            ContentDigest::Sha256(_) => None,
            ContentDigest::Crc32c(_) => Some(crc_fast::Digest::new(CrcAlgorithm::Crc32Iscsi)),
        };
        Self { part: *part, sha256: Sha256::new(), crc32c }
    }

    pub(super) fn after(mut self, batch: &[u8]) -> Self {
        self.sha256.update(batch);
        if let Some(crc32c) = &mut self.crc32c {
            crc32c.update(batch);
        }
        self
    }

    /// The name of the part, if its bytes are what was announced.
    pub(super) fn finish(self) -> Option<PartKey> {
        let Announced { object_id, n, digest, .. } = self.part;
        let sha256 = Sha256Digest::from_bytes(self.sha256.finalize().into());
        let as_announced = match digest {
            ContentDigest::Sha256(announced) => sha256 == announced,
            ContentDigest::Crc32c(announced) => {
                self.crc32c.is_some_and(|crc32c| crc32c.finalize() == u64::from(u32::from_be_bytes(announced)))
            }
        };
        as_announced.then_some(PartKey { object_id, n, sha256 })
    }
}

/// A part on its way in.
struct PartWriter {
    file: NamedTempFile,
    digests: Digests,
}

impl PartWriter {
    fn create(folder: &Path, digests: Digests) -> io::Result<Self> {
        Ok(Self { file: NamedTempFile::new_in(folder)?, digests })
    }

    fn append(mut self, batch: &[u8]) -> io::Result<Self> {
        self.digests = self.digests.after(batch);
        self.file.write_all(batch)?;
        check_room(self.file.as_file())?;
        Ok(self)
    }

    /// The part's name and file, if its bytes are what was announced.
    fn finish(self) -> Option<(PartKey, NamedTempFile)> {
        Some((self.digests.finish()?, self.file))
    }
}

#[cfg(test)]
mod tests {
    use super::{Digests, PartWriter, identify_part};
    use crate::blobs::{Announced, BATCH_LEN, PutError};
    use bytes::Bytes;
    use crc_fast::CrcAlgorithm;
    use futures_util::{Stream, stream};
    use protocol::{ContentDigest, ObjectId};
    use sha2::{Digest as _, Sha256};
    use std::fs::OpenOptions;
    use tempfile::{NamedTempFile, TempPath};

    fn announced(bytes: &[u8]) -> Announced {
        let crc32c = crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, bytes) as u32;
        let digest = ContentDigest::Crc32c(crc32c.to_be_bytes());
        Announced { object_id: ObjectId::from_bytes([0; 16]), n: 3, len: bytes.len() as u64, digest }
    }

    fn body(bytes: &'static [u8]) -> impl Stream<Item = Result<Bytes, ()>> {
        stream::iter(bytes.chunks(32 * 1024).map(|piece| Ok(Bytes::from_static(piece))))
    }

    #[actix_web::test]
    async fn a_body_is_identified_only_if_it_is_as_announced() {
        // Three batches, the last of them short.
        static NOISE: [u8; BATCH_LEN * 2 + 5] = {
            let mut noise = [0; BATCH_LEN * 2 + 5];
            noise[BATCH_LEN + 1] = 1;
            noise[BATCH_LEN * 2 + 1] = 2;
            noise
        };
        let (bytes, longer) = (&NOISE[..BATCH_LEN * 2 + 3], &NOISE[..BATCH_LEN * 2 + 4]);
        let part = announced(bytes);
        let key = identify_part(&part, body(bytes)).await.unwrap();
        assert_eq!((key.n, key.sha256.as_bytes()), (3, &Sha256::digest(bytes).into()));
        assert!(matches!(identify_part(&part, body(&longer[1..])).await, Err(PutError::Digest)));
        assert!(matches!(identify_part(&part, body(&bytes[1..])).await, Err(PutError::Length)));
        assert!(matches!(identify_part(&part, body(longer)).await, Err(PutError::Length)));
    }

    #[test]
    fn a_full_disk_is_reported_as_such() {
        // Linux' full disk: every write fails with ENOSPC.
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let name: TempPath = NamedTempFile::new().unwrap().into_temp_path();
        let digests = Digests::of(&announced(b"one byte is too much"));
        let writer = PartWriter { file: NamedTempFile::from_parts(full, name), digests };
        let error = writer.append(b"one byte is too much").err().unwrap();
        assert!(matches!(PutError::<()>::from(error), PutError::Full));
    }
}
