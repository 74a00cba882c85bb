//! (h) Whole transfers through a real S3 store beside bare ones to the same store, and the server's memory on the way.

use std::path::{Path, PathBuf};
use std::process::Command;

use futures_util::future::join_all;
use protocol::layout::object_len;
use tokio::task::spawn_blocking;

use super::bare::HOUR;
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

#[tokio::test]
#[ignore = "measures; `cargo xtask bench h` runs it"]
async fn one_gibibyte_through_a_bucket_beside_a_bare_upload() {
    let (len, name) = if is_quick() { (20 * MIB, "20 MiB") } else { (1024 * MIB, "1 GiB") };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("study.zip");
    let digest = write_noise_of(0, &path, len);
    let files = [(path.clone(), digest)];
    let endpoint = garage::endpoint();
    let engine = name_of(&Browser::start_in(Engine::Chromium).await).await;

    let bare = path.clone();
    let bare = spawn_blocking(move || (sdk::upload(endpoint, &bare), sdk::download(endpoint, len)));
    let (bare_upload, bare_download) = bare.await.unwrap();
    let sealed = folder.path().join("sealed");
    write_noise_of(1, &sealed, object_len(len));
    row(format!("bare upload {name}"), bare_upload, "s").print("aws-sdk-s3");
    row(format!("bare download {name}"), bare_download, "s").print("aws-sdk-s3");
    let beside = |what, bare, seconds, target| Row {
        beside: Some(bare),
        target: if is_quick() { None } else { target },
        ..row(format!("{what} {name}"), seconds, "s")
    };
    let (bare_upload, bare_download) = (("bare upload", bare_upload), ("bare download", bare_download));
    for mode in MODES {
        let data = tempfile::tempdir().unwrap();
        let server = start(mode, endpoint, data.path());
        let sealed = sealed.clone();
        let (server, native) = spawn_blocking(move || {
            let took = native::send(&server, &sealed);
            (server, took)
        })
        .await
        .unwrap();
        beside(&format!("upload by API, {mode},"), bare_upload, native, Some("<= 1.5")).print("native");
        let (passed, sent) = send(&server, Engine::Chromium, std::slice::from_ref(&path)).await;
        let opened = open(&passed, Engine::Chromium, &files).await;
        beside(&format!("send, {mode},"), bare_upload, sent.seconds, Some("<= 1.5")).print(&engine);
        beside(&format!("open, {mode},"), bare_download, opened.seconds, None).print(&engine);
        let memory = format!("server at most, send and open, {mode}, {name}");
        Row { target: Some("<= 100"), ..row(memory, server.peak_memory(), "MB") }.print(&engine);
    }

    let data = tempfile::tempdir().unwrap();
    let server = start(MODES[0], endpoint, data.path());
    send_at_once(&server, folder.path(), len / SENDERS as u64).await;
    let memory = format!("server at most, {SENDERS} uploads at once, {}", MODES[0]);
    Row { target: Some("<= 100"), ..row(memory, server.peak_memory(), "MB") }.print(&engine);
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
