//! What is ready is kept twice, served from either place, and purged from both.

use crate::bucket::{bucket_settings, in_bucket};
use crate::harness::postgres::TestDatabase;
use crate::harness::{MINUTE, Parcel, Sender, Site, rows};
use crate::operating::figures;
use crate::s3_server as s3;
use filmjacket::config::{Config, Reading, SecondCopy};
use filmjacket::jobs::{self, JobError};
use futures_util::future::{Either, join, select};
use protocol::{ObjectId, layout};
use std::fs;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;

const ANA: &str = "ana@clinic.example";
const PART_PLAIN_LEN: u64 = layout::CHUNK_PLAIN_LEN * layout::CHUNKS_PER_PART;

/// A folder that the administrator made.
pub(crate) fn in_folder(config: &mut Config) {
    let folder = config.data.join("second");
    if !config.data.join("unmounted").exists() {
        fs::create_dir_all(&folder).unwrap();
    }
    config.second_copy = Some(SecondCopy::Folder(folder));
}

/// The settings of a bucket of the site's own, other than [`in_bucket`]'s.
pub(crate) fn second_settings(data: &std::path::Path) -> String {
    let text = bucket_settings(data, s3::endpoint()).replace("[storage.s3]", "[second_copy.s3]");
    text.replace("prefix = \"", "prefix = \"second-")
}

pub(crate) fn in_second_bucket(config: &mut Config) {
    let text = second_settings(&config.data);
    config.second_copy = Reading::parse(&text, std::iter::empty()).unwrap().config.second_copy;
    assert!(config.second_copy.is_some());
}

/// The part files of one of the two folders, by their names below it.
pub(crate) fn files(site: &Site, folder: &str) -> Vec<PathBuf> {
    let root = site.data().join(folder).join("objects");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path.strip_prefix(&root).unwrap().to_owned()) }
        }
    }
    found.sort();
    found
}

fn path_of(site: &Site, folder: &str, file: &PathBuf) -> PathBuf {
    site.data().join(folder).join("objects").join(file)
}

async fn waiting(site: &Site) -> u64 {
    site.app().store.measure_uncopied().await.unwrap().0
}

async fn objects_in_second(site: &Site) -> Vec<ObjectId> {
    site.app().second_copy.as_ref().unwrap().list_objects().await.unwrap()
}

/// Lets the copying go on until the first part file is there.
async fn first_part(site: &Site) {
    while files(site, "second").is_empty() {
        tokio::task::yield_now().await;
    }
}

/// Parts of a large file: so many more than are copied at a time that some are left when the first is seen, however late.
const LARGE: usize = 10;

fn large(site: &Site) -> Parcel {
    Parcel::scribble(site, &[(LARGE as u64 - 1) * PART_PLAIN_LEN + 7])
}

/// Copies, and is killed as soon as one part is there.
async fn copy_and_die(site: &Site) {
    let copying = pin!(jobs::copy(site.app()));
    assert!(matches!(select(copying, pin!(first_part(site))).await, Either::Right(_)), "it was too fast");
}

#[actix_web::test]
async fn what_is_ready_is_copied_byte_for_byte_and_a_draft_is_not() {
    let site = Site::start_with(in_folder).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let (sent, draft) = (Parcel::scribble(&site, &[PART_PLAIN_LEN + 1, 0]), Parcel::scribble(&site, &[9]));
    sender.upload(&draft).await;
    sender.send(&sent).await;
    assert_eq!((waiting(&site).await, files(&site, "second").len()), (2, 0), "no sender waits for it");
    assert_eq!(jobs::copy(site.app()).await.unwrap(), 2);
    let copied = files(&site, "second");
    assert_eq!(copied.len(), 3);
    for file in &copied {
        let bytes = |folder| fs::read(path_of(&site, folder, file)).unwrap();
        assert!(bytes("second") == bytes("blobs"), "{file:?}");
    }
    assert_eq!(waiting(&site).await, 0);
    assert_eq!(jobs::copy(site.app()).await.unwrap(), 0);
    sender.seal(&draft).await.expect(200);
    assert_eq!(jobs::copy(site.app()).await.unwrap(), 1);
}

#[actix_web::test]
async fn what_was_sent_before_there_was_a_second_store_is_copied_too() {
    let mut site = Site::start().await;
    Sender::sign_in(&site, ANA).await.send(&Parcel::scribble(&site, &[100])).await;
    assert_eq!(jobs::copy(site.app()).await.unwrap(), 0);
    site.restart_with(in_folder).await;
    assert_eq!(jobs::copy(site.app()).await.unwrap(), 1);
}

