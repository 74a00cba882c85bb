//! The contract of [`Blobs`], on every store.

use bytes::Bytes;
use filmjacket::blobs::{BATCH_LEN, Blobs, Dir, Memory, PartKey, PutError, ReadError};
use futures_util::{FutureExt as _, Stream, StreamExt as _, TryStreamExt as _, stream};
use protocol::{ObjectId, Sha256Digest};
use sha2::{Digest as _, Sha256};
use std::convert::Infallible;
use std::ops::Range;

/// Runs each test on each store.
macro_rules! on_every_store {
    ($($test:ident)+) => {
        mod dir {
            $(#[tokio::test]
            async fn $test() {
                let home = tempfile::tempdir().unwrap();
                super::$test(super::Blobs::Dir(super::Dir::open(home.path()).unwrap())).await;
            })+
        }
        mod memory {
            $(#[tokio::test]
            async fn $test() {
                super::$test(super::Blobs::Memory(super::Memory::default())).await;
            })+
        }
    };
}

on_every_store! {
    a_part_reads_back_whole_and_by_range
    however_the_body_is_cut_the_part_is_the_same
    an_empty_part_is_a_part
    the_same_part_again_is_harmless
    racing_uploads_of_different_bytes_leave_both
    a_body_too_long_is_refused_at_its_first_byte_too_many
    a_body_too_short_is_refused
    changed_bytes_are_refused
    a_body_that_breaks_off_stores_nothing
    a_dropped_upload_stores_nothing
    a_refused_upload_leaves_the_stored_part_alone
    a_part_that_is_not_there_is_missing
    a_range_beyond_the_part_is_an_error
    deleting_a_part_takes_only_that_part
    deleting_an_object_takes_all_its_parts_and_no_other
    deleting_what_is_not_there_succeeds
    every_object_is_listed_once
}

/// `len` bytes that repeat at no power of two.
pub(crate) fn some_bytes(len: usize) -> Bytes {
    (0..len).map(|i| (i % 251) as u8).collect()
}

pub(crate) fn object(byte: u8) -> ObjectId {
    ObjectId::from_bytes([byte; 16])
}

pub(crate) fn key_of(object_id: ObjectId, n: u32, part: &[u8]) -> PartKey {
    PartKey { object_id, n, sha256: Sha256Digest::from_bytes(Sha256::digest(part).into()) }
}

/// A body that arrives in pieces of `piece_len`.
pub(crate) fn body(part: &Bytes, piece_len: usize) -> impl Stream<Item = Result<Bytes, Infallible>> + use<> {
    let part = part.clone();
    let starts = (0..part.len()).step_by(piece_len);
    stream::iter(starts.map(move |start| Ok(part.slice(start..(start + piece_len).min(part.len())))))
}

/// Stores `part` as it usually arrives.
pub(crate) async fn put(blobs: &Blobs, object_id: ObjectId, n: u32, part: &Bytes) -> PartKey {
    let key = key_of(object_id, n, part);
    blobs.put_part(&key, part.len() as u64, body(part, 32 * 1024)).await.unwrap();
    key
}

pub(crate) async fn read(blobs: &Blobs, key: &PartKey, range: Range<u64>) -> Vec<u8> {
    blobs.read_part(key, range).await.unwrap().try_collect::<Vec<_>>().await.unwrap().concat()
}

async fn is_missing(blobs: &Blobs, key: &PartKey) -> bool {
    matches!(blobs.read_part(key, 0..1).await, Err(ReadError::Missing))
}

async fn a_part_reads_back_whole_and_by_range(blobs: Blobs) {
    let part = some_bytes(3 * BATCH_LEN + 1000);
    let key = put(&blobs, object(1), 0, &part).await;
    let len = part.len();
    for (start, end) in
        [(0, len), (0, 1), (len - 1, len), (0, 0), (len, len), (BATCH_LEN - 1, BATCH_LEN + 1), (5, 2 * BATCH_LEN + 7)]
    {
        assert!(read(&blobs, &key, start as u64..end as u64).await == part[start..end], "{start}..{end}");
    }
    let pieces: Vec<Bytes> = blobs.read_part(&key, 0..len as u64).await.unwrap().try_collect().await.unwrap();
    assert!(pieces.iter().all(|piece| piece.len() <= BATCH_LEN), "a reader's memory use must not grow with the part");
}

