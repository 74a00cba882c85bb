//! Two stores of the same bytes: one is brought into the other, read in its place, checked, and mended from it.

use crate::blobs::{key_of, object, object_of, put_object, read, some_bytes};
use crate::faulty_line::{Fault, FaultyLine, Plan};
use crate::garage;
use bytes::Bytes;
use filmjacket::blobs::{Blobs, Copied, CopyFault, Dir, Health, Memory, ObjectParts, PartKey, S3, read_either};
use futures_util::TryStreamExt as _;
use protocol::layout::PART_LEN;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A whole part and a short one.
fn parts() -> [Bytes; 2] {
    [some_bytes(PART_LEN as usize), some_bytes(4321)]
}

fn whole() -> ObjectParts {
    object_of(object(1), &parts())
}

/// A folder, a bucket and a memory, each of its own.
fn stores(home: &tempfile::TempDir, name: &str) -> [Blobs; 3] {
    [
        Blobs::Dir(Dir::open(&home.path().join(name)).unwrap()),
        garage::blobs(&home.path().join(format!("spool-{name}"))),
        Blobs::Memory(Memory::default()),
    ]
}

/// Puts other bytes in the place of these parts, so that the store does not notice: for a store that keeps parts apart they
/// have the wrong name, which is the same as lost.
async fn put_others(blobs: &Blobs, bad: &[u32]) {
    let mut bytes = parts();
    for n in bad {
        bytes[*n as usize] = bytes[*n as usize].iter().map(|byte| byte ^ 1).collect();
    }
    blobs.delete_object(&object(1)).await.unwrap();
    put_object(blobs, object(1), &bytes).await;
}

async fn is_whole(blobs: &Blobs) -> bool {
    blobs.check_object(&whole()).await.unwrap() == [Health::Good; 2]
}

