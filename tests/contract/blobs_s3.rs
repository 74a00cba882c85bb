//! What only a bucket can get wrong: uploads that end behind our back, keys of others, a service that is away, the spool.

use crate::blobs::{body, key_of, object, object_of, put, put_one, read, some_bytes};
use crate::garage;
use filmjacket::blobs::{AWAY, BATCH_LEN, Blobs, CompleteError, PutError, ReadError, S3, S3Settings};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use protocol::layout::PART_LEN;
use std::path::Path;
use std::time::Duration;

fn open(spool: &Path, change: impl FnOnce(&mut S3Settings)) -> Blobs {
    let mut settings = garage::settings(garage::endpoint(), &garage::own_prefix(), spool);
    change(&mut settings);
    Blobs::S3(S3::open(&settings).unwrap())
}

#[tokio::test]
async fn an_upload_that_somebody_aborted_is_gone_and_can_be_begun_again() {
    let spool = tempfile::tempdir().unwrap();
    let blobs = garage::blobs(spool.path());
    let part = some_bytes(1000);
    let (id, key, whole) = (object(1), key_of(object(1), 0, &part), object_of(object(1), std::slice::from_ref(&part)));
    let upload = blobs.begin_object(&id).await.unwrap();
    put(&blobs, &upload, id, 0, &part).await;
    blobs.abandon_upload(&id, &upload).await.unwrap();
    assert!(matches!(blobs.put_part(&upload, &key.announced(1000), body(&part, 100)).await, Err(PutError::Gone)));
    assert!(matches!(blobs.complete_object(&upload, &whole).await, Err(CompleteError::Gone)));
    put_one(&blobs, id, &part).await;
    assert_eq!(read(&blobs, &key, 0..1000).await, part);
    // The old upload is still gone, but the object that its row describes is there.
    blobs.complete_object(&upload, &whole).await.unwrap();
}

#[tokio::test]
async fn nothing_is_stored_into_a_complete_object() {
    let spool = tempfile::tempdir().unwrap();
    let blobs = garage::blobs(spool.path());
    let (part, other) = (some_bytes(1000), some_bytes(1001).slice(1..));
    let upload = blobs.begin_object(&object(1)).await.unwrap();
    let key = put(&blobs, &upload, object(1), 0, &part).await;
    blobs.complete_object(&upload, &object_of(object(1), std::slice::from_ref(&part))).await.unwrap();
    let late = blobs.put_part(&upload, &key_of(object(1), 0, &other).announced(1000), body(&other, 100)).await;
    assert!(matches!(late, Err(PutError::Gone)));
    let other_whole = object_of(object(1), &[other]);
    assert!(matches!(blobs.complete_object(&upload, &other_whole).await, Err(CompleteError::Io(_))));
    assert_eq!(read(&blobs, &key, 0..1000).await, part);
}

#[tokio::test]
async fn what_others_keep_in_the_bucket_is_neither_listed_nor_removed() {
    let spool = tempfile::tempdir().unwrap();
    let prefix = garage::own_prefix();
    let ours = open(spool.path(), |settings| settings.prefix.clone_from(&prefix));
    let theirs = open(&spool.path().join("theirs"), |settings| settings.prefix = format!("{prefix}objects/"));
    let key = put_one(&theirs, object(1), &some_bytes(10)).await;
    let unfinished = theirs.begin_object(&object(2)).await.unwrap();
    assert_eq!(ours.list_objects().await.unwrap(), []);
    ours.delete_object(&object(1)).await.unwrap();
    ours.delete_object(&object(2)).await.unwrap();
    assert_eq!(read(&theirs, &key, 0..10).await, some_bytes(10));
    put(&theirs, &unfinished, object(2), 0, &some_bytes(10)).await;
}

