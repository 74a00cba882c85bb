//! Files too large to be put together in memory: they are staged on the browser's private disk or, where there is none,
//! downloaded as they are opened. Whatever happens on the way, nothing is called saved that is not whole.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::sync::Notify;

use crate::harness::browser::{Browser, Options};
use crate::harness::engine::Engine;
use crate::harness::files::{empty, noise, sha256_of};
use crate::harness::interrupted::{hold_fourth_part, part_of};
use crate::harness::native::{File, Parcel, Sender, Sent};
use crate::harness::page::LONG_PATIENCE;
use crate::harness::relay::{Answer, Relay, Request};
use crate::harness::site::Site;
use crate::harness::steps::SENDER;

/// Five parts, the last of them short: above what is put together in memory.
const STUDY_LEN: u64 = 40_000_007;

#[tokio::test]
async fn an_archive_with_any_names_is_streamed_to_disk_in_firefox() {
    // A private disk without room (in KiB) is as good as none.
    let quota = serde_json::json!({"dom.quotaManager.temporaryStorage.fixedLimit": 50_000});
    let options = Options { engine: Engine::Firefox, firefox_prefs: quota, ..Options::default() };
    // Beyond a hundred megabytes, where nothing is held back in buffers any more.
    archive_arrives(options, 110_000_003).await;
}

#[tokio::test]
async fn an_archive_with_any_names_is_streamed_to_disk_in_webkit() {
    archive_arrives(Way::ServiceWorker.options(Engine::WebKit), STUDY_LEN).await;
}

/// Where what is too large for memory goes while it is opened.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The browser's private disk; the download begins when the file is whole.
    Disk,
    /// A service worker, which makes it a download that has begun.
    ServiceWorker,
    /// A file that the person picked, which is replaced when all of it is written.
    Picked,
}

impl Way {
    fn options(self, engine: Engine) -> Options {
        let (without_disk, with_picker) = (self == Self::ServiceWorker, self == Self::Picked);
        Options { engine, without_disk, with_picker, ..Options::default() }
    }

    /// The one file that was saved.
    async fn saved(self, recipient: &Browser) -> PathBuf {
        if self != Self::Picked {
            return recipient.new_download(&[]).await;
        }
        let [picked] = recipient.picked().try_into().unwrap();
        picked
    }
}

async fn archive_arrives(options: Options, len: u64) {
    let site = Site::start();
    let names = [
        ("צילום/../חזה 影 🦴.zip", noise(len)),
        ("<img src=x>\u{202e}gnp.pdf", b"%PDF".to_vec()),
        (empty().name.as_str(), Vec::new()),
    ]
    .map(|(name, bytes)| File::new(name, "application/zip", bytes));
    let digests = names.each_ref().map(|file| hex(&Sha256::digest(&file.bytes)));
    let sent = Sender::sign_in(&site, SENDER).await.send(&Parcel::of(names)).await;
    let recipient = Browser::start_with(options).await;
    recipient.open(&sent.link, &sent.passcode).await;
    let shown = recipient.file_names().await;

    recipient.click("#save-all").await;
    recipient.text_with_within("#save-status", "complete and verified", LONG_PATIENCE).await;
    let archive = recipient.new_download(&[]).await;
    assert_eq!(entries_of(&archive), shown.into_iter().zip(digests).collect::<Vec<_>>());
    recipient.text_with("#verified", "3 of 3 verified").await;
}

#[tokio::test]
async fn cut_delayed_and_reordered_answers_never_make_a_false_complete_in_chromium() {
    never_a_false_complete(Engine::Chromium, Way::ServiceWorker).await;
}

#[tokio::test]
async fn cut_delayed_and_reordered_answers_never_make_a_false_complete_in_a_picked_file() {
    never_a_false_complete(Engine::Chromium, Way::Picked).await;
}

#[tokio::test]
async fn cut_delayed_and_reordered_answers_never_make_a_false_complete_in_firefox() {
    never_a_false_complete(Engine::Firefox, Way::Disk).await;
}

#[tokio::test]
async fn cut_delayed_and_reordered_answers_never_make_a_false_complete_in_firefox_without_a_disk() {
    never_a_false_complete(Engine::Firefox, Way::ServiceWorker).await;
}

#[tokio::test]
async fn cut_delayed_and_reordered_answers_never_make_a_false_complete_in_webkit() {
    never_a_false_complete(Engine::WebKit, Way::ServiceWorker).await;
}

