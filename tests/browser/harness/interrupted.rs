//! Transfers in whose middle something comes between.

use std::path::Path;
use std::sync::Arc;

use fantoccini::Locator;
use tokio::sync::Notify;

use super::browser::Browser;
use super::files::{png, write_all, write_noise};
use super::page::LONG_PATIENCE;
use super::relay::{Relay, Request, header};
use super::site::Site;
use super::steps::Passed;

/// Ten parts: more than all helpers hold.
pub(crate) const STUDY_LEN: u64 = 80_000_000;

/// A picture that is there already and a study that is held in its middle.
pub(crate) struct Interrupted {
    pub(crate) site: Site,
    pub(crate) relay: Relay,
    pub(crate) sender: Browser,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) digest: [u8; 32],
}

impl Interrupted {
    pub(crate) async fn start() -> Self {
        let (site, relay) = Site::start_relayed().await;
        let folder = tempfile::tempdir().unwrap();
        let digest = write_noise(&folder.path().join("study.zip"), STUDY_LEN);
        write_all(folder.path(), &[png()]);
        let sender = Browser::start().await;
        sender.sign_in(&site).await;
        let interrupted = Self { site, relay, sender, folder, digest };
        interrupted.begin().await;
        interrupted
    }

    pub(crate) async fn begin(&self) {
        self.sender.prepare(&[self.picture(), self.study()]).await;
        self.relay.line.hold_after(STUDY_LEN / 5);
        self.sender.click("#seal-and-send").await;
        self.relay.line.held().await;
        self.sender.text_with("#progress-files li[data-index='0']", "done").await;
    }

    pub(crate) fn picture(&self) -> std::path::PathBuf {
        self.folder.path().join("head.png")
    }

    pub(crate) fn study(&self) -> std::path::PathBuf {
        self.folder.path().join("study.zip")
    }

    /// Picks files where `css` is.
    pub(crate) async fn choose_again(&self, css: &str, files: &[&Path]) {
        let lines: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
        self.sender.client.find(Locator::Css(css)).await.unwrap().send_keys(&lines.join("\n")).await.unwrap();
    }

    pub(crate) async fn reload(&self) {
        self.sender.go(&self.site.url("/send")).await;
    }

    pub(crate) async fn done(&self) -> Passed {
        self.sender.at_step_within("done", LONG_PATIENCE).await;
        Passed { link: self.sender.text("#link").await, passcode: self.sender.text("#passcode").await }
    }
}

/// Holds back the fourth part of a file until told, and then gives nothing of it, until made honest.
pub(crate) fn hold_fourth_part(relay: &Relay) -> Arc<Notify> {
    let held = Arc::new(Notify::new());
    let hold = Arc::clone(&held);
    relay.tamper(move |request, answer| {
        if part_of(request) == Some(3) {
            answer.held = Some(Arc::clone(&hold));
            answer.cut_after = Some(0);
        }
    });
    held
}

/// Which part a request for an object asks for.
pub(crate) fn part_of(request: &Request) -> Option<u64> {
    request.target.strip_prefix("/api/v1/open/objects/")?;
    let range = header(&request.head, "range")?.strip_prefix("bytes=")?;
    Some(range.split_once('-')?.0.parse::<u64>().ok()? / protocol::layout::PART_LEN)
}
