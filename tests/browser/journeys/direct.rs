//! Direct mode: files go straight from the browser to a real S3 store and from there to the recipient's.

use crate::garage;
use crate::harness::browser::{Browser, Options};
use crate::harness::engine::Engine;
use crate::harness::files::{png, sha256_of, write_all, write_noise};
use crate::harness::native::{File, Parcel, Sender};
use crate::harness::page::LONG_PATIENCE;
use crate::harness::relay::{Answer, Relay, Request};
use crate::harness::site::Site;
use crate::harness::steps::{Passed, SENDER};
use fantoccini::Locator;
use filmjacket::blobs::Blobs;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Notify;

/// Five parts, the last one short.
const STUDY_LEN: u64 = 34_000_000;

/// Settings of a bucket of the test's own that browsers reach at `endpoint`.
fn bucket_at(endpoint: &str) -> (String, String) {
    let bucket = garage::make_bucket();
    let settings = format!(
        "[storage.s3]\nmode = \"direct\"\nbucket = \"{bucket}\"\nendpoint = \"{}\"\npublic_endpoint = \"{endpoint}\"\n\
         region = \"{}\"\naccess_key_id = \"{}\"\nsecret_access_key = \"{}\"\n",
        garage::endpoint(),
        garage::REGION,
        garage::KEY_ID,
        garage::SECRET
    );
    (bucket, settings)
}

/// What `filmjacket storage setup` does.
async fn set_up(site: &Site) {
    let Blobs::S3(s3) = &site.app().blobs else { unreachable!("these sites have a bucket") };
    s3.set_up().await.unwrap();
}

/// A site whose bucket is ready for browsers, behind a relay.
async fn relayed() -> (Site, Relay, String) {
    let (bucket, settings) = bucket_at(garage::endpoint());
    let (site, relay) = Site::start_relayed_with(&settings).await;
    set_up(&site).await;
    (site, relay, bucket)
}

fn study() -> (tempfile::TempDir, PathBuf, [u8; 32]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("study.zip");
    let digest = write_noise(&path, STUDY_LEN);
    (folder, path, digest)
}

/// Bytes that passed the relay in either direction for objects, and how many requests for signed ones.
fn carried(exchanges: &[(Request, Answer)]) -> (usize, usize) {
    let of_objects = exchanges.iter().filter(|(request, _)| request.target.contains("/objects/"));
    let bytes = of_objects.clone().map(|(request, answer)| request.body.len() + answer.body.len()).sum();
    (bytes, of_objects.filter(|(request, _)| request.target.ends_with("/url")).count())
}

#[tokio::test]
async fn a_study_goes_straight_to_the_store_and_back_and_to_nobody_else() {
    let (bucket, settings) = bucket_at(garage::endpoint());
    let site = Site::start_with(&settings);
    set_up(&site).await;
    let relay = Relay::start(site.port()).await;
    let store = garage::endpoint();
    relay.allow(store.rsplit(':').next().unwrap().parse().unwrap());
    let (_folder, path, digest) = study();
    let proxied = || Options { proxy_port: Some(relay.port()), ..Options::default() };

    let sender = Browser::start_with(proxied()).await;
    let passed = sender.send(&site, &[path]).await;
    let sent = relay.take_exchanges();
    let recipient = Browser::start_with(proxied()).await;
    recipient.open(&passed.link, &passed.passcode).await;
    assert_eq!(sha256_of(&recipient.save(0).await), digest);
    let fetched = relay.take_exchanges();

    // Five signatures each way and what came of them; a part is eight million bytes.
    for (exchanges, method, status) in [(&sent, "PUT", 200), (&fetched, "GET", 206)] {
        let (ours, theirs): (Vec<_>, Vec<_>) =
            exchanges.iter().cloned().partition(|(request, _)| request.target.starts_with('/'));
        let (bytes, signed) = carried(&ours);
        assert!(signed == 5 && bytes < 20_000, "{method}: {signed} signed, {bytes} bytes passed the server");
        assert!(theirs.iter().all(|(request, _)| request.target.starts_with(&format!("{store}/{bucket}/objects/"))));
        let done = theirs.iter().filter(|(request, answer)| request.method == method && answer.status == status);
        assert_eq!(done.count(), 5, "{method}");
    }
    let strayed: Vec<String> = relay.strayed().into_iter().filter(|asked| asked.contains("127.0.0.1")).collect();
    assert_eq!(strayed, [""; 0]);
    let broken: Vec<String> =
        recipient.console().await.into_iter().filter(|line| line.contains("Content Security Policy")).collect();
    assert_eq!(broken, [""; 0]);
}

#[tokio::test]
async fn a_study_goes_straight_to_the_store_and_back_in_firefox() {
    goes_straight_and_back(Engine::Firefox).await;
}

#[tokio::test]
async fn a_study_goes_straight_to_the_store_and_back_in_webkit() {
    goes_straight_and_back(Engine::WebKit).await;
}

async fn goes_straight_and_back(engine: Engine) {
    let (site, relay, _) = relayed().await;
    let (_folder, path, digest) = study();
    let sender = Browser::start_in(engine).await;
    let passed = sender.send(&site, &[path]).await;
    let recipient = Browser::start_in(engine).await;
    recipient.open(&passed.link, &passed.passcode).await;
    assert_eq!(sha256_of(&recipient.save(0).await), digest);
    let (bytes, signed) = carried(&relay.take_exchanges());
    assert!(signed == 10 && bytes < 40_000, "{signed} signed, {bytes} bytes passed the server");
}