#[actix_web::test]
async fn reads_fall_back_to_the_copy_when_the_first_store_lacks_a_part_cuts_it_or_is_away() {
    let site = Site::start_with(in_folder).await;
    let parcel = Parcel::scribble(&site, &[2 * PART_PLAIN_LEN + 1000]);
    let recipient = Sender::sign_in(&site, ANA).await.send(&parcel).await;
    jobs::copy(site.app()).await.unwrap();
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    let whole = async || recipient.fetch(&ticket, &parcel.object_id(0), "").await.expect(200).body == parcel.objects[0];
    let [cut, lost, _] = &files(&site, "blobs")[..] else { panic!("three parts") };
    fs::remove_file(path_of(&site, "blobs", lost)).unwrap();
    assert!(whole().await, "a part is missing");
    fs::File::options().write(true).open(path_of(&site, "blobs", cut)).unwrap().set_len(50).unwrap();
    assert!(whole().await, "a part is short");
    fs::rename(site.data().join("blobs"), site.data().join("away")).unwrap();
    assert!(whole().await, "the store is away");
    fs::rename(site.data().join("second"), site.data().join("away too")).unwrap();
    recipient.fetch(&ticket, &parcel.object_id(0), "").await.refused(500, "internal");
}

#[actix_web::test]
async fn a_bucket_is_copied_to_a_bucket_and_served_from_it() {
    let site = Site::start_with(|config| {
        in_bucket(config);
        in_second_bucket(config);
    })
    .await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[PART_PLAIN_LEN + 1000, 3]);
    let recipient = sender.send(&parcel).await;
    assert_eq!(jobs::copy(site.app()).await.unwrap(), 2);
    assert_eq!(objects_in_second(&site).await.len(), 2);
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    site.app().blobs.delete_object(&parcel.object_id(0)).await.unwrap();
    for index in 0..2 {
        let fetched = recipient.fetch(&ticket, &parcel.object_id(index), "").await.expect(200);
        assert!(fetched.body == parcel.objects[index], "{index}");
    }
    sender.end(&parcel).await.expect(204);
    site.tidy().await;
    assert!(objects_in_second(&site).await.is_empty());
    assert!(site.app().blobs.list_objects().await.unwrap().is_empty());
}

#[actix_web::test]
async fn a_purge_takes_both_copies_and_is_not_done_before_both_stores_confirmed() {
    let site = Site::start_with(in_folder).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[100, 200]);
    sender.send(&parcel).await;
    site.tidy().await;
    assert_eq!(files(&site, "second").len(), 2);
    sender.end(&parcel).await.expect(204);
    fs::rename(site.data().join("second"), site.data().join("away")).unwrap();
    assert!(jobs::settle(site.app()).await.is_err());
    assert!(files(&site, "blobs").is_empty(), "what can go, goes");
    assert!(!sender.events(&parcel).await.contains(&"transfer.purged".to_owned()));
    fs::rename(site.data().join("away"), site.data().join("second")).unwrap();
    site.tidy().await;
    assert!(files(&site, "second").is_empty());
    assert!(sender.events(&parcel).await.contains(&"transfer.purged".to_owned()));
}

#[actix_web::test]
async fn a_copy_that_died_in_the_middle_is_finished_by_the_next_step() {
    let site = Site::start_with(in_folder).await;
    Sender::sign_in(&site, ANA).await.send(&large(&site)).await;
    copy_and_die(&site).await;
    let there = files(&site, "second");
    assert!(there.len() < LARGE, "{}", there.len());
    assert_eq!(jobs::copy(site.app()).await.unwrap(), 0, "it may still be alive");
    site.wait(11 * MINUTE);
    let modified = |file| fs::metadata(path_of(&site, "second", file)).unwrap().modified().unwrap();
    let before = modified(&there[0]);
    assert_eq!(jobs::copy(site.app()).await.unwrap(), 1);
    assert_eq!(files(&site, "second"), files(&site, "blobs"));
    assert_eq!(modified(&there[0]), before, "what was there is not copied again");
    assert_eq!(waiting(&site).await, 0);
}

#[actix_web::test]
async fn a_transfer_that_ends_while_it_is_copied_leaves_nothing_in_either_store() {
    let site = Site::start_with(in_folder).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = large(&site);
    sender.send(&parcel).await;
    let mut copying = pin!(jobs::copy(site.app()));
    assert!(matches!(select(&mut copying, pin!(first_part(&site))).await, Either::Right(_)), "it was too fast");
    // It goes on only where it is awaited.
    sender.end(&parcel).await.expect(204);
    jobs::purge(site.app()).await.unwrap();
    assert_eq!(files(&site, "blobs").len(), LARGE, "nobody deletes under the copier's hands");
    assert_eq!(copying.await.unwrap(), 0, "it went on");
    site.tidy().await;
    assert!(files(&site, "second").is_empty() && files(&site, "blobs").is_empty());
    assert!(sender.events(&parcel).await.contains(&"transfer.purged".to_owned()));
}

