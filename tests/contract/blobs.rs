//! The contract of [`Blobs`], on every store.

use bytes::Bytes;
use filmjacket::blobs::{
    Announced, BATCH_LEN, Blobs, CompleteError, Dir, Memory, ObjectParts, PartKey, PutError, ReadError, Upload,
};
use futures_util::{FutureExt as _, Stream, StreamExt as _, TryStreamExt as _, stream};
use protocol::layout::PART_LEN;
use protocol::{ContentDigest, ObjectId, Sha256Digest};
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
        mod s3 {
            $(#[tokio::test]
            async fn $test() {
                let spool = tempfile::tempdir().unwrap();
                super::$test(crate::garage::blobs(spool.path())).await;
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
    an_object_of_several_parts_reads_back_part_by_part
    however_the_body_is_cut_the_part_is_the_same
    the_same_part_again_is_harmless
    of_racing_uploads_of_different_bytes_only_what_is_named_is_ever_read
    an_object_is_complete_only_with_all_its_parts
    a_part_with_another_digest_than_named_completes_nothing
    completing_again_is_harmless
    a_body_too_long_is_refused_at_its_first_byte_too_many
    a_body_too_short_is_refused
    changed_bytes_are_refused
    what_came_with_its_crc_is_named_by_its_sha_256
    a_body_that_breaks_off_stores_nothing
    a_dropped_upload_stores_nothing
    a_refused_upload_leaves_the_stored_part_alone
    an_object_that_is_not_there_is_missing
    a_range_beyond_the_part_is_an_error
    deleting_an_object_takes_all_its_parts_and_no_other
    deleting_an_object_takes_what_is_not_complete
    deleting_what_is_not_there_succeeds
    every_object_is_listed_once_finished_or_not
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

/// What rows say of an object with these parts.
pub(crate) fn object_of(object_id: ObjectId, parts: &[Bytes]) -> ObjectParts {
    let digests = parts.iter().map(|part| key_of(object_id, 0, part).sha256).collect();
    ObjectParts { object_id, object_len: parts.iter().map(|part| part.len() as u64).sum(), digests }
}

/// A body that arrives in pieces of `piece_len`.
pub(crate) fn body(part: &Bytes, piece_len: usize) -> impl Stream<Item = Result<Bytes, Infallible>> + use<> {
    let part = part.clone();
    let starts = (0..part.len()).step_by(piece_len);
    stream::iter(starts.map(move |start| Ok(part.slice(start..(start + piece_len).min(part.len())))))
}

/// Stores `part` as it usually arrives.
pub(crate) async fn put(blobs: &Blobs, upload: &Upload, object_id: ObjectId, n: u32, part: &Bytes) -> PartKey {
    let key = key_of(object_id, n, part);
    blobs.put_part(upload, &key.announced(part.len() as u64), body(part, 32 * 1024)).await.unwrap();
    key
}

/// Stores a complete object.
pub(crate) async fn put_object(blobs: &Blobs, object_id: ObjectId, parts: &[Bytes]) -> Vec<PartKey> {
    let upload = blobs.begin_object(&object_id).await.unwrap();
    let mut keys = Vec::new();
    for (n, part) in (0..).zip(parts) {
        keys.push(put(blobs, &upload, object_id, n, part).await);
    }
    blobs.complete_object(&upload, &object_of(object_id, parts)).await.unwrap();
    keys
}

/// Stores a complete object of one part.
pub(crate) async fn put_one(blobs: &Blobs, object_id: ObjectId, part: &Bytes) -> PartKey {
    put_object(blobs, object_id, std::slice::from_ref(part)).await.remove(0)
}

pub(crate) async fn read(blobs: &Blobs, key: &PartKey, range: Range<u64>) -> Vec<u8> {
    blobs.read_part(key, range).await.unwrap().try_collect::<Vec<_>>().await.unwrap().concat()
}

async fn is_missing(blobs: &Blobs, key: &PartKey) -> bool {
    matches!(blobs.read_part(key, 0..1).await, Err(ReadError::Missing))
}

/// Whether an object of this one part can be made of what is there.
async fn completes(blobs: &Blobs, upload: &Upload, object_id: ObjectId, part: &Bytes) -> bool {
    match blobs.complete_object(upload, &object_of(object_id, std::slice::from_ref(part))).await {
        Ok(()) => true,
        Err(CompleteError::Parts(numbers)) => {
            assert_eq!(numbers, [0]);
            false
        }
        Err(error) => panic!("{error}"),
    }
}

async fn a_part_reads_back_whole_and_by_range(blobs: Blobs) {
    let part = some_bytes(3 * BATCH_LEN + 1000);
    let key = put_one(&blobs, object(1), &part).await;
    let len = part.len();
    for (start, end) in
        [(0, len), (0, 1), (len - 1, len), (0, 0), (len, len), (BATCH_LEN - 1, BATCH_LEN + 1), (5, 2 * BATCH_LEN + 7)]
    {
        assert!(read(&blobs, &key, start as u64..end as u64).await == part[start..end], "{start}..{end}");
    }
    let pieces: Vec<Bytes> = blobs.read_part(&key, 0..len as u64).await.unwrap().try_collect().await.unwrap();
    assert!(pieces.iter().all(|piece| piece.len() <= BATCH_LEN), "a reader's memory use must not grow with the part");
}

async fn an_object_of_several_parts_reads_back_part_by_part(blobs: Blobs) {
    let (full, last) = (some_bytes(PART_LEN as usize), some_bytes(1000).slice(1..));
    let object_id = object(1);
    let upload = blobs.begin_object(&object_id).await.unwrap();
    // Parts come in any order.
    let last_key = put(&blobs, &upload, object_id, 1, &last).await;
    let full_key = put(&blobs, &upload, object_id, 0, &full).await;
    blobs.complete_object(&upload, &object_of(object_id, &[full.clone(), last.clone()])).await.unwrap();
    assert!(read(&blobs, &full_key, 0..PART_LEN).await == full);
    assert_eq!(read(&blobs, &full_key, PART_LEN - 2..PART_LEN).await, full[full.len() - 2..]);
    assert_eq!(read(&blobs, &last_key, 0..999).await, last);
    assert_eq!(read(&blobs, &last_key, 7..8).await, last[7..8]);
    assert!(matches!(blobs.read_part(&last_key, 998..1000).await, Err(ReadError::Short { len: 999 })));
}

async fn however_the_body_is_cut_the_part_is_the_same(blobs: Blobs) {
    let part = some_bytes(2 * BATCH_LEN + 17);
    for (id, piece_len) in (0..).zip([7, 4096, BATCH_LEN - 1, BATCH_LEN, BATCH_LEN + 1, part.len()]) {
        let (object_id, key) = (object(id), key_of(object(id), 0, &part));
        let upload = blobs.begin_object(&object_id).await.unwrap();
        blobs.put_part(&upload, &key.announced(part.len() as u64), body(&part, piece_len)).await.unwrap();
        assert!(completes(&blobs, &upload, object_id, &part).await);
        assert!(read(&blobs, &key, 0..part.len() as u64).await == part, "pieces of {piece_len}");
    }
}

async fn the_same_part_again_is_harmless(blobs: Blobs) {
    let part = some_bytes(70_000);
    let upload = blobs.begin_object(&object(1)).await.unwrap();
    put(&blobs, &upload, object(1), 0, &part).await;
    let key = put(&blobs, &upload, object(1), 0, &part).await;
    assert!(completes(&blobs, &upload, object(1), &part).await);
    assert_eq!(read(&blobs, &key, 0..part.len() as u64).await, part);
}

async fn of_racing_uploads_of_different_bytes_only_what_is_named_is_ever_read(blobs: Blobs) {
    let (one, other) = (some_bytes(600_000), some_bytes(600_001).slice(1..));
    let upload = blobs.begin_object(&object(1)).await.unwrap();
    let (one_key, other_key) =
        tokio::join!(put(&blobs, &upload, object(1), 0, &one), put(&blobs, &upload, object(1), 0, &other));
    assert_ne!(one_key, other_key);
    // A row names the one. If the other has taken its place, it must be sent again.
    if !completes(&blobs, &upload, object(1), &one).await {
        put(&blobs, &upload, object(1), 0, &one).await;
        assert!(completes(&blobs, &upload, object(1), &one).await);
    }
    assert!(read(&blobs, &one_key, 0..600_000).await == one);
}

async fn an_object_is_complete_only_with_all_its_parts(blobs: Blobs) {
    let (full, last) = (some_bytes(PART_LEN as usize), some_bytes(10));
    let upload = blobs.begin_object(&object(1)).await.unwrap();
    let whole = object_of(object(1), &[full.clone(), last.clone()]);
    let missing = |numbers: &[u32]| {
        let numbers = numbers.to_vec();
        move |error: CompleteError| assert!(matches!(error, CompleteError::Parts(told) if told == numbers))
    };
    missing(&[0, 1])(blobs.complete_object(&upload, &whole).await.unwrap_err());
    put(&blobs, &upload, object(1), 1, &last).await;
    missing(&[0])(blobs.complete_object(&upload, &whole).await.unwrap_err());
    put(&blobs, &upload, object(1), 0, &full).await;
    blobs.complete_object(&upload, &whole).await.unwrap();
}

async fn a_part_with_another_digest_than_named_completes_nothing(blobs: Blobs) {
    let upload = blobs.begin_object(&object(1)).await.unwrap();
    put(&blobs, &upload, object(1), 0, &some_bytes(100)).await;
    assert!(!completes(&blobs, &upload, object(1), &some_bytes(101).slice(1..)).await);
    assert!(!completes(&blobs, &upload, object(1), &some_bytes(99)).await);
    assert!(completes(&blobs, &upload, object(1), &some_bytes(100)).await);
}

async fn completing_again_is_harmless(blobs: Blobs) {
    let part = some_bytes(100);
    let upload = blobs.begin_object(&object(1)).await.unwrap();
    let key = put(&blobs, &upload, object(1), 0, &part).await;
    for _ in 0..3 {
        assert!(completes(&blobs, &upload, object(1), &part).await);
    }
    assert_eq!(read(&blobs, &key, 0..100).await, part);
}

async fn a_body_too_long_is_refused_at_its_first_byte_too_many(blobs: Blobs) {
    let part = some_bytes(100);
    let upload = blobs.begin_object(&object(1)).await.unwrap();
    let endless = stream::iter(0..).map(|i| {
        assert!(i < 3, "the body was read on after its announced length");
        Ok::<_, Infallible>(part.slice(..50))
    });
    let put = blobs.put_part(&upload, &key_of(object(1), 0, &part).announced(100), endless).await;
    assert!(matches!(put, Err(PutError::Length)));
    assert!(!completes(&blobs, &upload, object(1), &part).await);
}

async fn a_body_too_short_is_refused(blobs: Blobs) {
    let part = some_bytes(100);
    let upload = blobs.begin_object(&object(1)).await.unwrap();
    let put = blobs.put_part(&upload, &key_of(object(1), 0, &part).announced(101), body(&part, 10)).await;
    assert!(matches!(put, Err(PutError::Length)));
    assert!(!completes(&blobs, &upload, object(1), &part).await);
}

async fn changed_bytes_are_refused(blobs: Blobs) {
    let part = some_bytes(BATCH_LEN * 2);
    let upload = blobs.begin_object(&object(1)).await.unwrap();
    let mut changed = part.to_vec();
    changed[BATCH_LEN] ^= 1;
    let key = key_of(object(1), 0, &part);
    let refused = blobs.put_part(&upload, &key.announced(part.len() as u64), body(&changed.into(), 32 * 1024)).await;
    assert!(matches!(refused, Err(PutError::Digest)));
    assert!(!completes(&blobs, &upload, object(1), &part).await);
}

/// A part with the CRC-32C of some bytes.
fn announced_by_crc(part: &Bytes, of: &[u8]) -> Announced {
    let crc32c = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, of) as u32;
    let digest = ContentDigest::Crc32c(crc32c.to_be_bytes());
    Announced { digest, ..key_of(object(1), 0, part).announced(part.len() as u64) }
}

async fn what_came_with_its_crc_is_named_by_its_sha_256(blobs: Blobs) {
    let part = some_bytes(BATCH_LEN * 2 + 3);
    let upload = blobs.begin_object(&object(1)).await.unwrap();
    let wrong = announced_by_crc(&part, &part[1..]);
    let refused = blobs.put_part(&upload, &wrong, body(&part, 32 * 1024)).await;
    assert!(matches!(refused, Err(PutError::Digest)));
    assert!(!completes(&blobs, &upload, object(1), &part).await);
    let key = blobs.put_part(&upload, &announced_by_crc(&part, &part), body(&part, 32 * 1024)).await.unwrap();
    assert_eq!(key, key_of(object(1), 0, &part));
    assert!(completes(&blobs, &upload, object(1), &part).await);
    assert_eq!(read(&blobs, &key, 0..part.len() as u64).await, part);
}

async fn a_body_that_breaks_off_stores_nothing(blobs: Blobs) {
    let part = some_bytes(BATCH_LEN * 2);
    let upload = blobs.begin_object(&object(1)).await.unwrap();
    let broken = stream::iter([Ok(part.slice(..BATCH_LEN + 5)), Err("the line went dead")]);
    let key = key_of(object(1), 0, &part);
    let error = blobs.put_part(&upload, &key.announced(part.len() as u64), broken).await.unwrap_err();
    assert!(matches!(error, PutError::Body("the line went dead")));
    assert!(!completes(&blobs, &upload, object(1), &part).await);
}

async fn a_dropped_upload_stores_nothing(blobs: Blobs) {
    let part = some_bytes(BATCH_LEN * 2);
    let upload = blobs.begin_object(&object(1)).await.unwrap();
    let stalled = body(&part, BATCH_LEN).take(1).chain(stream::pending());
    let key = key_of(object(1), 0, &part);
    assert!(blobs.put_part(&upload, &key.announced(part.len() as u64), stalled).now_or_never().is_none());
    assert!(!completes(&blobs, &upload, object(1), &part).await);
}

async fn a_refused_upload_leaves_the_stored_part_alone(blobs: Blobs) {
    let part = some_bytes(5000);
    let upload = blobs.begin_object(&object(1)).await.unwrap();
    let key = put(&blobs, &upload, object(1), 0, &part).await;
    assert!(blobs.put_part(&upload, &key.announced(5000), body(&some_bytes(4999), 1000)).await.is_err());
    assert!(blobs.put_part(&upload, &key.announced(5000), body(&some_bytes(5001).slice(1..), 1000)).await.is_err());
    assert!(completes(&blobs, &upload, object(1), &part).await);
    assert_eq!(read(&blobs, &key, 0..5000).await, part);
}

async fn an_object_that_is_not_there_is_missing(blobs: Blobs) {
    let part = some_bytes(10);
    put_one(&blobs, object(1), &part).await;
    assert!(is_missing(&blobs, &key_of(object(2), 0, &part)).await);
}

async fn a_range_beyond_the_part_is_an_error(blobs: Blobs) {
    let key = put_one(&blobs, object(1), &some_bytes(100)).await;
    for range in [0..101, 100..101, 5000..5001] {
        assert!(matches!(blobs.read_part(&key, range).await, Err(ReadError::Short { len: 100 })));
    }
}

async fn deleting_an_object_takes_all_its_parts_and_no_other(blobs: Blobs) {
    let (full, last) = (some_bytes(PART_LEN as usize), some_bytes(10));
    let gone = put_object(&blobs, object(1), &[full, last.clone()]).await;
    let stays = put_one(&blobs, object(2), &last).await;
    blobs.delete_object(&object(1)).await.unwrap();
    for key in gone {
        assert!(is_missing(&blobs, &key).await);
    }
    assert_eq!(read(&blobs, &stays, 0..10).await, last);
    assert_eq!(blobs.list_objects().await.unwrap(), [object(2)]);
}

async fn deleting_an_object_takes_what_is_not_complete(blobs: Blobs) {
    let part = some_bytes(10);
    let upload = blobs.begin_object(&object(1)).await.unwrap();
    put(&blobs, &upload, object(1), 0, &part).await;
    // Somebody else's beginning of the same object, which a crash kept from being abandoned.
    blobs.begin_object(&object(1)).await.unwrap();
    blobs.delete_object(&object(1)).await.unwrap();
    assert_eq!(blobs.list_objects().await.unwrap(), []);
    let whole = object_of(object(1), &[part]);
    assert!(blobs.complete_object(&upload, &whole).await.is_err(), "a deleted object must not come back");
}

async fn deleting_what_is_not_there_succeeds(blobs: Blobs) {
    let part = some_bytes(10);
    let upload = blobs.begin_object(&object(1)).await.unwrap();
    let key = put(&blobs, &upload, object(1), 0, &part).await;
    for _ in 0..2 {
        blobs.delete_part(&key).await.unwrap();
        blobs.abandon_upload(&object(1), &upload).await.unwrap();
        blobs.delete_object(&object(1)).await.unwrap();
    }
    assert_eq!(blobs.list_objects().await.unwrap(), []);
}

async fn every_object_is_listed_once_finished_or_not(blobs: Blobs) {
    assert_eq!(blobs.list_objects().await.unwrap(), []);
    let part = some_bytes(10);
    put_one(&blobs, object(1), &part).await;
    for upload in [blobs.begin_object(&object(2)).await.unwrap(), blobs.begin_object(&object(2)).await.unwrap()] {
        put(&blobs, &upload, object(2), 0, &part).await;
    }
    let mut listed = blobs.list_objects().await.unwrap();
    listed.sort();
    assert_eq!(listed, [object(1), object(2)]);
}

#[tokio::test]
async fn a_full_store_refuses_bytes_but_still_reads_and_deletes() {
    let blobs = Blobs::Memory(Memory::with_room(1000));
    let (part, more) = (some_bytes(800), some_bytes(201));
    let key = put_one(&blobs, object(1), &part).await;
    let upload = Upload::default();
    let refused = blobs.put_part(&upload, &key_of(object(1), 1, &more).announced(201), body(&more, 100)).await;
    assert!(matches!(refused, Err(PutError::Full)));
    assert_eq!(read(&blobs, &key, 0..800).await, part);
    blobs.delete_part(&key).await.unwrap();
    put(&blobs, &upload, object(1), 1, &more).await;
}