async fn never_a_false_complete(engine: Engine, way: Way) {
    let (site, relay, sent, digest) = study_behind_a_relay().await;
    let recipient = Browser::start_with(way.options(engine)).await;

    // Damage in the middle, when much is written already.
    recipient.open(&sent.link, &sent.passcode).await;
    let written = Arc::new(Notify::new());
    let held = Arc::clone(&written);
    relay.tamper(move |request, answer| {
        if part_of(request) == Some(3) {
            answer.body[1_000_000] ^= 1;
            answer.held = Some(Arc::clone(&held));
        }
    });
    recipient.click("#file-list .save").await;
    saving_has_begun(&recipient, way).await;
    written.notify_one();
    let said = recipient.text_with("#save-error", "damaged").await;
    let left = if way == Way::ServiceWorker { "it is not whole: please delete it" } else { "Nothing was saved." };
    assert!(said.contains(left), "{said}");
    recipient.text_with("#verified", "0 of 1 verified").await;
    assert_nothing_whole(&recipient);
    assert!(
        way == Way::ServiceWorker || (recipient.saved().is_empty() && recipient.picked().is_empty()),
        "something was left"
    );
    relay.take_exchanges();
    recipient.click("#file-list .save").await;
    recipient.shown("#save-error").await;
    let asked = relay.take_exchanges().into_iter().filter(|(request, _)| request.target.starts_with("/api/"));
    assert_eq!(asked.count(), 0, "something was asked after the damage");

    // Every part is cut once at another place; the first answers come after those to later parts.
    // What was left is deleted, as the page says.
    recipient.saved().iter().for_each(|path| std::fs::remove_file(path).unwrap());
    let late = Arc::new(Notify::new());
    relay.tamper(cutting_each_once(Arc::clone(&late)));
    recipient.open(&sent.link, &sent.passcode).await;
    recipient.click("#file-list .save").await;
    recipient.shown("#save-note").await;
    recipient.text_with("#verified", "0 of 1 verified").await;
    assert!(!recipient.is_shown("#save-status").await, "it was called saved too early");
    late.notify_one();
    recipient.text_with_within("#save-status", "complete and verified", LONG_PATIENCE).await;
    assert_eq!(sha256_of(&way.saved(&recipient).await), digest);
    drop(site);
}