#[tokio::test]
async fn an_object_comes_from_any_store_into_any_other_once() {
    let home = tempfile::tempdir().unwrap();
    for from in &stores(&home, "from") {
        put_object(from, object(1), &parts()).await;
        for to in &stores(&home, "to") {
            assert_eq!(to.check_object(&whole()).await.unwrap(), [Health::Missing; 2]);
            assert_eq!(to.copy_object_from(from, &whole(), async || Ok(true)).await.unwrap(), Copied::Now);
            assert_eq!(to.copy_object_from(from, &whole(), async || Ok(true)).await.unwrap(), Copied::Before);
            assert!(is_whole(to).await, "{from:?} → {to:?}");
            to.delete_object(&object(1)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn copying_that_was_stopped_leaves_nothing_complete_and_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let from = Blobs::Memory(Memory::default());
    put_object(&from, object(1), &parts()).await;
    for to in &stores(&home, "to") {
        let asked = Cell::new(0);
        let once = async || Ok(asked.replace(asked.get() + 1) == 0);
        let stopped = to.copy_object_from(&from, &whole(), once).await;
        assert!(matches!(stopped, Err(CopyFault::Stopped)), "{stopped:?}");
        assert!(!is_whole(to).await);
        assert_eq!(to.copy_object_from(&from, &whole(), async || Ok(true)).await.unwrap(), Copied::Now);
        assert!(is_whole(to).await);
    }
}

#[tokio::test]
async fn every_kind_of_damage_is_found() {
    let home = tempfile::tempdir().unwrap();
    let [dir, s3, memory] = stores(&home, "one");
    for store in [&s3, &memory] {
        put_others(store, &[1]).await;
        let found = store.check_object(&whole()).await.unwrap();
        assert!(found[0] == Health::Good && found[1] != Health::Good, "{found:?}");
    }
    put_object(&s3, object(2), &[some_bytes(100)]).await;
    let longer = object_of(object(2), &[some_bytes(101)]);
    assert_eq!(s3.check_object(&longer).await.unwrap(), [Health::Damaged]);
    let keys = put_object(&dir, object(1), &parts()).await;
    let file = home.path().join("one").join(keys[1].path());
    let good = std::fs::read(&file).unwrap();
    let mut flipped = good.clone();
    flipped[4000] ^= 0x10;
    let longer = [&good[..], b"x"].concat();
    for (bytes, health) in [
        (&flipped[..], Health::Damaged),
        (&good[..4320], Health::Damaged),
        (&longer, Health::Damaged),
        (b"", Health::Damaged),
        (&good, Health::Good),
    ] {
        std::fs::write(&file, bytes).unwrap();
        assert_eq!(dir.check_object(&whole()).await.unwrap(), [Health::Good, health], "{} bytes", bytes.len());
    }
    std::fs::remove_file(&file).unwrap();
    assert_eq!(dir.check_object(&whole()).await.unwrap(), [Health::Good, Health::Missing]);
}

#[tokio::test]
async fn a_store_that_cannot_be_asked_is_not_called_damaged() {
    let home = tempfile::tempdir().unwrap();
    let line = FaultyLine::to(garage::endpoint());
    let settings = garage::settings(&line.endpoint, &garage::own_prefix(), &home.path().join("spool"));
    let s3 = Blobs::S3(S3::open(&settings).unwrap());
    put_object(&s3, object(1), &parts()).await;
    for fault in [Fault::Refusal(503), Fault::Reset] {
        line.set(Some(Plan { pieces: &["GET "], fault, times: usize::MAX }));
        assert!(s3.check_object(&whole()).await.is_err(), "{fault:?}");
    }
    // In the middle of an answer, for a moment.
    line.set(Some(Plan { pieces: &["GET "], fault: Fault::CutAnswer, times: 2 }));
    assert!(is_whole(&s3).await);
}

#[tokio::test]
async fn each_store_is_mended_from_the_other_part_by_part_and_never_from_what_is_bad() {
    let home = tempfile::tempdir().unwrap();
    let go_on = async || Ok(true);
    let [dir, s3, memory] = &stores(&home, "one");
    let [_, other_s3, _] = &stores(&home, "other");
    for [store, other] in [[dir, s3], [other_s3, s3], [s3, memory]] {
        // Each has one good part.
        put_others(store, &[0]).await;
        put_others(other, &[1]).await;
        let bad = store.mend_object(other, &whole(), &BTreeSet::from([1]), go_on).await;
        assert!(bad.is_err(), "{store:?} took bad bytes from {other:?}");
        let found = store.check_object(&whole()).await.unwrap();
        assert!(found[0] != Health::Good && found[1] == Health::Good, "{store:?}: {found:?}");
        store.mend_object(other, &whole(), &BTreeSet::from([0]), go_on).await.unwrap();
        assert!(is_whole(store).await, "{other:?} → {store:?}");
        other.mend_object(store, &whole(), &BTreeSet::from([1]), go_on).await.unwrap();
        assert!(is_whole(other).await, "{store:?} → {other:?}");
        other.delete_object(&object(1)).await.unwrap();
        assert_eq!(other.list_objects().await.unwrap(), [], "an upload was left behind");
    }
}

async fn read_both(first: &Blobs, second: Option<&Arc<Blobs>>, key: &PartKey, len: u64) -> Option<Vec<u8>> {
    let bytes = read_either(first, second, key, 10..len).await.ok()?;
    Some(bytes.try_collect::<Vec<_>>().await.ok()?.concat())
}

#[tokio::test]
async fn what_the_first_store_does_not_give_comes_from_the_second() {
    let home = tempfile::tempdir().unwrap();
    let line = FaultyLine::to(garage::endpoint());
    let settings = garage::settings(&line.endpoint, &garage::own_prefix(), &home.path().join("spool"));
    let first = Blobs::S3(S3::open(&settings).unwrap());
    let second = Arc::new(Blobs::Memory(Memory::default()));
    let part = some_bytes(700_000);
    let key = key_of(object(1), 0, &part);
    assert!(read_both(&first, Some(&second), &key, 700_000).await.is_none(), "it is nowhere");
    for store in [&first, &*second] {
        put_object(store, object(1), std::slice::from_ref(&part)).await;
    }
    for fault in [Fault::Refusal(503), Fault::Reset, Fault::CutAnswer, Fault::Silence] {
        line.set(Some(Plan { pieces: &["GET "], fault, times: usize::MAX }));
        let got = read_both(&first, Some(&second), &key, 700_000).await;
        assert!(got.is_some_and(|got| got == part[10..]), "{fault:?}");
    }
    line.set(Some(Plan { pieces: &["GET "], fault: Fault::CutAnswer, times: usize::MAX }));
    assert!(read_both(&first, None, &key, 700_000).await.is_none(), "the fault was none");
    line.set(None);
    first.delete_object(&object(1)).await.unwrap();
    assert!(read_both(&first, Some(&second), &key, 700_000).await.is_some_and(|got| got == part[10..]));
    second.delete_object(&object(1)).await.unwrap();
    assert!(read_both(&first, Some(&second), &key, 700_000).await.is_none());
    put_object(&first, object(1), std::slice::from_ref(&part)).await;
    assert_eq!(read(&first, &key, 0..10).await, part[..10]);
}

#[tokio::test]
async fn a_part_that_is_cut_while_it_is_read_is_read_to_its_end_from_the_second() {
    let home = tempfile::tempdir().unwrap();
    let [first, _, _] = stores(&home, "one");
    let second = Arc::new(Blobs::Memory(Memory::default()));
    let part = some_bytes(2_000_000);
    for store in [&first, &*second] {
        put_object(store, object(1), std::slice::from_ref(&part)).await;
    }
    let key = key_of(object(1), 0, &part);
    let mut bytes = read_either(&first, Some(&second), &key, 0..2_000_000).await.unwrap();
    let mut got = bytes.try_next().await.unwrap().unwrap().to_vec();
    std::fs::File::options().write(true).open(home.path().join("one").join(key.path())).unwrap().set_len(1000).unwrap();
    while let Some(piece) = bytes.try_next().await.unwrap() {
        got.extend_from_slice(&piece);
    }
    assert!(got == part);
}

#[tokio::test]
async fn a_folder_whose_disk_is_not_mounted_confirms_no_deletion() {
    let home = tempfile::tempdir().unwrap();
    let [dir, _, _] = stores(&home, "one");
    put_object(&dir, object(1), &[some_bytes(10)]).await;
    std::fs::rename(home.path().join("one"), home.path().join("elsewhere")).unwrap();
    assert!(dir.delete_object(&object(1)).await.is_err());
    let beside = Blobs::Dir(Dir::beside(&home.path().join("one")));
    assert!(beside.delete_object(&object(1)).await.is_err() && beside.ping().await.is_err());
}