#[tokio::test]
async fn a_byte_that_the_store_changed_is_found_and_nothing_is_saved() {
    let (site, _relay, bucket) = relayed().await;
    let (_folder, path, _) = study();
    let sender = Browser::start().await;
    let passed = sender.send(&site, &[path]).await;
    let store = garage::client();
    let key = store.list_objects_v2().bucket(&bucket).send().await.unwrap().contents()[0].key().unwrap().to_owned();
    let object = store.get_object().bucket(&bucket).key(&key).send().await.unwrap();
    let mut bytes = object.body.collect().await.unwrap().to_vec();
    bytes[20_000_000] ^= 1;
    store.put_object().bucket(&bucket).key(&key).body(bytes.into()).send().await.unwrap();

    let recipient = Browser::start().await;
    recipient.open(&passed.link, &passed.passcode).await;
    recipient.click("#file-list .save").await;
    recipient.text_with("#save-error", "damaged").await;
    recipient.text_with("#verified", "0 of 1 verified").await;
}

#[tokio::test]
async fn where_a_network_does_not_reach_the_store_files_go_through_the_server_and_the_page_names_it() {
    // Nobody listens there, as behind a proxy that lets known addresses through only.
    let blocked = format!("http://127.0.0.1:{}", garage::free_port());
    let (_, settings) = bucket_at(&blocked);
    let (site, relay) = Site::start_relayed_with(&settings).await;
    let folder = tempfile::tempdir().unwrap();
    let sender = Browser::start().await;
    sender.sign_in(&site).await;
    sender.prepare(&write_all(folder.path(), &[png()])).await;
    let held = hold(&relay, |request| request.target.ends_with("/seal"));
    sender.click("#seal-and-send").await;
    assert!(sender.text_with("#detour-note", "through this server").await.contains(&blocked));
    held.notify_one();
    sender.at_step_within("done", LONG_PATIENCE).await;
    let passed = Passed { link: sender.text("#link").await, passcode: sender.text("#passcode").await };
    let recipient = Browser::start().await;
    recipient.open(&passed.link, &passed.passcode).await;
    let saved = recipient.save(0).await;
    assert_eq!(std::fs::read(saved).unwrap(), png().bytes);
    assert!(recipient.text_with("#detour-note", "through this server").await.contains(&blocked));
}

/// Holds back the first answer to such a request until told.
fn hold(relay: &Relay, which: fn(&Request) -> bool) -> Arc<Notify> {
    let held = Arc::new(Notify::new());
    let mut hold = Some(Arc::clone(&held));
    relay.tamper(move |request, answer| {
        if which(request) {
            answer.held = hold.take();
        }
    });
    held
}

#[tokio::test]
async fn a_transfer_that_ends_during_a_download_is_fetched_no_further() {
    let (site, relay, _) = relayed().await;
    let (_folder, path, _) = study();
    let sender = Sender::sign_in(&site, SENDER).await;
    let file = File::new("study.zip", "application/zip", std::fs::read(path).unwrap());
    let sent = sender.send(&Parcel::of([file])).await;
    let recipient = Browser::start().await;
    recipient.open(&sent.link, &sent.passcode).await;
    // The last part's signature is held back, and then lost.
    let held = Arc::new(Notify::new());
    let hold = Arc::clone(&held);
    relay.tamper(move |request, answer| {
        if request.target.ends_with("/parts/4/url") && answer.status == 200 {
            answer.held = Some(Arc::clone(&hold));
            answer.cut_after = Some(0);
        }
    });
    recipient.click("#file-list .save").await;
    let some = "const p = document.querySelector('#save-progress'); return p.value > 50";
    recipient.until_run(some, vec![], LONG_PATIENCE).await;
    sender.end(&sent.transfer_id).await;
    held.notify_one();
    recipient.shown("#open-again").await;
    recipient.text_with("#verified", "0 of 1 verified").await;
    assert!(!recipient.is_shown("#save-status").await);
}

#[tokio::test]
async fn an_upload_to_the_store_goes_on_after_a_reload() {
    let (site, relay, _) = relayed().await;
    let folder = tempfile::tempdir().unwrap();
    let study = folder.path().join("study.zip");
    let digest = write_noise(&study, STUDY_LEN);
    let picture = write_all(folder.path(), &[png()]).remove(0);
    let sender = Browser::start().await;
    sender.sign_in(&site).await;
    sender.prepare(&[picture, study.clone()]).await;
    let _held = hold(&relay, |request| request.target.ends_with("/parts/3/stored"));
    sender.click("#seal-and-send").await;
    sender.text_with("#progress-files li[data-index='0']", "done").await;
    let most = "const p = document.querySelector('#progress-all'); return p.value > 80";
    sender.until_run(most, vec![], LONG_PATIENCE).await;
    relay.be_honest();
    sender.go(&site.url("/send")).await;
    sender.at_step("resume").await;
    let input = sender.client.find(Locator::Css("#resume-files")).await.unwrap();
    input.send_keys(&study.display().to_string()).await.unwrap();
    sender.click("#resume-go-on").await;
    sender.at_step_within("done", LONG_PATIENCE).await;
    let passed = Passed { link: sender.text("#link").await, passcode: sender.text("#passcode").await };
    let recipient = Browser::start().await;
    recipient.open(&passed.link, &passed.passcode).await;
    assert_eq!(std::fs::read(recipient.save(0).await).unwrap(), png().bytes);
    assert_eq!(sha256_of(&recipient.save(1).await), digest);
}