#[tokio::test]
async fn a_service_that_is_not_there_is_away_and_nothing_worse() {
    let spool = tempfile::tempdir().unwrap();
    let nowhere = format!("http://127.0.0.1:{}", garage::free_port());
    let blobs = open(spool.path(), |settings| {
        settings.endpoint = Some(nowhere);
        settings.deadline = Duration::from_secs(1);
    });
    let part = some_bytes(10);
    let (key, upload) = (key_of(object(1), 0, &part), "upload".to_owned().into());
    let whole = object_of(object(1), std::slice::from_ref(&part));
    let gone = object(1);
    let announced = key.announced(10);
    let (put, read, complete, delete) = tokio::join!(
        blobs.put_part(&upload, &announced, body(&part, 10)),
        blobs.read_part(&key, 0..10),
        blobs.complete_object(&upload, &whole),
        blobs.delete_object(&gone),
    );
    assert!(matches!(put, Err(PutError::Io(error)) if error.kind() == AWAY));
    assert!(matches!(read, Err(ReadError::Io(error)) if error.kind() == AWAY));
    assert!(matches!(complete, Err(CompleteError::Io(error)) if error.kind() == AWAY));
    assert_eq!(delete.unwrap_err().kind(), AWAY);
}

#[tokio::test]
async fn a_wrong_key_is_no_outage_that_would_pass() {
    let spool = tempfile::tempdir().unwrap();
    let blobs = open(spool.path(), |settings| settings.secret_access_key = "f".repeat(64).into());
    let error = blobs.begin_object(&object(1)).await.unwrap_err();
    assert_ne!(error.kind(), AWAY);
    assert!(!error.to_string().contains("ffffffff"), "{error}");
}

#[tokio::test]
async fn the_spool_is_empty_after_each_part_and_at_each_start() {
    let spool = tempfile::tempdir().unwrap();
    let files = || std::fs::read_dir(spool.path()).unwrap().count();
    std::fs::write(spool.path().join(".tmpAbCdEf"), "left by a power cut").unwrap();
    let blobs = garage::blobs(spool.path());
    assert_eq!(files(), 0);
    let part = some_bytes(BATCH_LEN + 10);
    let (key, len) = (key_of(object(1), 0, &part), part.len() as u64);
    let upload = blobs.begin_object(&object(1)).await.unwrap();
    put(&blobs, &upload, object(1), 0, &part).await;
    let broken = body(&part, BATCH_LEN).map(|piece| piece.map_err(|never| match never {})).take(1);
    assert!(
        blobs.put_part(&upload, &key.announced(len), broken.chain(stream::iter([Err("dead line")]))).await.is_err()
    );
    assert!(blobs.put_part(&upload, &key.announced(len - 1), body(&part, 4096)).await.is_err());
    let stalled = body(&part, BATCH_LEN).take(1).chain(stream::pending());
    assert!(Box::pin(blobs.put_part(&upload, &key.announced(len), stalled)).now_or_never().is_none());
    // What was dropped while a blocking thread worked for it goes when that is done.
    while files() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn of_three_machines_one_may_be_killed_in_the_middle_of_an_upload() {
    let mut cluster = tokio::task::spawn_blocking(garage::Cluster::start).await.unwrap();
    let spool = tempfile::tempdir().unwrap();
    let at = |node: usize, cluster: &garage::Cluster| {
        let folder = spool.path().join(node.to_string());
        Blobs::S3(S3::open(&garage::settings(&cluster.endpoint(node), "", &folder)).unwrap())
    };
    let blobs = at(0, &cluster);
    let (full, last) = (some_bytes(PART_LEN as usize), some_bytes(5000));
    let upload = blobs.begin_object(&object(1)).await.unwrap();
    let first_key = put(&blobs, &upload, object(1), 0, &full).await;
    cluster.kill(2);
    let second_key = put(&blobs, &upload, object(1), 1, &full).await;
    let last_key = put(&blobs, &upload, object(1), 2, &last).await;
    blobs.complete_object(&upload, &object_of(object(1), &[full.clone(), full.clone(), last.clone()])).await.unwrap();
    // Another machine has it, too.
    let other = at(1, &cluster);
    assert!(read(&other, &first_key, 0..PART_LEN).await == full);
    assert!(read(&other, &second_key, 0..PART_LEN).await == full);
    assert_eq!(read(&other, &last_key, 0..5000).await, last);
    blobs.delete_object(&object(1)).await.unwrap();
    assert_eq!(other.list_objects().await.unwrap(), []);
}
