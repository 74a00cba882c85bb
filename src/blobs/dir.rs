//! Parts as files in a folder of this machine: the embedded default.
//!
//! ```text
//! <root>/objects/ab/<object id>/<n>-<digest>    parts, whole and durable
//! <root>/tmp/…                                  parts on their way in; emptied at start
//! ```
//! Both must be on one file system, because a part gets its name by renaming. Everything that touches the disk or
//! digests bytes runs on tokio's blocking threads: the server's workers have one thread each, and a slow disk must
//! not hold up the requests that share it.

use super::intake::next_batch;
use super::key::object_path;
use super::{BATCH_LEN, PartKey, PartStream, PutError, ReadError};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use protocol::{ObjectId, Sha256Digest};
use sha2::{Digest as _, Sha256};
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use tempfile::NamedTempFile;
use tokio::task::{JoinHandle, spawn_blocking};

/// Only the account that the server runs under may look into the folders. Files are 0600 (tempfile's default).
const FOLDER_MODE: u32 = 0o700;

/// A folder that holds parts. One server process at a time may use it.
#[derive(Debug)]
pub struct Dir {
    root: PathBuf,
    /// Held while an object's folder is made, so that whoever finds the folder finds it durable.
    new_folder: Arc<Mutex<()>>,
}

impl Dir {
    /// Opens the folder, making it if it is not there, and removes what an interrupted upload left behind.
    /// Blocks; meant for the start of the server.
    ///
    /// # Errors
    /// When the folder cannot be made, read or written.
    pub fn open(root: &Path) -> io::Result<Self> {
        let tmp = root.join("tmp");
        for folder in [&root.join("objects"), &tmp] {
            make_folder_durably(folder)?;
        }
        for stale in fs::read_dir(&tmp)? {
            fs::remove_file(stale?.path())?;
        }
        Ok(Self { root: root.to_owned(), new_folder: Arc::default() })
    }

    pub(super) async fn put_part<E>(
        &self,
        key: &PartKey,
        len: u64,
        body: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<(), PutError<E>> {
        let mut body = pin!(body.fuse());
        let mut left = len;
        let tmp = self.root.join("tmp");
        let mut writing = spawn_blocking(move || PartWriter::create(&tmp));
        // One batch is written while the next one is collected; memory holds these two.
        loop {
            let batch = next_batch(&mut body, &mut left).await;
            let writer = joined(writing).await?;
            let Some(batch) = batch? else { break self.keep(writer, key).await };
            writing = spawn_blocking(move || writer.append(&batch));
        }
    }

    /// Gives a completely written part its name, if it is the part that the key promises.
    async fn keep<E>(&self, writer: PartWriter, key: &PartKey) -> Result<(), PutError<E>> {
        if writer.digest() != key.sha256 {
            return Err(PutError::Digest);
        }
        let (path, new_folder) = (self.root.join(key.path()), Arc::clone(&self.new_folder));
        joined(spawn_blocking(move || {
            let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
            {
                let _making = new_folder.lock().unwrap_or_else(PoisonError::into_inner);
                make_folder_durably(folder)?;
            }
            writer.persist(&path)?;
            sync_folder(folder)
        }))
        .await?;
        Ok(())
    }

    pub(super) async fn read_part(&self, key: &PartKey, range: Range<u64>) -> Result<PartStream, ReadError> {
        let path = self.root.join(key.path());
        let opened = joined(spawn_blocking(move || {
            let mut file = File::open(path)?;
            let len = file.metadata()?.len();
            file.seek(SeekFrom::Start(range.start))?;
            Ok((file, len))
        }));
        let (file, len) = opened.await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ReadError::Missing,
            _ => ReadError::Io(error),
        })?;
        if range.end > len {
            return Err(ReadError::Short { len });
        }
        Ok(read_to_end_of_range(file, range.end.saturating_sub(range.start)))
    }

    pub(super) async fn delete_part(&self, key: &PartKey) -> io::Result<()> {
        let path = self.root.join(key.path());
        joined(spawn_blocking(move || absent_is_fine(fs::remove_file(path)))).await
    }

    pub(super) async fn delete_object(&self, object_id: &ObjectId) -> io::Result<()> {
        let folder = self.root.join(object_path(object_id));
        joined(spawn_blocking(move || {
            absent_is_fine(fs::remove_dir_all(&folder))?;
            // What was purged must not come back after a power cut.
            folder.parent().map_or(Ok(()), |shard| absent_is_fine(sync_folder(shard)))
        }))
        .await
    }

    pub(super) async fn list_objects(&self) -> io::Result<Vec<ObjectId>> {
        let objects = self.root.join("objects");
        joined(spawn_blocking(move || {
            let mut found = Vec::new();
            // Anything else in here was not put by us and is not ours to judge.
            for shard in fs::read_dir(objects)? {
                let shard = shard?;
                if !shard.file_type()?.is_dir() {
                    continue;
                }
                for object in fs::read_dir(shard.path())? {
                    found.extend(object?.file_name().to_str().and_then(|name| ObjectId::parse(name).ok()));
                }
            }
            Ok(found)
        }))
        .await
    }
}

/// A part on its way in. Dropped at any moment before it has its name, it takes its file with it; so a request that
/// is cut off leaves nothing, wherever it was.
struct PartWriter {
    file: NamedTempFile,
    sha256: Sha256,
}

impl PartWriter {
    fn create(tmp: &Path) -> io::Result<Self> {
        Ok(Self { file: NamedTempFile::new_in(tmp)?, sha256: Sha256::new() })
    }

    fn append(mut self, batch: &[u8]) -> io::Result<Self> {
        self.sha256.update(batch);
        self.file.write_all(batch)?;
        Ok(self)
    }

    fn digest(&self) -> Sha256Digest {
        Sha256Digest::from_bytes(self.sha256.clone().finalize().into())
    }

    /// Bytes first, then the name: a part is whole or absent, whenever the power goes. Of the file's own data only times
    /// may be lost.
    fn persist(self, path: &Path) -> io::Result<()> {
        self.file.as_file().sync_data()?;
        self.file.persist(path)?;
        Ok(())
    }
}

/// The next `left` bytes of a file as a stream. A piece that was sent on gives its memory to the next one.
fn read_to_end_of_range(file: File, left: u64) -> PartStream {
    stream::try_unfold((file, left, Bytes::new()), |(mut file, left, spent)| async move {
        let len = usize::try_from(left).unwrap_or(BATCH_LEN).min(BATCH_LEN);
        if len == 0 {
            return Ok(None);
        }
        joined(spawn_blocking(move || {
            let mut piece = spent.try_into_mut().unwrap_or_default();
            piece.resize(len, 0);
            // Fails, rather than ends, if the file was cut meanwhile.
            file.read_exact(&mut piece)?;
            let piece = piece.freeze();
            Ok(Some((piece.clone(), (file, left - len as u64, piece))))
        }))
        .await
    })
    .boxed()
}

/// What blocking work answered. It is lost only if it panicked or the process is going down.
async fn joined<T>(work: JoinHandle<io::Result<T>>) -> io::Result<T> {
    work.await.map_err(io::Error::other)?
}

/// Makes a folder, and those above it, that survive a power cut. A folder is only as durable as its name in the one
/// above; telling the disk costs milliseconds, so it is told for new folders only.
fn make_folder_durably(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_folder_durably(above)?;
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path)?;
    sync_folder(above)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    result.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
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
