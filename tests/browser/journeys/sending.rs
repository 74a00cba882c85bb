//! Sending over a bad line, over a reload, and of files that change meanwhile.

use std::collections::BTreeSet;

use crate::harness::browser::Browser;
use crate::harness::files::{png, sha256_of, write_noise};
use crate::harness::interrupted::{Interrupted, STUDY_LEN};
use crate::harness::line::{Fault, Upload};
use crate::harness::page::LONG_PATIENCE;
use crate::harness::site::Site;
use crate::harness::steps::{Passed, SENDER};
use filmjacket::people::EmailAddress;
use filmjacket::store::{AuditEntry, Event};

const MIB: u64 = 1024 * 1024;

/// Ten faults at random places of an upload of `len` bytes; the seed is told, so that a failure can be repeated.
fn ten_faults(len: u64, seed: u64) -> Vec<(u64, Fault)> {
    use Fault::{Cut, Silence, Slow, Stall};
    let mut state = seed;
    let mut random = || {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let mut places: Vec<u64> = (0..10).map(|_| random() % len).collect();
    places.sort_unstable();
    let mut kinds = vec![Cut, Cut, Cut, Cut, Cut, Silence, Silence, Slow, Slow, Stall];
    places.into_iter().map(|place| (place, kinds.swap_remove(random() as usize % kinds.len()))).collect()
}

/// A number from the environment, for measuring more than a test needs.
fn from_env(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[tokio::test]
async fn an_upload_survives_ten_faults_of_the_line_and_sends_little_twice() {
    let len = from_env("FILMJACKET_TEST_MIB", 64) * MIB + 7;
    let seed = from_env("FILMJACKET_TEST_SEED", u64::from(std::process::id()));
    let faults = ten_faults(len, seed);
    println!("seed {seed}: {faults:?}");
    let (site, relay) = Site::start_relayed().await;
    relay.forget_parts();
    let folder = tempfile::tempdir().unwrap();
    let study = folder.path().join("study.zip");
    let digest = write_noise(&study, len);
    let sender = Browser::start().await;
    sender.sign_in(&site).await;
    sender.prepare(&[study]).await;
    relay.line.plan(faults);
    let started = std::time::Instant::now();
    let passed = sender.seal_and_send().await;
    assert_eq!(relay.line.faults_left(), 0);

    let uploads: Vec<Upload> = relay.line.uploads().into_values().collect();
    assert!(uploads.iter().all(|upload| upload.digests.len() == 1), "a part was sealed twice");
    let (whole, received) =
        uploads.iter().fold((0, 0), |(whole, received), upload| (whole + upload.len, received + upload.received));
    let workers = std::thread::available_parallelism().unwrap().get().clamp(2, 8) as u64;
    println!(
        "{} MiB in {:.1} s; {:.1} MiB sent twice by {workers} workers",
        len / MIB,
        started.elapsed().as_secs_f64(),
        (received - whole) as f64 / MIB as f64
    );
    assert!(received - whole < 10 * 2 * workers * protocol::layout::PART_LEN);
    let recipient = Browser::start().await;
    recipient.open(&passed.link, &passed.passcode).await;
    assert_eq!(sha256_of(&recipient.save(0).await), digest);
}

impl Interrupted {
    /// Drafts that the sender's browser keeps.
    async fn drafts(&self) -> u64 {
        let script = "const done = arguments[arguments.length - 1];
            const request = indexedDB.open('filmjacket-drafts', 1);
            request.onupgradeneeded = () => request.result.createObjectStore('drafts');
            request.onsuccess = () => {
                const count = request.result.transaction('drafts').objectStore('drafts').count();
                count.onsuccess = () => { request.result.close(); done(count.result); };
            };";
        self.sender.client.execute_async(script, vec![]).await.unwrap().as_u64().unwrap()
    }

    /// Attempts and objects of everything uploaded that was `len` bytes long.
    fn uploads_of(&self, len: u64) -> (u32, usize) {
        let uploads = self.relay.line.uploads();
        let matching: Vec<_> = uploads.iter().filter(|(_, upload)| upload.len == len).collect();
        let objects: BTreeSet<_> = matching.iter().map(|(target, _)| target.split("/parts/").next()).collect();
        (matching.iter().map(|(_, upload)| upload.attempts).sum(), objects.len())
    }

    /// Transfers in the sender's list; an ended draft is none.
    async fn listed(&self) -> u64 {
        let script = "const done = arguments[arguments.length - 1];
            fetch('/api/v1/transfers').then((answer) => answer.json()).then((page) => done(page.transfers.length));";
        self.sender.client.execute_async(script, vec![]).await.unwrap().as_u64().unwrap()
    }

    async fn arrives(&self, passed: &Passed, study: [u8; 32]) {
        let recipient = Browser::start().await;
        recipient.open(&passed.link, &passed.passcode).await;
        assert_eq!(recipient.file_names().await, ["head.png", "study.zip"]);
        assert_eq!(std::fs::read(recipient.save(0).await).unwrap(), png().bytes);
        assert_eq!(sha256_of(&recipient.save(1).await), study);
    }
}

/// Bytes of the picture once sealed.
fn picture_len() -> u64 {
    protocol::layout::object_len(png().bytes.len() as u64)
}

#[tokio::test]
async fn a_reload_in_the_middle_offers_the_draft_and_sends_only_what_was_not_there() {
    let interrupted = Interrupted::start().await;
    let Interrupted { relay, sender, .. } = &interrupted;
    assert_eq!(interrupted.drafts().await, 1);
    interrupted.reload().await;
    relay.line.release();
    sender.at_step("resume").await;
    let said = sender.text("#resume-sum").await;
    assert!(
        said.contains("2 files") && said.contains("anna@clinic.example") && said.contains("1 of them is there"),
        "{said}"
    );
    sender.click("#resume-go-on").await;
    assert!(sender.text_with("#resume-error", "study.zip").await.contains("again"));
    interrupted.choose_again("#resume-files", &[&interrupted.study(), &interrupted.picture()]).await;
    sender.click("#resume-go-on").await;
    let passed = interrupted.done().await;

    assert_eq!(interrupted.uploads_of(picture_len()), (1, 1), "what was there is untouched");
    assert_eq!(interrupted.uploads_of(protocol::layout::PART_LEN).1, 2, "the study went into a new object");
    assert!(relay.line.uploads().values().all(|upload| upload.digests.len() == 1));
    assert_eq!(interrupted.drafts().await, 0);
    interrupted.arrives(&passed, interrupted.digest).await;
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_sent_is_chosen_again_and_starts_under_a_new_key() {
    let interrupted = Interrupted::start().await;
    let Interrupted { relay, sender, .. } = &interrupted;
    std::fs::remove_file(interrupted.study()).unwrap();
    relay.line.release();
    assert!(sender.text_with("#lost-text", "study.zip").await.contains("choose it again"));
    let changed = write_noise(&interrupted.study(), STUDY_LEN + 1);
    interrupted.choose_again("#lost-file", &[&interrupted.study()]).await;
    let passed = interrupted.done().await;
    assert_eq!(interrupted.uploads_of(picture_len()), (1, 1));
    assert_eq!(interrupted.uploads_of(protocol::layout::PART_LEN).1, 2);
    assert!(relay.line.uploads().values().all(|upload| upload.digests.len() == 1), "a part was sealed twice");
    interrupted.arrives(&passed, changed).await;
}

#[tokio::test]
async fn cancelling_ends_the_draft_here_and_on_the_server() {
    let interrupted = Interrupted::start().await;
    let sender = &interrupted.sender;
    sender.click("#cancel").await;
    sender.click("#cancel-confirm").await;
    sender.at_step("choose").await;
    let ended = async { while interrupted.listed().await > 0 {} };
    tokio::time::timeout(LONG_PATIENCE, ended).await.expect("the server ends the draft");
    assert_eq!(interrupted.drafts().await, 0);
    interrupted.relay.line.release();
    interrupted.reload().await;
    sender.ready_to_send().await;
}

#[tokio::test]
async fn a_draft_is_gone_when_it_is_discarded_after_a_day_and_at_sign_out() {
    let interrupted = Interrupted::start().await;
    let sender = &interrupted.sender;
    interrupted.reload().await;
    sender.at_step("resume").await;
    sender.click("#resume-discard").await;
    sender.at_step("choose").await;
    assert_eq!(interrupted.drafts().await, 0);

    interrupted.relay.line.release();
    interrupted.begin().await;
    sender.go(&interrupted.site.url("/sent")).await;
    let age = "const done = arguments[arguments.length - 1];
        const request = indexedDB.open('filmjacket-drafts', 1);
        request.onsuccess = () => {
            const store = request.result.transaction('drafts', 'readwrite').objectStore('drafts');
            store.openCursor().onsuccess = ({target}) => {
                const cursor = target.result;
                cursor.update({...cursor.value, at: cursor.value.at - 86400}).onsuccess = () => { request.result.close(); done(true); };
            };
        };";
    sender.client.execute_async(age, vec![]).await.unwrap();
    interrupted.reload().await;
    sender.ready_to_send().await;
    let wiped = async { while interrupted.drafts().await > 0 {} };
    tokio::time::timeout(LONG_PATIENCE, wiped).await.expect("the old draft is wiped");
    assert!(sender.is_shown("#step-choose").await);

    interrupted.relay.line.release();
    interrupted.begin().await;
    assert_eq!(interrupted.drafts().await, 1);
    sender.go(&interrupted.site.url("/sent")).await;
    sender.click("#sign-out").await;
    sender.until("location.pathname === '/'").await;
    assert_eq!(interrupted.drafts().await, 0);
}

#[tokio::test]
async fn one_tab_at_a_time_goes_on_with_a_draft() {
    let interrupted = Interrupted::start().await;
    let client = &interrupted.sender.client;
    let first = client.window().await.unwrap();
    let second = client.new_window(true).await.unwrap();
    client.switch_to_window(second.handle).await.unwrap();
    interrupted.reload().await;
    interrupted.sender.ready_to_send().await;
    interrupted.sender.pick(&[interrupted.picture()]).await;
    assert_eq!(interrupted.drafts().await, 1);
    client.switch_to_window(first).await.unwrap();
    interrupted.relay.line.release();
    let passed = interrupted.done().await;
    interrupted.arrives(&passed, interrupted.digest).await;
}

#[tokio::test]
async fn what_a_department_has_left_is_told_before_files_are_chosen_and_what_is_more_is_not_taken() {
    let site = Site::start_with("limits.by_department.Radiology = 1");
    let browser = Browser::start().await;
    browser.sign_in(&site).await;
    let store = &site.app().store;
    let account = store.find_account(&EmailAddress::parse(SENDER, "email").unwrap()).await.unwrap().unwrap();
    let mut may = account.standing;
    "Radiology".clone_into(&mut may.department);
    let entry = AuditEntry::by("operator", Event::PersonChanged, site.clock.now());
    store.change_person(&account.account_id, &may, &entry).await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let (small, large) = (folder.path().join("small.png"), folder.path().join("large.zip"));
    std::fs::write(&small, png().bytes).unwrap();
    // Long, and nothing on the disk: nobody reads it.
    std::fs::File::create(&large).unwrap().set_len(1024 * MIB).unwrap();
    browser.go(&site.url("/send")).await;
    browser.ready_to_send().await;
    let told = browser.text_with("#policy", "The transfers of Radiology hold").await.replace('\u{a0}', " ");
    assert!(told.contains("hold 0 bytes of 1 GB together: 1 GB are left."), "{told}");
    browser.prepare(&[small]).await;
    browser.click("#back").await;
    browser.pick(&[large]).await;
    browser.text_with("#files-error", "there is not so much room left").await;
    assert_eq!(browser.value("document.querySelectorAll('#file-list li').length").await, 1);
}
