//! (c) Whole transfers through the product's pages beside bare ones, and (d) the memory that they take.

use std::path::PathBuf;
use std::time::Instant;

use super::bare::{self, HOUR, Via};
use super::memory::Watch;
use super::server::Server;
use super::{Row, is_quick, name_of};
use crate::harness::browser::{Browser, Options};
use crate::harness::engine::Engine;
use crate::harness::files::{sha256_of, write_noise_of};
use crate::harness::steps::Passed;

const MIB: u64 = 1024 * 1024;

/// What is sent.
struct Load {
    /// As `BENCH_SIZES` names it.
    key: &'static str,
    name: &'static str,
    /// Of its files.
    lens: &'static [u64],
    /// Whether its ratios are promised. Small ones are mostly the passcode's key derivation, which is slow on purpose.
    promised: bool,
    /// How often it is measured; the fastest counts, for interference only adds.
    rounds: usize,
}

const LOADS: [Load; 3] = [
    Load { key: "64M", name: "64 MiB", lens: &[64 * MIB], promised: false, rounds: 3 },
    Load { key: "1G", name: "1 GiB", lens: &[1024 * MIB], promised: true, rounds: 3 },
    Load { key: "10G", name: "5 × 2 GiB", lens: &[2048 * MIB; 5], promised: false, rounds: 1 },
];
/// Large enough for the file picker: smaller ones are put together in memory.
const QUICK: [Load; 1] = [Load { key: "40M", name: "40 MiB", lens: &[40 * MIB], promised: false, rounds: 1 }];

#[tokio::test]
#[ignore = "measures; `cargo xtask bench` runs it"]
async fn whole_transfers_beside_bare_ones() {
    let bare = bare::serve();
    let all: &[Load] = if is_quick() { &QUICK } else { &LOADS };
    let wanted = std::env::var("BENCH_SIZES").unwrap_or_default();
    let is_wanted = |load: &&Load| is_quick() || wanted.is_empty() || wanted.split(',').any(|key| key == load.key);
    for load in all.iter().filter(is_wanted) {
        let folder = tempfile::tempdir().unwrap();
        let write = |(index, len): (usize, &u64)| {
            let path = folder.path().join(format!("{index}.bin"));
            let digest = write_noise_of(index as u64, &path, *len);
            (path, digest)
        };
        let files: Vec<(PathBuf, [u8; 32])> = load.lens.iter().enumerate().map(write).collect();
        for engine in [Engine::Chromium, Engine::Firefox] {
            let (name, mut figures) = measure(&files, engine, &bare).await;
            for _ in 1..load.rounds {
                figures = figures.and(measure(&files, engine, &bare).await.1);
            }
            figures.print(load, &name);
        }
    }
}

/// What one load took in one engine.
#[derive(Clone, Copy)]
struct Figures {
    bare_upload: f64,
    bare_by_reference: f64,
    bare_download: f64,
    bare_saved: f64,
    sent: Taken,
    opened: Taken,
    /// Chromium's other way of saving.
    picked: Option<Taken>,
    /// MB of the server.
    server: f64,
}

impl Figures {
    /// The shorter times and the larger memories of two rounds.
    fn and(self, other: Self) -> Self {
        Self {
            bare_upload: self.bare_upload.min(other.bare_upload),
            bare_by_reference: self.bare_by_reference.min(other.bare_by_reference),
            bare_download: self.bare_download.min(other.bare_download),
            bare_saved: self.bare_saved.min(other.bare_saved),
            sent: self.sent.and(other.sent),
            opened: self.opened.and(other.opened),
            picked: self.picked.zip(other.picked).map(|(one, other)| one.and(other)),
            server: self.server.max(other.server),
        }
    }

    fn print(&self, load: &Load, engine: &str) {
        let row = |part, what: &str, value, unit| Row {
            part,
            name: format!("{what} {}", load.name),
            value,
            unit,
            beside: None,
            target: None,
        };
        let seconds = |what, value| row("c", what, value, "s").print(engine);
        let beside = |what, value, other, target| {
            Row { beside: Some(other), target, ..row("c", what, value, "s") }.print(engine);
        };
        let promised = load.promised.then_some("<= 1.5");
        let (download, saved) = (("bare download", self.bare_download), ("bare, saved", self.bare_saved));
        seconds("bare upload", self.bare_upload);
        beside("send", self.sent.seconds, ("bare upload", self.bare_upload), promised);
        seconds("bare upload by reference", self.bare_by_reference);
        seconds("bare download", self.bare_download);
        beside("bare download, saved", self.bare_saved, download, None);
        beside("open", self.opened.seconds, download, promised);
        let memory = |what, value, target| Row { target: Some(target), ..row("d", what, value, "MB") }.print(engine);
        memory("tab above idle, send", self.sent.tab, "<= 300");
        memory("tab above idle, open", self.opened.tab, "<= 300");
        if let Some(picked) = &self.picked {
            beside("open, picked", picked.seconds, download, promised);
            beside("open, picked", picked.seconds, saved, None);
            memory("tab above idle, open, picked", picked.tab, "<= 300");
        } else {
            beside("open", self.opened.seconds, saved, None);
        }
        memory("server at most, send and open", self.server, "<= 100");
    }
}

