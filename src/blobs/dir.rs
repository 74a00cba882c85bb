//! Parts as files in a folder of this machine: the embedded default.
//!
//! ```text
//! <root>/objects/ab/<object id>/<n>-<digest>    parts, whole and durable
//! <root>/tmp/…                                  parts on their way in; emptied at start
//! ```
//! Both must be on one file system, because a part gets its name by renaming. Everything that touches the disk runs on
//! tokio's blocking threads (see `intake`).

use super::intake::{joined, take_in};
use super::key::{ObjectParts, object_path};
use super::{Announced, BATCH_LEN, CompleteError, PartKey, PartStream, PutError, ReadError};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use protocol::ObjectId;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::spawn_blocking;

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
    /// Whether the folder is there: a disk that was not mounted again is the usual reason why not.
    pub(super) async fn ping(&self) -> io::Result<()> {
        tokio::fs::metadata(self.root.join("objects")).await.map(drop)
    }

    /// The folder as somebody else has it open, or will: nothing is made or removed.
    pub fn beside(root: &Path) -> Self {
        Self { root: root.to_owned(), new_folder: Arc::default() }
    }

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
        Ok(Self::beside(root))
    }

    pub(super) async fn put_part<E>(
        &self,
        part: &Announced,
        body: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<PartKey, PutError<E>> {
        let (key, file) = take_in(&self.root.join("tmp"), part, body).await?;
        let (path, new_folder) = (self.root.join(key.path()), Arc::clone(&self.new_folder));
        joined(spawn_blocking(move || {
            let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
            {
                let _making = new_folder.lock().unwrap_or_else(PoisonError::into_inner);
                make_folder_durably(folder)?;
            }
            // Bytes first, then the name: a part is whole or absent, whenever the power goes. Of the file's own data
            // only times may be lost.
            file.as_file().sync_data()?;
            file.persist(&path)?;
            sync_folder(folder)
        }))
        .await?;
        Ok(key)
    }

    /// Nothing is put together here, the parts lie side by side; but whoever is told that an object is complete may
    /// rely on it.
    pub(super) async fn complete_object(&self, object: &ObjectParts) -> Result<(), CompleteError> {
        let parts: Vec<(PathBuf, u64)> = object.parts().map(|(key, len)| (self.root.join(key.path()), len)).collect();
        let missing = joined(spawn_blocking(move || {
            let mut missing = Vec::new();
            for (n, (path, len)) in (0..).zip(&parts) {
                match fs::metadata(path) {
                    Ok(metadata) if metadata.len() == *len => {}
                    Ok(_) => missing.push(n),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push(n),
                    Err(error) => return Err(error),
                }
            }
            Ok(missing)
        }))
        .await?;
        if missing.is_empty() { Ok(()) } else { Err(CompleteError::Parts(missing)) }
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
        // On a disk that is not mounted nothing is there, and nothing is gone.
        self.ping().await?;
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