#[actix_web::test]
async fn a_purge_waits_for_a_copier_and_not_for_a_dead_one() {
    let site = Site::start_with(in_folder).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = large(&site);
    sender.send(&parcel).await;
    copy_and_die(&site).await;
    sender.end(&parcel).await.expect(204);
    site.tidy().await;
    assert_eq!(files(&site, "blobs").len(), LARGE);
    site.wait(11 * MINUTE);
    site.tidy().await;
    assert!(files(&site, "second").is_empty() && files(&site, "blobs").is_empty());
}

#[actix_web::test]
async fn a_bad_original_is_copied_nowhere_and_holds_up_no_other() {
    let site = Site::start_with(in_folder).await;
    let sender = Sender::sign_in(&site, ANA).await;
    sender.send(&Parcel::scribble(&site, &[100])).await;
    let bad = files(&site, "blobs").remove(0);
    let mut bytes = fs::read(path_of(&site, "blobs", &bad)).unwrap();
    bytes[7] ^= 1;
    fs::write(path_of(&site, "blobs", &bad), &bytes).unwrap();
    site.wait(1);
    sender.send(&Parcel::scribble(&site, &[200])).await;
    let told = jobs::copy(site.app()).await.unwrap_err();
    assert!(matches!(told, JobError::Copy(..)) && told.to_string().contains("digest"), "{told}");
    assert_eq!(jobs::copy(site.app()).await.unwrap(), 1);
    assert!(!files(&site, "second").contains(&bad));
    assert_eq!(waiting(&site).await, 1);
}

#[actix_web::test]
async fn a_second_store_that_is_away_keeps_nobody_waiting_and_is_caught_up_with() {
    let mut site = Site::start().await;
    fs::create_dir(site.data().join("unmounted")).unwrap();
    site.restart_with(in_folder).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[100]);
    let recipient = sender.send(&parcel).await;
    assert!(jobs::copy(site.app()).await.is_err());
    assert!(!site.data().join("second").exists(), "a folder was made where a disk belongs");
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    recipient.fetch(&ticket, &parcel.object_id(0), "").await.expect(200);
    let told = site.client().get("/readyz").await.expect(200).text();
    assert!(told.contains("store: ok\nsecond copy: not ready\n"), "{told}");
    fs::create_dir_all(site.data().join("second/objects")).unwrap();
    fs::create_dir_all(site.data().join("second/tmp")).unwrap();
    site.wait(11 * MINUTE);
    assert!(site.client().get("/readyz").await.expect(200).text().contains("second copy: ok\n"));
    assert_eq!(jobs::copy(site.app()).await.unwrap(), 1);
}

#[actix_web::test]
async fn orphans_are_swept_from_the_second_store_too() {
    let site = Site::start_with(in_folder).await;
    Sender::sign_in(&site, ANA).await.send(&Parcel::scribble(&site, &[100])).await;
    jobs::copy(site.app()).await.unwrap();
    let forgotten = ObjectId::from_bytes([7; 16]).to_text();
    let folder = site.data().join("second/objects").join(&forgotten[..2]).join(&forgotten);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("0-x"), "left over").unwrap();
    assert_eq!(jobs::sweep_orphans(site.app()).await.unwrap(), 1);
    assert!(!folder.exists());
    assert_eq!(jobs::sweep_orphans(site.app()).await.unwrap(), 0);
    assert_eq!(files(&site, "second").len(), 1);
}

#[actix_web::test]
async fn figures_tell_what_waits_for_its_copy_and_since_when() {
    let site = Site::start_with(in_folder).await;
    Sender::sign_in(&site, ANA).await.send(&Parcel::scribble(&site, &[1, 2])).await;
    site.wait(40);
    let told = figures(&site).await;
    assert!(told.contains("filmjacket_uncopied_objects 2\n"), "{told}");
    assert!(told.contains("filmjacket_uncopied_oldest_seconds 40\n"), "{told}");
    site.tidy().await;
    let told = figures(&site).await;
    assert!(told.contains("filmjacket_uncopied_objects 0\n"), "{told}");
    assert!(told.contains("filmjacket_uncopied_oldest_seconds 0\n"), "{told}");
    let done = format!("filmjacket_job_success_timestamp_seconds{{job=\"copy\"}} {}", site.clock.now().as_unix());
    assert!(told.contains(&done), "{told}");
}

#[actix_web::test]
async fn two_nodes_copy_nothing_twice() {
    let first = Site::start_on(Some(Arc::new(TestDatabase::make())), in_folder).await;
    let second = first.another_node().await;
    let sender = Sender::sign_in(&first, ANA).await;
    for _ in 0..10 {
        sender.send(&Parcel::scribble(&first, &[1, 2])).await;
    }
    let (one, other) = join(jobs::copy(first.app()), jobs::copy(second.app())).await;
    assert_eq!(one.unwrap() + other.unwrap(), 20);
    assert_eq!(files(&first, "second"), files(&first, "blobs"));
    assert_eq!(rows::query(&first, "SELECT object_id FROM objects WHERE leased_by IS NOT NULL").await.len(), 0);
}
