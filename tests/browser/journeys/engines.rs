//! The whole journey in each family of browsers, and from one into another: what is saved is what was sent.

use crate::harness::browser::Browser;
use crate::harness::engine::Engine;
use crate::harness::files::{self, sha256_of, write_all, write_noise};
use crate::harness::site::Site;
use crate::harness::steps::RECIPIENT;

/// Three parts, the last of them short.
const STUDY_LEN: u64 = 20_000_003;

#[tokio::test]
async fn what_chromium_sends_chromium_opens() {
    arrives(Engine::Chromium, Engine::Chromium).await;
}

#[tokio::test]
async fn what_firefox_sends_firefox_opens() {
    arrives(Engine::Firefox, Engine::Firefox).await;
}

#[tokio::test]
async fn what_webkit_sends_webkit_opens() {
    arrives(Engine::WebKit, Engine::WebKit).await;
}

#[tokio::test]
async fn what_firefox_sends_chromium_opens() {
    arrives(Engine::Firefox, Engine::Chromium).await;
}

async fn arrives(sending: Engine, opening: Engine) {
    let site = Site::start();
    let folder = tempfile::tempdir().unwrap();
    let mut paths = write_all(folder.path(), &[files::png(), files::dicom(), files::empty()]);
    paths.push(folder.path().join("study.zip"));
    write_noise(&paths[3], STUDY_LEN);

    let sender = Browser::start_in(sending).await;
    let passed = sender.send(&site, &paths).await;
    drop(sender);
    assert_eq!(site.link_for(RECIPIENT).await, passed.link);

    let recipient = Browser::start_in(opening).await;
    recipient.open(&passed.link, &passed.passcode).await;
    for (index, path) in paths.iter().enumerate() {
        let saved = recipient.save(index).await;
        assert_eq!(sha256_of(&saved), sha256_of(path), "{}", path.display());
        assert_eq!(saved.file_name(), path.file_name());
    }
    recipient.text_with("#verified", "4 of 4 verified").await;
}
