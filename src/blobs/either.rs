//! Reading where two stores have the same bytes.

use super::{Blobs, PartKey, PartStream, ReadError};
use futures_util::{StreamExt as _, stream};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long the first store may take to begin its answer. A store that is away is asked three times with long waits; a
/// recipient need not wait for that.
const PATIENCE: Duration = Duration::from_secs(5);

/// The bytes of a part in `range` from the first store; what that does not give, from the second one, also in the middle of a
/// part. Other bytes of the right length are not noticed here: the recipient's client refuses them, and
/// [`Blobs::check_object`] finds them.
///
/// # Errors
/// [`ReadError`], the first store's, before the first byte; a failure of both later ends the stream with an error.
pub async fn read_either(
    first: &Blobs,
    second: Option<&Arc<Blobs>>,
    key: &PartKey,
    range: Range<u64>,
) -> Result<PartStream, ReadError> {
    let Some(second) = second else { return first.read_part(key, range).await };
    let failed = match timeout(PATIENCE, first.read_part(key, range.clone())).await {
        Ok(Ok(bytes)) => return Ok(with_rest_from(second, bytes, *key, range)),
        Ok(Err(error)) => Some(error),
        Err(_) => None,
    };
    match (second.read_part(key, range.clone()).await, failed) {
        (Ok(bytes), failed) => {
            let error = failed.map_or_else(|| "no answer in time".to_owned(), |error| error.to_string());
            tell(key, &error);
            Ok(bytes)
        }
        (Err(_), Some(error)) => Err(error),
        (Err(_), None) => first.read_part(key, range).await,
    }
}

/// The bytes as they come, and after an error the rest from the second store.
fn with_rest_from(second: &Arc<Blobs>, bytes: PartStream, key: PartKey, range: Range<u64>) -> PartStream {
    let begun = (bytes, Some(Arc::clone(second)), range);
    stream::try_unfold(begun, move |(mut bytes, mut second, mut left)| async move {
        loop {
            let error = match bytes.next().await {
                None => return Ok(None),
                Some(Ok(piece)) => {
                    left.start += piece.len() as u64;
                    return Ok(Some((piece, (bytes, second, left))));
                }
                Some(Err(error)) => error,
            };
            let Some(copy) = second.take() else { return Err(error) };
            let Ok(rest) = copy.read_part(&key, left.clone()).await else { return Err(error) };
            tell(&key, &error.to_string());
            bytes = rest;
        }
    })
    .boxed()
}

/// For whoever runs the server: the first store wants looking after.
fn tell(key: &PartKey, error: &str) {
    tracing::warn!(object = %key.object_id, part = key.n, error, "a part is served from its second copy");
}