async fn however_the_body_is_cut_the_part_is_the_same(blobs: Blobs) {
    let part = some_bytes(2 * BATCH_LEN + 17);
    for (n, piece_len) in (0..).zip([7, 4096, BATCH_LEN - 1, BATCH_LEN, BATCH_LEN + 1, part.len()]) {
        let key = key_of(object(1), n, &part);
        blobs.put_part(&key, part.len() as u64, body(&part, piece_len)).await.unwrap();
        assert!(read(&blobs, &key, 0..part.len() as u64).await == part, "pieces of {piece_len}");
    }
}

async fn an_empty_part_is_a_part(blobs: Blobs) {
    let key = put(&blobs, object(1), 0, &Bytes::new()).await;
    assert!(read(&blobs, &key, 0..0).await.is_empty());
}

async fn the_same_part_again_is_harmless(blobs: Blobs) {
    let part = some_bytes(70_000);
    put(&blobs, object(1), 0, &part).await;
    let key = put(&blobs, object(1), 0, &part).await;
    assert_eq!(read(&blobs, &key, 0..part.len() as u64).await, part);
}

async fn racing_uploads_of_different_bytes_leave_both(blobs: Blobs) {
    let (one, other) = (some_bytes(600_000), some_bytes(600_001).slice(1..));
    let (one_key, other_key) = tokio::join!(put(&blobs, object(1), 4, &one), put(&blobs, object(1), 4, &other));
    assert_ne!(one_key, other_key);
    assert!(read(&blobs, &one_key, 0..600_000).await == one);
    assert!(read(&blobs, &other_key, 0..600_000).await == other);
}

async fn a_body_too_long_is_refused_at_its_first_byte_too_many(blobs: Blobs) {
    let part = some_bytes(100);
    let key = key_of(object(1), 0, &part);
    let endless = stream::iter(0..).map(|i| {
        assert!(i < 3, "the body was read on after its announced length");
        Ok::<_, Infallible>(part.slice(..50))
    });
    assert!(matches!(blobs.put_part(&key, 100, endless).await, Err(PutError::Length)));
    assert!(is_missing(&blobs, &key).await);
}

async fn a_body_too_short_is_refused(blobs: Blobs) {
    let part = some_bytes(100);
    let key = key_of(object(1), 0, &part);
    assert!(matches!(blobs.put_part(&key, 101, body(&part, 10)).await, Err(PutError::Length)));
    assert!(is_missing(&blobs, &key).await);
}

async fn changed_bytes_are_refused(blobs: Blobs) {
    let part = some_bytes(BATCH_LEN * 2);
    let key = key_of(object(1), 0, &part);
    let mut changed = part.to_vec();
    changed[BATCH_LEN] ^= 1;
    let refused = blobs.put_part(&key, part.len() as u64, body(&changed.into(), 32 * 1024)).await;
    assert!(matches!(refused, Err(PutError::Digest)));
    assert!(is_missing(&blobs, &key).await);
    assert_eq!(blobs.list_objects().await.unwrap(), []);
}

async fn a_body_that_breaks_off_stores_nothing(blobs: Blobs) {
    let part = some_bytes(BATCH_LEN * 2);
    let key = key_of(object(1), 0, &part);
    let broken = stream::iter([Ok(part.slice(..BATCH_LEN + 5)), Err("the line went dead")]);
    let error = blobs.put_part(&key, part.len() as u64, broken).await.unwrap_err();
    assert!(matches!(error, PutError::Body("the line went dead")));
    assert!(is_missing(&blobs, &key).await);
}

