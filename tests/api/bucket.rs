//! Ciphertext in a real S3 bucket: the same journeys, and what a crash or somebody else may do to the bucket meanwhile.
//! *Ready* means each time that every object is there with its length and digests.

use crate::harness::parcel::{File, scribble};
use crate::harness::{DAY, Parcel, Recipient, Sender, Site, rows};
use crate::s3_server as s3;
use filmjacket::blobs::{ObjectParts, Upload};
use filmjacket::config::{Config, Reading, Storage};
use filmjacket::jobs;
use protocol::layout;
use protocol::sign_in::SignInRequest;
use protocol::transfers::{LinkAnswer, State};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::task::spawn_blocking;

const ANA: &str = "ruiz@north.example";

/// The tests' bucket, below a prefix that the data folder names, so that a restarted server finds its objects again.
pub(crate) fn bucket_settings(data: &Path, endpoint: &str) -> String {
    let own = data.file_name().unwrap().to_str().unwrap().trim_start_matches('.');
    format!(
        "[storage.s3]\nbucket = \"{}\"\nendpoint = \"{}\"\nregion = \"{}\"\naccess_key_id = \"{}\"\nsecret_access_key = \"{}\"\nprefix = \"{own}/\"\n",
        s3::BUCKET,
        endpoint,
        s3::REGION,
        s3::KEY_ID,
        s3::SECRET
    )
}

pub(crate) fn in_bucket(config: &mut Config) {
    in_bucket_at(config, s3::endpoint());
}

fn in_bucket_at(config: &mut Config, endpoint: &str) {
    let text = bucket_settings(&config.data, endpoint);
    config.storage = Reading::parse(&text, std::iter::empty()).unwrap().config.storage;
    assert!(matches!(config.storage, Storage::S3(_)));
}

pub(crate) async fn objects_in(site: &Site) -> usize {
    site.app().blobs.list_objects().await.unwrap().len()
}

async fn upload_of(site: &Site, parcel: &Parcel) -> Upload {
    rows::one(site, &format!("SELECT upload FROM objects WHERE object_id = '{}'", parcel.object_id(0))).await.into()
}

#[actix_web::test]
async fn what_was_sealed_comes_out_of_a_bucket_byte_for_byte_and_is_purged_from_it() {
    let site = Site::start_with(in_bucket).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let two_parts = layout::CHUNK_PLAIN_LEN * layout::CHUNKS_PER_PART + 4711;
    let files = [File::new("empty.txt", Vec::new()), File::new("series.dcm", scribble(two_parts))];
    let parcel = Parcel::seal(&site, "the left knee", &files);
    let recipient = sender.send(&parcel).await;
    let (_, opened) = recipient.open(parcel.passcode.as_ref().unwrap()).await;
    for (file, plain) in files.iter().zip(&opened) {
        assert!(file.bytes == *plain, "{} changed on its way", file.name);
    }
    assert_eq!(objects_in(&site).await, 2);
    sender.end(&parcel).await.expect(204);
    site.tidy().await;
    assert_eq!(objects_in(&site).await, 0);
    assert!(!site.data().join("blobs").exists());
}

#[actix_web::test]
async fn many_first_parts_at_once_begin_one_upload() {
    let site = Site::start_with(in_bucket).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let plain = 2 * layout::CHUNK_PLAIN_LEN * layout::CHUNKS_PER_PART + 1;
    let parcel = Parcel::scribble(&site, &[plain]);
    sender.create(&parcel).await.expect(201);
    let answers = futures_util::future::join_all((0..3).map(|n| sender.put_part(&parcel, 0, n))).await;
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [204; 3]);
    sender.seal(&parcel).await.expect(200);
    sender.end(&parcel).await.expect(204);
    site.tidy().await;
    assert_eq!(objects_in(&site).await, 0, "an upload was left behind");
}

