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
}

const LOADS: [Load; 3] = [
    Load { key: "64M", name: "64 MiB", lens: &[64 * MIB], promised: false },
    Load { key: "1G", name: "1 GiB", lens: &[1024 * MIB], promised: true },
    Load { key: "10G", name: "5 × 2 GiB", lens: &[2048 * MIB; 5], promised: false },
];
const QUICK: [Load; 1] = [Load { key: "20M", name: "20 MiB", lens: &[20 * MIB], promised: false }];

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
            measure(load, &files, engine, &bare).await;
        }
    }
}

/// All figures of one load in one engine. Each browser is fresh, so that none pays for what another left behind.
async fn measure(load: &Load, files: &[(PathBuf, [u8; 32])], engine: Engine, bare: &str) {
    let paths: Vec<PathBuf> = files.iter().map(|(path, _)| path.clone()).collect();
    let browser = Browser::start_in(engine).await;
    let name = name_of(&browser).await;
    let bare_upload = bare::upload(&browser, bare, &paths, Via::Memory).await;
    drop(browser);
    let browser = Browser::start_in(engine).await;
    let bare_reference = bare::upload(&browser, bare, &paths, Via::Reference).await;
    drop(browser);
    let browser = Browser::start_in(engine).await;
    let bare_download = bare::download(&browser, bare, load.lens).await;
    drop(browser);

    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let (passed, sent) = send(&server, engine, &paths).await;
    let opened = open(&passed, engine, files).await;
    let picked = if engine == Engine::Chromium { Some(open_into_picked(&passed, files).await) } else { None };

    let seconds = |what: &str, value: f64| Row {
        part: "c",
        name: format!("{what} {}", load.name),
        value,
        unit: "s",
        beside: None,
        target: None,
    };
    let target = load.promised.then_some("<= 1.5");
    seconds("bare upload", bare_upload).print(&name);
    Row { beside: Some(("bare upload", bare_upload)), target, ..seconds("send", sent.seconds) }.print(&name);
    seconds("bare upload by reference", bare_reference).print(&name);
    seconds("bare download", bare_download).print(&name);
    let beside = Some(("bare download", bare_download));
    Row { beside, target, ..seconds("open", opened.seconds) }.print(&name);
    if let Some(picked) = &picked {
        Row { beside, target, ..seconds("open, picked", picked.seconds) }.print(&name);
    }
    let memory = |what: &str, value: f64, target: &'static str| Row {
        part: "d",
        name: format!("{what} {}", load.name),
        value,
        unit: "MB",
        beside: None,
        target: Some(target),
    };
    memory("tab above idle, send", sent.tab, "<= 300").print(&name);
    memory("tab above idle, open", opened.tab, "<= 300").print(&name);
    if let Some(picked) = &picked {
        memory("tab above idle, open, picked", picked.tab, "<= 300").print(&name);
    }
    memory("server at most, send and open", server.peak_memory(), "<= 100").print(&name);
}

/// What one direction took.
pub(super) struct Taken {
    pub(super) seconds: f64,
    /// MB of the tab above idle.
    tab: f64,
}

/// From *Seal and send* to the passcode on the screen.
pub(super) async fn send(server: &Server, engine: Engine, paths: &[PathBuf]) -> (Passed, Taken) {
    let browser = Browser::start_in(engine).await;
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
    let browser = Browser::start_in(engine).await;
    let mut saved: Vec<PathBuf> = Vec::new();
    let taken = open_in(&browser, passed, files.len(), async || saved.push(browser.new_download(&saved).await)).await;
    check(&saved, files);
    taken
}

/// The same to the last file being whole where the person picked it.
async fn open_into_picked(passed: &Passed, files: &[(PathBuf, [u8; 32])]) -> Taken {
    let browser =
        Browser::start_with(Options { engine: Engine::Chromium, with_picker: true, ..Options::default() }).await;
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