/// Cuts the first answer for each part, and then holds back the first part until told.
fn cutting_each_once(late: Arc<Notify>) -> impl FnMut(&Request, &mut Answer) + Send {
    let mut asked = HashMap::<u64, u32>::new();
    move |request, answer| {
        let Some(part) = part_of(request) else { return };
        let times = asked.entry(part).or_default();
        *times += 1;
        match (*times, part) {
            (1, part) => answer.cut_after = Some(usize::try_from(part * 1_700_000).unwrap()),
            (2, 0) => answer.held = Some(Arc::clone(&late)),
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_service_worker_that_was_stopped_is_found_out_in_chromium() {
    let (_site, relay, sent, _) = study_behind_a_relay().await;
    let recipient = Browser::start_in(Engine::Chromium).await;
    recipient.open(&sent.link, &sent.passcode).await;
    begin_and_stall(&recipient, &relay).await;
    recipient.devtools("ServiceWorker.enable", serde_json::json!({})).await;
    recipient.devtools("ServiceWorker.stopAllWorkers", serde_json::json!({})).await;
    says_that_it_is_lost(&recipient).await;
    assert_nothing_whole(&recipient);
}

#[tokio::test]
async fn a_service_worker_that_was_stopped_is_found_out_in_firefox() {
    let (_site, relay, sent, _) = study_behind_a_relay().await;
    // Stopped as if nobody had spoken to it, though the page does so every few seconds.
    let idle =
        serde_json::json!({"dom.serviceWorkers.idle_timeout": 500, "dom.serviceWorkers.idle_extended_timeout": 500});
    let options = Options { firefox_prefs: idle, ..Way::ServiceWorker.options(Engine::Firefox) };
    let recipient = Browser::start_with(options).await;
    recipient.open(&sent.link, &sent.passcode).await;
    begin_and_stall(&recipient, &relay).await;
    says_that_it_is_lost(&recipient).await;
    // Firefox itself takes what came for a whole file, which is why the page says otherwise.
    assert!(recipient.saved().iter().all(|path| path.metadata().unwrap().len() < STUDY_LEN));
}

#[tokio::test]
async fn a_download_s_address_is_good_once_and_only_for_a_navigation() {
    let (_site, relay, sent, digest) = study_behind_a_relay().await;
    let recipient = Browser::start_in(Engine::Chromium).await;
    recipient.open(&sent.link, &sent.passcode).await;
    let held = begin_and_stall(&recipient, &relay).await;
    let address = recipient.value("document.querySelector('iframe').src").await;
    let address = address.as_str().unwrap();
    let first = recipient.client.window().await.unwrap();
    let second = recipient.client.new_window(true).await.unwrap();
    recipient.client.switch_to_window(second.handle).await.unwrap();
    let guessed = format!("{}00000000-0000-4000-8000-000000000000", &address[..address.len() - 36]);
    for address in [address, &guessed] {
        recipient.client.goto(address).await.unwrap();
        assert_eq!(recipient.value("document.body.innerText").await, "There is nothing here.", "{address}");
    }
    recipient.client.close_window().await.unwrap();
    recipient.client.switch_to_window(first).await.unwrap();
    relay.be_honest();
    held.notify_one();
    recipient.text_with_within("#save-status", "complete and verified", LONG_PATIENCE).await;
    assert_eq!(sha256_of(&recipient.new_download(&[]).await), digest);
    assert_eq!(recipient.saved().len(), 1, "another download came of it");
}

#[tokio::test]
async fn a_day_later_a_saving_goes_on_with_another_opening_where_it_was() {
    let (site, relay, sent, digest) = study_behind_a_relay().await;
    let recipient = Browser::start_in(Engine::Chromium).await;
    recipient.open(&sent.link, &sent.passcode).await;
    let held = begin_and_stall(&recipient, &relay).await;
    relay.take_exchanges();
    site.clock.advance(24 * 3600);
    relay.be_honest();
    held.notify_one();
    recipient.shown("#open-again").await;
    assert!(recipient.text("#save-note").await.contains("open the transfer again"));
    let progress = recipient.text("#save-text").await;
    assert!(!progress.contains("left"), "{progress}: nothing moves");
    recipient.click("#open-again").await;
    recipient.text_with_within("#save-status", "complete and verified", LONG_PATIENCE).await;
    assert_eq!(sha256_of(&recipient.new_download(&[]).await), digest);
    // The one that was cut, and what had not been asked for yet.
    let fetched = relay
        .take_exchanges()
        .iter()
        .filter(|(request, answer)| part_of(request).is_some() && answer.status == 206)
        .count();
    assert!(fetched <= 3, "{fetched} parts were fetched again");
}

/// Saves through a service worker up to where the browser has begun to download, and holds back what is missing.
async fn begin_and_stall(recipient: &Browser, relay: &Relay) -> Arc<Notify> {
    let held = hold_fourth_part(relay);
    recipient.click("#file-list .save").await;
    saving_has_begun(recipient, Way::ServiceWorker).await;
    held
}

async fn saving_has_begun(recipient: &Browser, way: Way) {
    match way {
        Way::Disk | Way::Picked => recipient.until("document.querySelector('#save-progress').value > 20").await,
        Way::ServiceWorker => recipient.until("document.querySelector('iframe')").await,
    };
}

async fn says_that_it_is_lost(recipient: &Browser) {
    let said = recipient.text_with("#save-error", "broke off").await;
    assert!(said.contains("it is not whole: please delete it"), "{said}");
    recipient.text_with("#verified", "0 of 1 verified").await;
}

/// No finished download; WebKitGTK leaves what came under the full name, so there it must be short.
fn assert_nothing_whole(recipient: &Browser) {
    let saved = recipient.saved();
    let short = |path: &std::path::PathBuf| path.metadata().is_ok_and(|metadata| metadata.len() < STUDY_LEN);
    let fine = saved.is_empty() || (recipient.engine == Engine::WebKit && saved.iter().all(short));
    assert!(fine, "{saved:?}");
}

async fn study_behind_a_relay() -> (Site, Relay, Sent, [u8; 32]) {
    let (site, relay) = Site::start_relayed().await;
    let bytes = noise(STUDY_LEN);
    let digest = Sha256::digest(&bytes).into();
    let file = File::new("study.zip", "application/zip", bytes);
    let sent = Sender::sign_in(&site, SENDER).await.send(&Parcel::of([file])).await;
    (site, relay, sent, digest)
}

/// Name and digest of each entry, as another program reads them; it checks the archive's own sums too.
fn entries_of(archive: &Path) -> Vec<(String, String)> {
    let program = "import hashlib, json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    assert archive.testzip() is None
    print(json.dumps([(name, hashlib.sha256(archive.read(name)).hexdigest()) for name in archive.namelist()]))";
    let output = std::process::Command::new("python3").args(["-c", program]).arg(archive).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
