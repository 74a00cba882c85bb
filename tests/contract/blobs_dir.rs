//! What only a folder can get wrong: files left behind, files damaged from outside, permissions.

use crate::blobs::{body, key_of, object, put, put_one, read, some_bytes};
use bytes::Bytes;
use filmjacket::blobs::{BATCH_LEN, Blobs, Dir, PartKey, ReadError, Upload};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use std::convert::Infallible;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::TempDir;

fn open(home: &TempDir) -> Blobs {
    Blobs::Dir(Dir::open(&home.path().join("blobs")).unwrap())
}

fn file_of(home: &TempDir, key: &PartKey) -> std::path::PathBuf {
    home.path().join("blobs").join(key.path())
}

fn unfinished_files(home: &TempDir) -> usize {
    fs::read_dir(home.path().join("blobs/tmp")).unwrap().count()
}

#[tokio::test]
async fn parts_are_there_after_a_restart_and_unfinished_ones_are_not() {
    let home = tempfile::tempdir().unwrap();
    let part = some_bytes(1000);
    let key = put_one(&open(&home), object(1), &part).await;
    fs::write(home.path().join("blobs/tmp/.tmpAbCdEf"), "left by a power cut").unwrap();
    let reopened = open(&home);
    assert_eq!(unfinished_files(&home), 0);
    assert_eq!(read(&reopened, &key, 0..1000).await, part);
}

#[tokio::test]
async fn no_way_out_of_an_upload_leaves_a_file() {
    let home = tempfile::tempdir().unwrap();
    let blobs = open(&home);
    let part = some_bytes(BATCH_LEN + 10);
    let (key, len) = (key_of(object(1), 0, &part), part.len() as u64);
    let broken = body(&part, BATCH_LEN).map(|piece| piece.map_err(|never| match never {})).take(1);
    let broken = broken.chain(stream::iter([Err("dead line")]));
    assert!(blobs.put_part(&Upload::default(), &key.announced(len), broken).await.is_err());
    assert!(blobs.put_part(&Upload::default(), &key.announced(len - 1), body(&part, 4096)).await.is_err());
    assert!(blobs.put_part(&Upload::default(), &key.announced(len + 1), body(&part, 4096)).await.is_err());
    assert!(
        blobs
            .put_part(&Upload::default(), &key_of(object(1), 0, b"else").announced(len), body(&part, 4096))
            .await
            .is_err()
    );
    assert_eq!(unfinished_files(&home), 0);
    assert_eq!(fs::read_dir(home.path().join("blobs/objects")).unwrap().count(), 0);
    put_one(&blobs, object(1), &part).await;
    assert_eq!(unfinished_files(&home), 0);
}

#[test]
fn an_upload_dropped_in_the_middle_leaves_no_file() {
    // One blocking thread runs its work in order, so work that is given to it last finds everything before it done.
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let home = tempfile::tempdir().unwrap();
        let blobs = open(&home);
        let part = some_bytes(2 * BATCH_LEN);
        let key = key_of(object(1), 0, &part);
        let stalled = body(&part, BATCH_LEN).take(1).chain(stream::pending::<Result<Bytes, Infallible>>());
        let none = Upload::default();
        let announced = key.announced(part.len() as u64);
        let mut upload = Box::pin(blobs.put_part(&none, &announced, stalled));
        let mut polls = 0;
        while polls < 10 {
            assert!((&mut upload).now_or_never().is_none());
            tokio::task::spawn_blocking(|| ()).await.unwrap();
            polls += 1;
        }
        assert_eq!(unfinished_files(&home), 1, "the upload must have begun for the test to mean anything");
        drop(upload);
        tokio::task::spawn_blocking(|| ()).await.unwrap();
        assert_eq!(unfinished_files(&home), 0);
    });
}

#[tokio::test]
async fn a_file_cut_short_is_never_read_as_if_whole() {
    let home = tempfile::tempdir().unwrap();
    let blobs = open(&home);
    let len = 3 * BATCH_LEN as u64;
    let key = put_one(&blobs, object(1), &some_bytes(3 * BATCH_LEN)).await;
    let cut = |len| fs::OpenOptions::new().write(true).open(file_of(&home, &key)).unwrap().set_len(len).unwrap();

    let mut begun = blobs.read_part(&key, 0..len).await.unwrap();
    assert!(begun.next().await.unwrap().is_ok());
    cut(len - 1);
    let rest: Vec<_> = begun.collect().await;
    assert!(rest.last().unwrap().is_err(), "a file cut during the download must end the stream with an error");

    assert!(matches!(blobs.read_part(&key, 0..len).await, Err(ReadError::Short { .. })));
    cut(0);
    assert!(matches!(blobs.read_part(&key, 0..1).await, Err(ReadError::Short { len: 0 })));
}

#[tokio::test]
async fn only_the_server_may_look_into_its_folders() {
    let home = tempfile::tempdir().unwrap();
    let key = put_one(&open(&home), object(1), &some_bytes(10)).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let file = file_of(&home, &key);
    assert_eq!(mode(&file), 0o600);
    for folder in file.ancestors().skip(1).take_while(|folder| *folder != home.path()) {
        assert_eq!(mode(folder), 0o700, "{}", folder.display());
    }
}

#[tokio::test]
async fn files_that_are_not_ours_are_neither_listed_nor_removed() {
    let home = tempfile::tempdir().unwrap();
    let blobs = open(&home);
    let foreign = home.path().join("blobs/objects/lo/lost+found");
    fs::create_dir_all(&foreign).unwrap();
    fs::write(home.path().join("blobs/objects/.DS_Store"), "left by a file manager").unwrap();
    assert_eq!(blobs.list_objects().await.unwrap(), []);
    assert!(foreign.exists());
}

#[tokio::test]
async fn racing_uploads_of_different_bytes_lie_side_by_side() {
    let home = tempfile::tempdir().unwrap();
    let blobs = open(&home);
    let (one, other) = (some_bytes(600_000), some_bytes(600_001).slice(1..));
    let upload = Upload::default();
    let (one_key, other_key) =
        tokio::join!(put(&blobs, &upload, object(1), 4, &one), put(&blobs, &upload, object(1), 4, &other));
    assert!(read(&blobs, &one_key, 0..600_000).await == one);
    assert!(read(&blobs, &other_key, 0..600_000).await == other);
    blobs.delete_part(&other_key).await.unwrap();
    assert!(matches!(blobs.read_part(&other_key, 0..1).await, Err(ReadError::Missing)));
    assert!(read(&blobs, &one_key, 0..600_000).await == one);
}
