//! Takes a body of announced length and digest in: batch by batch, counted as the bytes come, into a file.
//!
//! Everything that touches the disk or digests bytes runs on tokio's blocking threads: the server's workers have one
//! thread each, and a slow disk must not hold up the requests that share it.

use super::{BATCH_LEN, PutError};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use protocol::Sha256Digest;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::pin::pin;
use tempfile::NamedTempFile;
use tokio::task::{JoinHandle, spawn_blocking};

/// Brings a body of exactly `len` bytes with this digest into a new file of `folder`, not yet synced. Dropped at any
/// moment, the file goes with it; so a request that is cut off leaves nothing, wherever it was.
///
/// # Errors
/// [`PutError`].
pub(super) async fn take_in<E>(
    folder: &Path,
    sha256: &Sha256Digest,
    len: u64,
    body: impl Stream<Item = Result<Bytes, E>>,
) -> Result<NamedTempFile, PutError<E>> {
    let mut body = pin!(body.fuse());
    let mut left = len;
    let folder = folder.to_owned();
    let mut writing = spawn_blocking(move || PartWriter::create(&folder));
    // One batch is written while the next one is collected; memory holds these two.
    loop {
        let batch = next_batch(&mut body, &mut left).await;
        let writer = joined(writing).await?;
        let Some(batch) = batch? else { break writer.finish(sha256).ok_or(PutError::Digest) };
        writing = spawn_blocking(move || writer.append(&batch));
    }
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

/// A part on its way in.
struct PartWriter {
    file: NamedTempFile,
    sha256: Sha256,
}

impl PartWriter {
    fn create(folder: &Path) -> io::Result<Self> {
        Ok(Self { file: NamedTempFile::new_in(folder)?, sha256: Sha256::new() })
    }

    fn append(mut self, batch: &[u8]) -> io::Result<Self> {
        self.sha256.update(batch);
        self.file.write_all(batch)?;
        check_room(self.file.as_file())?;
        Ok(self)
    }

    /// The file, if it has the digest that was announced.
    fn finish(self, announced: &Sha256Digest) -> Option<NamedTempFile> {
        let digest = Sha256Digest::from_bytes(self.sha256.finalize().into());
        (digest == *announced).then_some(self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::PartWriter;
    use crate::blobs::PutError;
    use std::fs::OpenOptions;
    use tempfile::{NamedTempFile, TempPath};

    #[test]
    fn a_full_disk_is_reported_as_such() {
        // Linux' full disk: every write fails with ENOSPC.
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let name: TempPath = NamedTempFile::new().unwrap().into_temp_path();
        let writer = PartWriter { file: NamedTempFile::from_parts(full, name), sha256: Default::default() };
        let error = writer.append(b"one byte is too much").err().unwrap();
        assert!(matches!(PutError::<()>::from(error), PutError::Full));
    }
}