async fn a_dropped_upload_stores_nothing(blobs: Blobs) {
    let part = some_bytes(BATCH_LEN * 2);
    let key = key_of(object(1), 0, &part);
    let stalled = body(&part, BATCH_LEN).take(1).chain(stream::pending());
    assert!(blobs.put_part(&key, part.len() as u64, stalled).now_or_never().is_none());
    assert!(is_missing(&blobs, &key).await);
    assert_eq!(blobs.list_objects().await.unwrap(), []);
}

async fn a_refused_upload_leaves_the_stored_part_alone(blobs: Blobs) {
    let part = some_bytes(5000);
    let key = put(&blobs, object(1), 0, &part).await;
    assert!(blobs.put_part(&key, 5000, body(&some_bytes(4999), 1000)).await.is_err());
    assert!(blobs.put_part(&key, 5000, body(&some_bytes(5001).slice(1..), 1000)).await.is_err());
    assert_eq!(read(&blobs, &key, 0..5000).await, part);
}

async fn a_part_that_is_not_there_is_missing(blobs: Blobs) {
    let part = some_bytes(10);
    put(&blobs, object(1), 0, &part).await;
    assert!(is_missing(&blobs, &key_of(object(2), 0, &part)).await);
    assert!(is_missing(&blobs, &key_of(object(1), 1, &part)).await);
    assert!(is_missing(&blobs, &key_of(object(1), 0, b"other bytes")).await);
}

async fn a_range_beyond_the_part_is_an_error(blobs: Blobs) {
    let key = put(&blobs, object(1), 0, &some_bytes(100)).await;
    for range in [0..101, 100..101, 5000..5001] {
        assert!(matches!(blobs.read_part(&key, range).await, Err(ReadError::Short { len: 100 })));
    }
}

async fn deleting_a_part_takes_only_that_part(blobs: Blobs) {
    let part = some_bytes(10);
    let (gone, stays) = (put(&blobs, object(1), 0, &part).await, put(&blobs, object(1), 1, &part).await);
    blobs.delete_part(&gone).await.unwrap();
    assert!(is_missing(&blobs, &gone).await);
    assert_eq!(read(&blobs, &stays, 0..10).await, part);
}

async fn deleting_an_object_takes_all_its_parts_and_no_other(blobs: Blobs) {
    let part = some_bytes(10);
    let gone = [put(&blobs, object(1), 0, &part).await, put(&blobs, object(1), 1, &part).await];
    let stays = put(&blobs, object(2), 0, &part).await;
    blobs.delete_object(&object(1)).await.unwrap();
    for key in gone {
        assert!(is_missing(&blobs, &key).await);
    }
    assert_eq!(read(&blobs, &stays, 0..10).await, part);
    assert_eq!(blobs.list_objects().await.unwrap(), [object(2)]);
}

async fn deleting_what_is_not_there_succeeds(blobs: Blobs) {
    let key = put(&blobs, object(1), 0, &some_bytes(10)).await;
    for _ in 0..2 {
        blobs.delete_part(&key).await.unwrap();
        blobs.delete_object(&object(1)).await.unwrap();
    }
    assert_eq!(blobs.list_objects().await.unwrap(), []);
}

async fn every_object_is_listed_once(blobs: Blobs) {
    assert_eq!(blobs.list_objects().await.unwrap(), []);
    for (object_id, n) in [(object(1), 0), (object(1), 1), (object(2), 0)] {
        put(&blobs, object_id, n, &some_bytes(10)).await;
    }
    let mut listed = blobs.list_objects().await.unwrap();
    listed.sort();
    assert_eq!(listed, [object(1), object(2)]);
}

#[tokio::test]
async fn a_full_store_refuses_bytes_but_still_reads_and_deletes() {
    let blobs = Blobs::Memory(Memory::with_room(1000));
    let (part, more) = (some_bytes(800), some_bytes(201));
    let key = put(&blobs, object(1), 0, &part).await;
    let refused = blobs.put_part(&key_of(object(1), 1, &more), 201, body(&more, 100)).await;
    assert!(matches!(refused, Err(PutError::Full)));
    assert_eq!(read(&blobs, &key, 0..800).await, part);
    blobs.delete_part(&key).await.unwrap();
    put(&blobs, object(1), 1, &more).await;
}