/// One round of one load. Each figure comes from a fresh browser and begins when all files of those before are on the disk, so
/// that none pays for what another left behind.
async fn measure(files: &[(PathBuf, [u8; 32])], engine: Engine, bare: &str) -> (String, Figures) {
    let paths: Vec<PathBuf> = files.iter().map(|(path, _)| path.clone()).collect();
    let lens: Vec<u64> = paths.iter().map(|path| path.metadata().unwrap().len()).collect();
    let browser = start_fresh(engine).await;
    let name = name_of(&browser).await;
    let bare_upload = bare::upload(&browser, bare, &paths, Via::Memory).await;
    drop(browser);
    let bare_by_reference = bare::upload(&start_fresh(engine).await, bare, &paths, Via::Reference).await;
    let bare_download = bare::download(&start_fresh(engine).await, bare, &lens).await;
    let bare_saved = bare::download_and_save(&start_fresh(engine).await, bare, &lens).await;

    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let (passed, sent) = send(&server, engine, &paths).await;
    let opened = open(&passed, engine, files).await;
    let picked = if engine == Engine::Chromium { Some(open_into_picked(&passed, files).await) } else { None };
    let server = server.peak_memory();
    (name, Figures { bare_upload, bare_by_reference, bare_download, bare_saved, sent, opened, picked, server })
}

/// A browser that nobody has used, on a machine that has nothing left to write.
async fn start_fresh(engine: Engine) -> Browser {
    start_fresh_with(Options { engine, ..Options::default() }).await
}

async fn start_fresh_with(options: Options) -> Browser {
    assert!(std::process::Command::new("sync").status().unwrap().success());
    Browser::start_with(options).await
}

/// What one direction took.
#[derive(Clone, Copy)]
pub(super) struct Taken {
    pub(super) seconds: f64,
    /// MB of the tab above idle.
    tab: f64,
}

impl Taken {
    fn and(self, other: Self) -> Self {
        Self { seconds: self.seconds.min(other.seconds), tab: self.tab.max(other.tab) }
    }
}

/// From *Seal and send* to the passcode on the screen.
pub(super) async fn send(server: &Server, engine: Engine, paths: &[PathBuf]) -> (Passed, Taken) {
    let browser = start_fresh(engine).await;
    browser.sign_in_at(&server.origin, async || server.next_code()).await;
    let watch = Watch::start(&browser);
    browser.prepare(paths).await;
    let begun = Instant::now();
    browser.click("#seal-and-send").await;
    browser.at_step_within("done", HOUR).await;
    let seconds = begun.elapsed().as_secs_f64();
    let taken = Taken { seconds, tab: watch.peak() };
    (Passed { link: browser.text("#link").await, passcode: browser.text("#passcode").await }, taken)
}

/// From *Open*, with the passcode typed, to the last file in the download folder.
pub(super) async fn open(passed: &Passed, engine: Engine, files: &[(PathBuf, [u8; 32])]) -> Taken {
    let browser = start_fresh(engine).await;
    let mut saved: Vec<PathBuf> = Vec::new();
    let taken = open_in(&browser, passed, files.len(), async || saved.push(browser.new_download(&saved).await)).await;
    check(&saved, files);
    taken
}

/// The same to the last file being whole where the person picked it.
async fn open_into_picked(passed: &Passed, files: &[(PathBuf, [u8; 32])]) -> Taken {
    let options = Options { engine: Engine::Chromium, with_picker: true, ..Options::default() };
    let browser = start_fresh_with(options).await;
    let taken = open_in(&browser, passed, files.len(), async || {}).await;
    let mut picked = browser.picked();
    picked.sort();
    check(&picked, files);
    taken
}

/// What was saved is what was sent, in this order.
fn check(saved: &[PathBuf], files: &[(PathBuf, [u8; 32])]) {
    assert_eq!(saved.len(), files.len());
    for (path, (_, digest)) in saved.iter().zip(files) {
        assert_eq!(&sha256_of(path), digest, "{}: what was saved is not what was sent", path.display());
    }
}

/// Opens a transfer and saves its files one after the other; after each, `is_there` waits until it is where it belongs.
async fn open_in(browser: &Browser, passed: &Passed, files: usize, mut is_there: impl AsyncFnMut()) -> Taken {
    browser.follow(&passed.link).await;
    let watch = Watch::start(browser);
    browser.type_passcode(&passed.passcode).await;
    let begun = Instant::now();
    browser.click("#open").await;
    browser.at_step("files").await;
    for index in 0..files {
        browser.click(&format!("#step-files li[data-index='{index}'] .save")).await;
        let status = format!("#step-files li[data-index='{index}'] .status");
        browser.text_with_within(&status, "saved", HOUR).await;
        is_there().await;
    }
    Taken { seconds: begun.elapsed().as_secs_f64(), tab: watch.peak() }
}
