//! Takes a body of announced length apart into batches, counting as the bytes come in.

use super::{BATCH_LEN, PutError};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};

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
