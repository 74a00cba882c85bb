//! Connections and servers that go away in the middle.

use crate::harness::browser::Browser;
use crate::harness::files::{dicom, sha256_of, write_noise};
use crate::harness::native::{Parcel, Sender};
use crate::harness::page::LONG_PATIENCE;
use crate::harness::site::Site;
use crate::harness::steps::{Passed, SENDER};

#[tokio::test]
async fn an_upload_goes_on_after_the_server_was_gone() {
    let mut site = Site::start();
    let folder = tempfile::tempdir().unwrap();
    let study = folder.path().join("study.zip");
    let digest = write_noise(&study, 100_000_000);
    let sender = Browser::start().await;
    sender.sign_in(&site).await;
    sender.prepare(&[study]).await;
    sender.click("#seal-and-send").await;
    sender.at_step("progress").await;
    let some = "const p = document.querySelector('#progress-all'); return p.value > 0 && p.value < p.max";
    sender.until_run(some, vec![], LONG_PATIENCE).await;

    site.stop().await;
    sender.shown("#network-note").await;
    site.start_again();

    sender.at_step_within("done", LONG_PATIENCE).await;
    let passed = Passed { link: sender.text("#link").await, passcode: sender.text("#passcode").await };
    let recipient = Browser::start().await;
    recipient.open(&passed.link, &passed.passcode).await;
    assert_eq!(sha256_of(&recipient.save(0).await), digest);
}

#[tokio::test]
async fn a_short_answer_is_asked_for_again_and_never_called_complete() {
    let (site, relay) = Site::start_relayed().await;
    let sent = Sender::sign_in(&site, SENDER).await.send(&Parcel::of([dicom()])).await;
    let recipient = Browser::start().await;
    recipient.open(&sent.link, &sent.passcode).await;
    relay.tamper(|request, answer| {
        if request.target.starts_with("/api/v1/open/objects/") {
            // Not a cut connection: the answer itself is one byte short, and says so.
            answer.body.pop();
        }
    });
    recipient.click("#step-files li[data-index='0'] .save").await;
    recipient.shown("#save-note").await;
    assert!(recipient.saved().is_empty());
    assert_eq!(recipient.text("#verified").await, "0 of 1 verified");
    relay.be_honest();
    let saved = recipient.new_download(&[]).await;
    assert_eq!(std::fs::read(saved).unwrap(), dicom().bytes);
}