#[actix_web::test]
async fn a_seal_repeated_after_a_crash_between_completing_and_its_row_succeeds() {
    let mut site = Site::start_with(in_bucket).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[5000]);
    sender.upload(&parcel).await;
    let stored = sender.objects(&parcel).await.remove(0);
    let digests = stored.parts.iter().map(|part| part.sha256).collect();
    let object = ObjectParts { object_id: stored.object_id, object_len: stored.object_len, digests };
    site.app().blobs.complete_object(&upload_of(&site, &parcel).await, &object).await.unwrap();
    let session = sender.client.cookie("filmjacket-session").unwrap();
    site.restart().await;
    let client = site.client();
    client.set_cookie("filmjacket-session", &session);
    let sender = Sender::resume(&site, client);
    assert_eq!(sender.look(&parcel.id()).await.state, State::Draft);
    let LinkAnswer { link } = sender.seal(&parcel).await.expect(200).json();
    let recipient = Recipient::with_link(&site, &link);
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    assert_eq!(recipient.fetch(&ticket, &parcel.object_id(0), "").await.expect(200).body, parcel.part(0, 0));
}

#[actix_web::test]
async fn parts_that_the_bucket_lost_make_no_transfer_ready_and_can_be_sent_again() {
    let site = Site::start_with(in_bucket).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[5000]);
    sender.upload(&parcel).await;
    let upload = upload_of(&site, &parcel).await;
    site.app().blobs.abandon_upload(&parcel.object_id(0), &upload).await.unwrap();
    sender.seal(&parcel).await.refused(409, "parts-missing");
    assert_eq!(sender.look(&parcel.id()).await.state, State::Draft);
    assert!(sender.objects(&parcel).await[0].parts.is_empty(), "the sender is told what is really there");
    sender.put_part(&parcel, 0, 0).await.expect(204);
    sender.seal(&parcel).await.expect(200);
}

#[actix_web::test]
async fn an_upload_that_was_lost_meanwhile_is_begun_again_at_the_next_try() {
    let site = Site::start_with(in_bucket).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[layout::CHUNK_PLAIN_LEN * layout::CHUNKS_PER_PART + 1]);
    sender.create(&parcel).await.expect(201);
    sender.put_part(&parcel, 0, 1).await.expect(204);
    let upload = upload_of(&site, &parcel).await;
    site.app().blobs.abandon_upload(&parcel.object_id(0), &upload).await.unwrap();
    sender.put_part(&parcel, 0, 0).await.refused(503, "unavailable");
    let mut again = sender.put_part(&parcel, 0, 0).await;
    if again.status == 503 {
        // The store was slow for once, which is answered alike.
        again = sender.put_part(&parcel, 0, 0).await;
    }
    again.expect(204);
    sender.seal(&parcel).await.refused(409, "parts-missing");
    sender.put_part(&parcel, 0, 1).await.expect(204);
    sender.seal(&parcel).await.expect(200);
}

#[actix_web::test]
async fn other_bytes_that_took_a_parts_place_in_the_bucket_are_never_sealed() {
    let site = Site::start_with(in_bucket).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[5000]);
    sender.upload(&parcel).await;
    let upload = upload_of(&site, &parcel).await;
    let other = bytes::Bytes::from(scribble(5016));
    let key = filmjacket::blobs::PartKey {
        object_id: parcel.object_id(0),
        n: 0,
        sha256: protocol::Sha256Digest::from_bytes(<sha2::Sha256 as sha2::Digest>::digest(&other).into()),
    };
    let body = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(other)]);
    site.app().blobs.put_part(&upload, &key.announced(5016), body).await.unwrap();
    sender.seal(&parcel).await.refused(409, "parts-missing");
    sender.put_part(&parcel, 0, 0).await.expect(204);
    let LinkAnswer { link } = sender.seal(&parcel).await.expect(200).json();
    let recipient = Recipient::with_link(&site, &link);
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    assert_eq!(recipient.fetch(&ticket, &parcel.object_id(0), "").await.expect(200).body, parcel.part(0, 0));
}

