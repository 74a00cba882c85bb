//! `filmjacket verify`, as an administrator runs it beside a server.

use crate::bucket::{bucket_settings, in_bucket};
use crate::harness::{Parcel, Sender, Site};
use crate::s3_server as s3;
use crate::second_copy::{files, in_folder, in_second_bucket, second_settings};
use filmjacket::blobs::{Blobs, ObjectParts, PartKey};
use filmjacket::jobs;
use protocol::{ObjectId, Sha256Digest, layout};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const ANA: &str = "ana@clinic.example";

/// Whether all is well, and what was said.
fn verify(site: &Site, more: &str, arguments: &[&str]) -> (bool, String) {
    let file = tempfile::NamedTempFile::new().unwrap();
    let second = if more.contains("second_copy") { String::new() } else { second_folder(site) };
    fs::write(file.path(), format!("data = {:?}\n{more}{second}", site.data())).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_filmjacket"));
    command.arg("--config").arg(file.path()).arg("verify").args(arguments);
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout) + &text(output.stderr))
}

fn second_folder(site: &Site) -> String {
    format!("[second_copy]\nfolder = {:?}\n", site.data().join("second"))
}

/// The figures of a line of the table: objects, parts, bytes, damaged, missing, repaired.
fn figures(told: &str, name: &str) -> [u64; 6] {
    let line = told.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in {told}"));
    let figures: Vec<u64> = line[name.len()..].split_whitespace().map(|word| word.parse().unwrap()).collect();
    figures.try_into().unwrap()
}

fn path_in(site: &Site, folder: &str, file: &Path) -> PathBuf {
    site.data().join(folder).join("objects").join(file)
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    bytes[3] ^= 0x40;
    fs::write(path, bytes).unwrap();
}

/// Every stored byte of both folders.
fn contents(site: &Site) -> BTreeMap<PathBuf, Vec<u8>> {
    let all =
        ["blobs", "second"].map(|folder| files(site, folder).into_iter().map(move |file| path_in(site, folder, &file)));
    all.into_iter().flatten().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// A parcel of one small object, with the file that holds it.
async fn sent(site: &Site, sender: &Sender<'_>, len: u64) -> (Parcel, PathBuf) {
    let before = files(site, "blobs");
    let parcel = Parcel::scribble(site, &[len]);
    sender.send(&parcel).await;
    (parcel, files(site, "blobs").into_iter().find(|file| !before.contains(file)).unwrap())
}

#[actix_web::test]
async fn a_flipped_byte_and_a_missing_part_are_found_and_mended_in_both_directions() {
    let site = Site::start_on(None, in_folder).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let [(_, good), (flipped, one), (lost, other)] =
        [sent(&site, &sender, 10).await, sent(&site, &sender, 20).await, sent(&site, &sender, 30).await];
    jobs::copy(site.app()).await.unwrap();
    let whole = contents(&site);
    let (well, told) = verify(&site, "", &[]);
    assert!(well, "{told}");
    // A tag of 16 bytes a chunk.
    assert_eq!(figures(&told, "first store"), [3, 3, 60 + 48, 0, 0, 0], "{told}");
    assert_eq!(figures(&told, "second copy"), [3, 3, 60 + 48, 0, 0, 0], "{told}");
    for [here, there] in [["blobs", "second"], ["second", "blobs"]] {
        flip(&path_in(&site, here, &one));
        fs::remove_file(path_in(&site, there, &other)).unwrap();
        let (well, told) = verify(&site, "", &[]);
        assert!(!well && told.contains("--repair"), "{told}");
        assert!(told.contains(&format!("transfer {} ", flipped.id())) && told.contains(": damaged in the "), "{told}");
        assert!(told.contains(&format!("transfer {} ", lost.id())) && told.contains(": missing in the "), "{told}");
        assert!(!told.contains("good nowhere"));
        let (well, told) = verify(&site, "", &["--repair"]);
        assert!(well, "{told}");
        let repaired = ["first store", "second copy"].map(|name| figures(&told, name)[5]);
        assert_eq!(repaired, [1, 1], "{told}");
        assert!(contents(&site) == whole);
        assert!(verify(&site, "", &[]).0);
    }
    assert!(whole.contains_key(&path_in(&site, "second", &good)));
}

#[actix_web::test]
async fn what_is_bad_on_both_sides_is_named_and_nothing_is_repaired_from_it() {
    let site = Site::start_on(None, in_folder).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let [(flipped, one), (lost, other), (fine, third)] =
        [sent(&site, &sender, 10).await, sent(&site, &sender, 20).await, sent(&site, &sender, 30).await];
    jobs::copy(site.app()).await.unwrap();
    for folder in ["blobs", "second"] {
        flip(&path_in(&site, folder, &one));
        fs::remove_file(path_in(&site, folder, &other)).unwrap();
    }
    let bad = contents(&site);
    flip(&path_in(&site, "blobs", &third));
    let (well, told) = verify(&site, "", &["--repair"]);
    assert!(!well && told.contains("4 parts are damaged or missing, and could not be repaired"), "{told}");
    for (parcel, is_lost) in [(&flipped, true), (&lost, true), (&fine, false)] {
        let lines: Vec<&str> = told.lines().filter(|line| line.contains(&parcel.id().to_text())).collect();
        assert_eq!(lines.iter().any(|line| line.contains("good nowhere: part 0")), is_lost, "{lines:?}");
    }
    // The third is mended, and of the others not a byte has changed.
    assert!(contents(&site) == bad);
}

#[actix_web::test]
async fn what_has_no_copy_yet_and_what_is_over_is_nobodys_fault() {
    let site = Site::start_on(None, in_folder).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let (over, file) = sent(&site, &sender, 10).await;
    jobs::copy(site.app()).await.unwrap();
    let (waits, _) = sent(&site, &sender, 20).await;
    sender.upload(&Parcel::scribble(&site, &[30])).await;
    sender.end(&over).await.expect(204);
    fs::remove_file(path_in(&site, "second", &file)).unwrap();
    let (well, told) = verify(&site, "", &["--repair"]);
    assert!(well && told.contains("1 objects have no second copy yet"), "{told}");
    assert_eq!((figures(&told, "first store")[0], figures(&told, "second copy")[0]), (1, 0));
    assert!(!told.contains(&waits.id().to_text()));
}

#[actix_web::test]
async fn a_store_that_is_away_ends_it_before_anything_is_called_missing() {
    let site = Site::start_on(None, in_folder).await;
    sent(&site, &Sender::sign_in(&site, ANA).await, 10).await;
    jobs::copy(site.app()).await.unwrap();
    fs::rename(site.data().join("second"), site.data().join("away")).unwrap();
    let (well, told) = verify(&site, "", &["--repair"]);
    assert!(!well && told.contains("the second copy cannot be reached") && !told.contains("missing"), "{told}");
    assert!(!site.data().join("second").exists());
}

/// Puts other bytes of the same length under an object's name, as a bad disk of the store would.
async fn damage(blobs: &Blobs, object_id: ObjectId, parts: &[Vec<u8>]) {
    let digest = |part: &Vec<u8>| Sha256Digest::from_bytes(Sha256::digest(part).into());
    let object = ObjectParts {
        object_id,
        object_len: parts.iter().map(|part| part.len() as u64).sum(),
        digests: parts.iter().map(digest).collect(),
    };
    blobs.delete_object(&object_id).await.unwrap();
    let upload = blobs.begin_object(&object_id).await.unwrap();
    for (n, part) in (0..).zip(parts) {
        let key = PartKey { object_id, n, sha256: digest(part) };
        let body = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(part.clone().into())]);
        blobs.put_part(&upload, &key.announced(part.len() as u64), body).await.unwrap();
    }
    blobs.complete_object(&upload, &object).await.unwrap();
}

