//! Ranges of a complete object.

use super::S3;
use super::fault::{fault, status};
use crate::blobs::{AWAY, BATCH_LEN, PartKey, PartStream, ReadError};
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use protocol::layout::PART_LEN;
use std::io;
use std::ops::Range;
use std::time::Duration;

/// How long the store may be silent in the middle of an answer.
const SILENCE: Duration = Duration::from_secs(20);

impl S3 {
    pub(in crate::blobs) async fn read_part(&self, key: &PartKey, range: Range<u64>) -> Result<PartStream, ReadError> {
        if range.is_empty() {
            return Ok(stream::empty().boxed());
        }
        let begin = u64::from(key.n) * PART_LEN;
        let wanted = format!("bytes={}-{}", begin + range.start, begin + range.end - 1);
        let get = self.client.get_object().bucket(&self.bucket).key(self.key(&key.object_id)).range(wanted);
        let answer = match get.send().await {
            Ok(answer) => answer,
            Err(error) if status(&error) == Some(404) => return Err(ReadError::Missing),
            Err(error) if status(&error) == Some(416) => return Err(self.too_short(key).await?),
            Err(error) => return Err(fault("GetObject", &error).into()),
        };
        let total = answer.content_range.as_deref().and_then(|range| range.rsplit('/').next()?.parse::<u64>().ok());
        let total = total.ok_or_else(|| io::Error::other("GetObject: the answer is not the range asked for"))?;
        let part_len = len_in(total, key.n);
        if range.end > part_len {
            return Err(ReadError::Short { len: part_len });
        }
        let len = range.end - range.start;
        if answer.content_length.and_then(|len| u64::try_from(len).ok()) != Some(len) {
            return Err(io::Error::other("GetObject: the answer has another length than was asked for").into());
        }
        Ok(exactly(answer.body, len))
    }

    /// What to say of a part that begins after the object's end.
    async fn too_short(&self, key: &PartKey) -> io::Result<ReadError> {
        let head = self.client.head_object().bucket(&self.bucket).key(self.key(&key.object_id)).send().await;
        let head = head.map_err(|error| fault("HeadObject", &error))?;
        let total = head.content_length.and_then(|len| u64::try_from(len).ok()).unwrap_or_default();
        Ok(ReadError::Short { len: len_in(total, key.n) })
    }
}

/// Bytes of part `n` in an object of `total` bytes.
fn len_in(total: u64, n: u32) -> u64 {
    total.saturating_sub(u64::from(n) * PART_LEN).min(PART_LEN)
}

/// The body in pieces of at most [`BATCH_LEN`]; an error if it ends early, brings more, or falls silent.
fn exactly(body: ByteStream, left: u64) -> PartStream {
    stream::try_unfold((body, left, Bytes::new()), |(mut body, left, mut rest)| async move {
        while rest.is_empty() {
            let next = tokio::time::timeout(SILENCE, body.next()).await;
            rest = match next.map_err(|_| io::Error::new(AWAY, "the store fell silent in the middle of an answer"))? {
                Some(bytes) => bytes.map_err(|error| io::Error::new(AWAY, error))?,
                None if left == 0 => return Ok(None),
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            };
        }
        let piece = rest.split_to(rest.len().min(BATCH_LEN));
        let left = left.checked_sub(piece.len() as u64).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Some((piece, (body, left, rest))))
    })
    .boxed()
}
