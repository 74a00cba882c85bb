//! (h) Whole transfers through a real S3 store beside bare ones to the same store, and the server's memory on the way.

use std::path::{Path, PathBuf};
use std::process::Command;

use futures_util::future::join_all;
use protocol::layout::object_len;
use tokio::task::spawn_blocking;

use super::bare::{self, HOUR, Via};
use super::server::Server;
use super::transfers::{open, send};
use super::{Row, is_quick, name_of, native, sdk};
use crate::garage::{self, BUCKET, KEY_ID, REGION, SECRET};
use crate::harness::browser::Browser;
use crate::harness::engine::Engine;
use crate::harness::files::write_noise_of;

const MIB: u64 = 1024 * 1024;

/// Browsers that send at once when the server's memory is told.
const SENDERS: usize = 4;

/// As `storage.s3.mode` names them.
const MODES: [&str; 2] = ["proxied", "direct"];

/// What stands beside a transfer, in seconds.
struct Bare {
    upload: f64,
    download: f64,
    /// Chromium's, of what a page has in memory.
    upload_by_fetch: f64,
}

#[tokio::test]
#[ignore = "measures; `cargo xtask bench h` runs it"]
async fn one_gibibyte_through_a_bucket_beside_a_bare_upload() {
    let (len, name) = if is_quick() { (20 * MIB, "20 MiB") } else { (1024 * MIB, "1 GiB") };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("study.zip");
    let sealed = folder.path().join("sealed");
    let files = [(path.clone(), write_noise_of(0, &path, len))];
    write_noise_of(1, &sealed, object_len(len));
    let endpoint = garage::endpoint();
    let engine = name_of(&Browser::start_in(Engine::Chromium).await).await;

    let bare = measure_bare(endpoint, &path).await;
    row(format!("bare upload {name}"), bare.upload, "s").print("aws-sdk-s3");
    row(format!("bare download {name}"), bare.download, "s").print("aws-sdk-s3");
    row(format!("bare upload by fetch {name}"), bare.upload_by_fetch, "s").print(&engine);
    let beside = |what: &str, bare, seconds, target| Row {
        beside: Some(bare),
        target: if is_quick() { None } else { target },
        ..row(format!("{what} {name}"), seconds, "s")
    };
    let (upload, download) = (("bare upload", bare.upload), ("bare download", bare.download));
    let upload_by_fetch = ("bare upload by fetch", bare.upload_by_fetch);
    for mode in MODES {
        let data = tempfile::tempdir().unwrap();
        let server = start(mode, endpoint, data.path());
        let (server, native) = send_natively(server, &sealed).await;
        beside(&format!("upload by API, {mode},"), upload, native, Some("<= 1.5")).print("native");
        let (passed, sent) = send(&server, Engine::Chromium, std::slice::from_ref(&path)).await;
        let opened = open(&passed, Engine::Chromium, &files).await;
        beside(&format!("send, {mode},"), upload, sent.seconds, Some("<= 1.5")).print(&engine);
        beside(&format!("send, {mode},"), upload_by_fetch, sent.seconds, Some("<= 1.5")).print(&engine);
        beside(&format!("open, {mode},"), download, opened.seconds, None).print(&engine);
        let memory = format!("server at most, send and open, {mode}, {name}");
        Row { target: Some("<= 100"), ..row(memory, server.peak_memory(), "MB") }.print(&engine);
    }

    let data = tempfile::tempdir().unwrap();
    let server = start(MODES[0], endpoint, data.path());
    send_at_once(&server, folder.path(), len / SENDERS as u64).await;
    let memory = format!("server at most, {SENDERS} uploads at once, {}", MODES[0]);
    Row { target: Some("<= 100"), ..row(memory, server.peak_memory(), "MB") }.print(&engine);
}

async fn measure_bare(endpoint: &'static str, path: &Path) -> Bare {
    let (file, len) = (path.to_owned(), path.metadata().unwrap().len());
    let by_sdk = spawn_blocking(move || {
        (sdk::upload(endpoint, &file), sdk::download(endpoint, len), sdk::sign_parts(endpoint, len))
    });
    let (upload, download, urls) = by_sdk.await.unwrap();
    let (browser, origin) = (Browser::start_in(Engine::Chromium).await, bare::serve());
    let upload_by_fetch = bare::upload_to(&browser, &origin, &[path.to_owned()], Via::Memory, &urls).await;
    Bare { upload, download, upload_by_fetch }
}

/// Threads of its own run the clients.
async fn send_natively(server: Server, sealed: &Path) -> (Server, f64) {
    let sealed = sealed.to_owned();
    let sent = spawn_blocking(move || {
        let seconds = native::send(&server, &sealed);
        (server, seconds)
    });
    sent.await.unwrap()
}

fn row(name: String, value: f64, unit: &str) -> Row<'_> {
    Row { part: "h", name, value, unit, beside: None, target: None }
}

/// A server with a place of its own in the bucket, which is set up for it as an administrator does.
fn start(mode: &str, endpoint: &str, data: &Path) -> Server {
    let settings = [
        ("FILMJACKET_STORAGE__S3__BUCKET", BUCKET.to_owned()),
        ("FILMJACKET_STORAGE__S3__ENDPOINT", endpoint.to_owned()),
        ("FILMJACKET_STORAGE__S3__REGION", REGION.to_owned()),
        ("FILMJACKET_STORAGE__S3__MODE", mode.to_owned()),
        ("FILMJACKET_STORAGE__S3__ACCESS_KEY_ID", KEY_ID.to_owned()),
        ("FILMJACKET_STORAGE__S3__SECRET_ACCESS_KEY", SECRET.to_owned()),
        ("FILMJACKET_STORAGE__S3__PREFIX", garage::own_prefix()),
    ];
    let server = Server::start_with(data, &settings);
    let mut setup = Command::new(env!("CARGO_BIN_EXE_filmjacket"));
    setup.args(["storage", "setup"]).env("FILMJACKET_DATA", data).env("FILMJACKET_PUBLIC_URL", &server.origin);
    let told = setup.envs(settings).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    server
}

/// Browsers that send a file of this length each, all at the same time.
async fn send_at_once(server: &Server, folder: &Path, len: u64) {
    let mut senders = Vec::new();
    for number in 0..SENDERS {
        let path: PathBuf = folder.join(format!("{number}.bin"));
        write_noise_of(number as u64 + 1, &path, len);
        let browser = Browser::start_in(Engine::Chromium).await;
        browser.sign_in_at(&server.origin, async || server.next_code()).await;
        browser.prepare(&[path]).await;
        senders.push(browser);
    }
    join_all(senders.iter().map(async |browser| {
        browser.click("#seal-and-send").await;
        browser.at_step_within("done", HOUR).await;
    }))
    .await;
}