#[actix_web::test]
async fn a_bucket_and_a_folder_that_are_both_bad_mend_each_other() {
    let site = Site::start_on(None, in_second_bucket).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[layout::CHUNK_PLAIN_LEN * layout::CHUNKS_PER_PART + 100]);
    sender.send(&parcel).await;
    jobs::copy(site.app()).await.unwrap();
    let bucket = site.app().second_copy.as_ref().unwrap();
    let mut parts = vec![parcel.part(0, 0), parcel.part(0, 1)];
    parts[0][100] ^= 1;
    damage(bucket, parcel.object_id(0), &parts).await;
    let last = files(&site, "blobs").remove(1);
    fs::remove_file(path_in(&site, "blobs", &last)).unwrap();
    let (well, told) = verify(&site, &second_settings(site.data()), &["--repair"]);
    assert!(well, "{told}");
    assert_eq!(figures(&told, "first store")[3..], [0, 1, 1], "{told}");
    assert_eq!(figures(&told, "second copy")[3..], [1, 0, 1], "{told}");
    assert!(verify(&site, &second_settings(site.data()), &[]).0);
}

#[actix_web::test]
async fn a_first_bucket_that_was_lost_is_filled_again_from_the_folder_while_the_server_serves() {
    let site = Site::start_on(None, |config| {
        in_bucket(config);
        in_folder(config);
    })
    .await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1000, 0]);
    let recipient = sender.send(&parcel).await;
    jobs::copy(site.app()).await.unwrap();
    for index in 0..2 {
        site.app().blobs.delete_object(&parcel.object_id(index)).await.unwrap();
    }
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    recipient.fetch(&ticket, &parcel.object_id(0), "").await.expect(200);
    let settings = bucket_settings(site.data(), s3::endpoint()) + &second_folder(&site);
    let (well, told) = verify(&site, &settings, &["--repair"]);
    assert!(well && figures(&told, "first store")[3..] == [0, 2, 2], "{told}");
    fs::rename(site.data().join("second"), site.data().join("away")).unwrap();
    for index in 0..2 {
        let fetched = recipient.fetch(&ticket, &parcel.object_id(index), "").await.expect(200);
        assert!(fetched.body == parcel.objects[index]);
    }
}

#[actix_web::test]
async fn without_a_second_store_the_first_one_is_verified_and_nothing_can_be_repaired() {
    let site = Site::start_on(None, |_| {}).await;
    let (parcel, file) = sent(&site, &Sender::sign_in(&site, ANA).await, 10).await;
    flip(&path_in(&site, "blobs", &file));
    let config = tempfile::NamedTempFile::new().unwrap();
    fs::write(config.path(), format!("data = {:?}\n", site.data())).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_filmjacket"));
        command.arg("--config").arg(config.path()).arg("verify").args(arguments).output().unwrap()
    };
    let output = run(&[]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(!output.status.success() && told.contains(&parcel.id().to_text()) && !told.contains("second"), "{told}");
    let output = run(&["--repair"]);
    assert!(!output.status.success() && String::from_utf8(output.stderr).unwrap().contains("set [second_copy]"));
}
