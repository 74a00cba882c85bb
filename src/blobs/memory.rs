//! Parts in this process's memory: for tests, and gone with the process.

use super::intake::{Digests, next_batch};
use super::{Announced, BATCH_LEN, CompleteError, ObjectParts, PartKey, PartStream, PutError, ReadError};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream};
use protocol::ObjectId;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A store of limited room.
#[derive(Debug)]
pub struct Memory {
    parts: Mutex<BTreeMap<PartKey, Bytes>>,
    room: u64,
}

impl Default for Memory {
    fn default() -> Self {
        Self::with_room(u64::MAX)
    }
}

impl Memory {
    /// An empty store that is full once it holds `room` bytes.
    pub fn with_room(room: u64) -> Self {
        Self { parts: Mutex::default(), room }
    }

    pub(super) async fn put_part<E>(
        &self,
        part: &Announced,
        body: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<PartKey, PutError<E>> {
        let mut body = pin!(body.fuse());
        let (mut left, mut digests, mut bytes) = (part.len, Digests::of(part), BytesMut::new());
        while let Some(batch) = next_batch(&mut body, &mut left).await? {
            digests = digests.after(&batch);
            bytes.extend_from_slice(&batch);
        }
        let key = digests.finish().ok_or(PutError::Digest)?;
        let mut parts = self.parts();
        let used: u64 = parts.iter().filter(|(held, _)| **held != key).map(|(_, held)| held.len() as u64).sum();
        if used + part.len > self.room {
            return Err(PutError::Full);
        }
        parts.insert(key, bytes.freeze());
        Ok(key)
    }

    pub(super) fn complete_object(&self, object: &ObjectParts) -> Result<(), CompleteError> {
        let held = self.parts();
        let is_there = |key: &PartKey, len: u64| held.get(key).is_some_and(|part| part.len() as u64 == len);
        let missing: Vec<u32> =
            object.parts().filter(|(key, len)| !is_there(key, *len)).map(|(key, _)| key.n).collect();
        if missing.is_empty() { Ok(()) } else { Err(CompleteError::Parts(missing)) }
    }

    pub(super) fn read_part(&self, key: &PartKey, range: Range<u64>) -> Result<PartStream, ReadError> {
        let part = self.parts().get(key).cloned().ok_or(ReadError::Missing)?;
        let short = || ReadError::Short { len: part.len() as u64 };
        let start = usize::try_from(range.start).map_err(|_| short())?;
        let end = usize::try_from(range.end).map_err(|_| short())?;
        if end > part.len() {
            return Err(short());
        }
        let mut bytes = part.slice(start.min(end)..end);
        let pieces = std::iter::from_fn(move || {
            let piece = bytes.split_to(bytes.len().min(BATCH_LEN));
            (!piece.is_empty()).then_some(Ok(piece))
        });
        Ok(stream::iter(pieces).boxed())
    }

    pub(super) fn delete_part(&self, key: &PartKey) {
        self.parts().remove(key);
    }

    pub(super) fn delete_object(&self, object_id: &ObjectId) {
        self.parts().retain(|key, _| key.object_id != *object_id);
    }

    pub(super) fn list_objects(&self) -> Vec<ObjectId> {
        let distinct: BTreeSet<ObjectId> = self.parts().keys().map(|key| key.object_id).collect();
        distinct.into_iter().collect()
    }

    /// A thread that panicked while holding the lock left a whole map behind: every change is a single call.
    fn parts(&self) -> MutexGuard<'_, BTreeMap<PartKey, Bytes>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
