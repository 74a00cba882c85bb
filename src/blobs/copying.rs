//! Bringing an object into another store, and mending one with the parts of another store. Each part is held against its
//! digest by the store that takes it, so nothing bad is ever passed on.

use super::{Blobs, CompleteError, ObjectParts, PartKey, PutError, ReadError, Upload};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use std::collections::BTreeSet;
use std::io;

/// Parts on their way at the same time: enough that a bucket's answers are not waited for one by one, while memory holds
/// a few batches of each.
pub(super) const AT_ONCE: usize = 4;

/// What came of copying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copied {
    /// It is there now.
    Now,
    /// It was there as a whole.
    Before,
}

/// Why an object is not copied or mended. What is there already of it makes the next try shorter.
#[derive(Debug, thiserror::Error)]
pub enum CopyFault {
    /// The store that should have it good does not give it.
    #[error("part {0} cannot be read: {1}")]
    Read(u32, ReadError),
    /// It was bad, or the other store does not take it.
    #[error("part {0} cannot be written: {1}")]
    Put(u32, PutError<io::Error>),
    /// The other store does not make an object of the parts.
    #[error(transparent)]
    Complete(#[from] CompleteError),
    /// A store failed, or whoever says whether to go on.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Told not to go on.
    #[error("it is not to be written any more")]
    Stopped,
}

impl Blobs {
    /// Brings an object from another store, as far as it is not here yet: part by part into a folder, as a whole into a
    /// bucket. `go_on` is asked before each part.
    ///
    /// # Errors
    /// [`CopyFault`].
    pub async fn copy_object_from(
        &self,
        from: &Self,
        object: &ObjectParts,
        go_on: impl AsyncFn() -> io::Result<bool>,
    ) -> Result<Copied, CopyFault> {
        let absent = match self.complete_object(&Upload::default(), object).await {
            Ok(()) => return Ok(Copied::Before),
            Err(CompleteError::Parts(numbers)) => numbers.into_iter().collect(),
            Err(CompleteError::Gone) => {
                // Unfinished uploads of an interrupted copy.
                self.delete_object(&object.object_id).await?;
                all_parts(object)
            }
            // Something else has its name.
            Err(CompleteError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => all_parts(object),
            Err(error) => return Err(error.into()),
        };
        self.mend_object(from, object, &absent, go_on).await?;
        Ok(Copied::Now)
    }

    /// Puts the parts with these numbers, read from another store, in the place of what is here. A store that does not keep
    /// parts apart gets the whole object anew, its good parts from itself, and has the old one until the new one is whole.
    ///
    /// # Errors
    /// [`CopyFault`].
    pub async fn mend_object(
        &self,
        from: &Self,
        object: &ObjectParts,
        bad: &BTreeSet<u32>,
        go_on: impl AsyncFn() -> io::Result<bool>,
    ) -> Result<(), CopyFault> {
        let upload = self.begin_object(&object.object_id).await?;
        let written = self.write_parts(&upload, from, object, bad, go_on).await;
        let outcome = match written {
            Ok(()) => self.replace_object(&upload, object).await.map_err(CopyFault::from),
            Err(fault) => Err(fault),
        };
        if outcome.is_err() {
            // What cannot be abandoned now goes with the object, or by the bucket's own rule.
            let _ = self.abandon_upload(&object.object_id, &upload).await;
        }
        outcome
    }

    async fn write_parts(
        &self,
        upload: &Upload,
        from: &Self,
        object: &ObjectParts,
        bad: &BTreeSet<u32>,
        go_on: impl AsyncFn() -> io::Result<bool>,
    ) -> Result<(), CopyFault> {
        let wanted = object.parts().filter(|(key, _)| !self.keeps_parts_apart() || bad.contains(&key.n));
        let go_on = &go_on;
        let writing = wanted.map(|(key, len)| async move {
            if !go_on().await? {
                return Err(CopyFault::Stopped);
            }
            let source = if bad.contains(&key.n) { from } else { self };
            self.write_part(upload, source, &key, len).await
        });
        stream::iter(writing).buffer_unordered(AT_ONCE).try_collect().await
    }

    async fn write_part(&self, upload: &Upload, source: &Self, key: &PartKey, len: u64) -> Result<(), CopyFault> {
        let body = source.read_part(key, 0..len).await.map_err(|error| CopyFault::Read(key.n, error))?;
        let put = self.put_part(upload, &key.announced(len), body).await;
        put.map(drop).map_err(|error| CopyFault::Put(key.n, error))
    }
}

fn all_parts(object: &ObjectParts) -> BTreeSet<u32> {
    object.parts().map(|(key, _)| key.n).collect()
}
