//! Send → mail → open, with real files: what is saved is what was sent, byte for byte.

use crate::harness::browser::Browser;
use crate::harness::engine::Engine;
use crate::harness::files::{self, sha256_of, write_all, write_noise};
use crate::harness::native::File;
use crate::harness::site::Site;
use crate::harness::steps::RECIPIENT;

#[tokio::test]
async fn real_files_arrive_as_they_were_sent() {
    let site = Site::start();
    let folder = tempfile::tempdir().unwrap();
    let sent = [files::png(), files::jpeg(), files::pdf(), files::dicom(), files::empty()];

    let sender = Browser::start().await;
    let passed = sender.send(&site, &write_all(folder.path(), &sent)).await;
    assert_eq!(site.link_for(RECIPIENT).await, passed.link, "the mail brings the link that the sender sees");

    let recipient = Browser::start_in(Engine::Chromium).await;
    recipient.open(&passed.link, &passed.passcode).await;
    assert_eq!(recipient.file_names().await, sent.each_ref().map(|file| file.name.clone()));
    for (index, file) in sent.iter().enumerate() {
        let saved = recipient.save(index).await;
        assert_eq!(std::fs::read(&saved).unwrap(), file.bytes, "{}", file.name);
        assert_eq!(saved.file_name().unwrap().to_str().unwrap(), file.name);
    }
    recipient.text_with("#verified", "5 of 5 verified").await;
    assert_eq!(errors_of(&recipient).await, [""; 0]);
    assert_eq!(errors_of(&sender).await, [""; 0]);
}

#[tokio::test]
async fn all_files_are_saved_as_one_archive() {
    let site = Site::start();
    let folder = tempfile::tempdir().unwrap();
    let sent = [files::png(), files::dicom(), files::empty()];
    let sender = Browser::start().await;
    let passed = sender.send(&site, &write_all(folder.path(), &sent)).await;
    let recipient = Browser::start_in(Engine::Chromium).await;
    recipient.open(&passed.link, &passed.passcode).await;

    recipient.click("#save-all").await;
    let archive = recipient.new_download(&[]).await;

    let unpacked = folder.path().join("unpacked");
    let unzip =
        std::process::Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&archive).arg(&unpacked).status();
    assert!(unzip.unwrap().success(), "another program reads the archive");
    for file in sent {
        assert_eq!(std::fs::read(unpacked.join(&file.name)).unwrap(), file.bytes, "{}", file.name);
    }
    recipient.text_with("#verified", "3 of 3 verified").await;
}

#[tokio::test]
async fn three_hundred_megabytes_arrive_as_they_were_sent() {
    let site = Site::start();
    let folder = tempfile::tempdir().unwrap();
    let study = folder.path().join("series.zip");
    // Not a multiple of anything: the last part and the last chunk are short.
    let digest = write_noise(&study, 300_000_007);

    let sender = Browser::start().await;
    let passed = sender.send(&site, &[study]).await;
    drop(sender);
    let recipient = Browser::start_in(Engine::Chromium).await;
    recipient.open(&passed.link, &passed.passcode).await;
    let saved = recipient.save(0).await;
    assert_eq!(sha256_of(&saved), digest);
}

#[tokio::test]
async fn pictures_are_shown_before_they_are_saved() {
    let site = Site::start();
    let folder = tempfile::tempdir().unwrap();
    let sender = Browser::start().await;
    let passed = sender.send(&site, &write_all(folder.path(), &[files::png(), files::jpeg()])).await;
    let recipient = Browser::start().await;
    recipient.open(&passed.link, &passed.passcode).await;
    for index in 0..2 {
        recipient.click(&format!("#step-files li[data-index='{index}'] .view")).await;
        let width = recipient.until("document.querySelector('#viewer[open] img')?.naturalWidth").await;
        assert_eq!(width, 320);
        recipient.click("#viewer-close").await;
    }
}

#[tokio::test]
async fn a_sixth_file_is_refused_with_a_sentence() {
    let site = Site::start();
    let folder = tempfile::tempdir().unwrap();
    let six: Vec<File> = (1..=6).map(|n| File::new(&format!("{n}.png"), "image/png", files::png().bytes)).collect();
    let paths = write_all(folder.path(), &six);
    let sender = Browser::start().await;
    sender.sign_in(&site).await;
    sender.pick(&paths).await;
    let said = sender.text_with("#files-error", "5").await;
    assert!(said.contains("files"), "{said}");
    let listed = sender.value("document.querySelectorAll('#step-choose #file-list li').length").await;
    assert!(listed.as_u64().unwrap() <= 5);
}

/// What the console calls an error, such as a broken content policy.
pub(super) async fn errors_of(browser: &Browser) -> Vec<String> {
    browser.console().await.into_iter().filter(|line| line.starts_with("SEVERE")).collect()
}