#[actix_web::test]
async fn uploads_that_no_row_knows_are_swept_and_drafts_are_not() {
    let site = Site::start_with(in_bucket).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let draft = Parcel::scribble(&site, &[100]);
    sender.upload(&draft).await;
    let forgotten = protocol::ObjectId::from_bytes([7; 16]);
    site.app().blobs.begin_object(&forgotten).await.unwrap();
    assert_eq!(jobs::sweep_orphans(site.app()).await.unwrap(), 1);
    sender.seal(&draft).await.expect(200);
    assert_eq!(jobs::sweep_orphans(site.app()).await.unwrap(), 0);
    // An abandoned draft goes with its upload.
    let abandoned = Parcel::scribble(&site, &[100]);
    sender.upload(&abandoned).await;
    site.wait(DAY + 1);
    site.tidy().await;
    assert_eq!(objects_in(&site).await, 1);
}

#[actix_web::test]
async fn objects_move_from_the_folder_to_the_bucket_and_back() {
    let mut site = Site::start_on(None, |_| {}).await;
    let parcel = Parcel::scribble(&site, &[layout::CHUNK_PLAIN_LEN * layout::CHUNKS_PER_PART + 5, 0]);
    let ticket = Sender::sign_in(&site, ANA).await.send(&parcel).await.take_ticket(&parcel.proof()).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = format!("data = {:?}\n{}", site.data(), bucket_settings(site.data(), s3::endpoint()));
    std::fs::write(file.path(), text).unwrap();
    let copy = |from: &str, to: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_filmjacket"));
        command.arg("--config").arg(file.path()).args(["copy-objects", "--from", from, "--to", to]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let blobs = site.data().join("blobs");
    let mut told = Vec::new();
    site.restart_on(|| {
        told.push(copy("dir", "s3"));
        told.push(copy("dir", "s3"));
        std::fs::remove_dir_all(&blobs).unwrap();
    })
    .await;
    assert!(told[0].starts_with("2 objects copied, 0 were") && told[1].starts_with("0 objects copied, 2 were"));
    site.restart_with(in_bucket).await;
    for index in 0..2 {
        let recipient = Recipient::with_link(&site, &site_link(&site));
        let fetched = recipient.fetch(&ticket, &parcel.object_id(index), "").await.expect(200);
        assert!(fetched.body == parcel.objects[index]);
    }
    assert!(copy("s3", "dir").starts_with("2 objects copied"));
    assert_eq!(rows::stored_files(&site).len(), 3);
}

/// Any link: fetching needs a ticket only.
fn site_link(site: &Site) -> String {
    format!("{}/open#{}", site.origin(), "A".repeat(64))
}

/// Takes connections and says nothing.
static SILENT: LazyLock<TcpListener> = LazyLock::new(|| TcpListener::bind(("127.0.0.1", 0)).unwrap());

fn in_a_silent_bucket(config: &mut Config) {
    in_bucket_at(config, &format!("http://{}", SILENT.local_addr().unwrap()));
}

#[actix_web::test]
async fn a_bucket_that_does_not_answer_keeps_no_sign_in_code_waiting() {
    let site = Site::start_with(in_a_silent_bucket).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[1]);
    sender.create(&parcel).await.expect(201);
    sender.end(&parcel).await.expect(204);
    let jobs = actix_web::rt::spawn(jobs::run(Arc::clone(site.app())));
    // The purge has asked the bucket, and waits.
    let _asked = spawn_blocking(|| SILENT.accept().unwrap()).await.unwrap();
    let mailed = site.mail().len();
    let other = "berg@south.example".to_owned();
    site.client().post("/api/v1/sign-in", &SignInRequest { email: other }).await.expect(202);
    let arrives = async {
        while site.mail().len() == mailed {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), arrives).await.expect("the code is mailed while the purge waits");
    jobs.abort();
    // Dropped here, not with the runtime that its connections need for that.
    jobs.await.unwrap_err();
}
