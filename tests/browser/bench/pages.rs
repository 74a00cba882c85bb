//! (k) How long the pages keep a person waiting, where no bytes of a study do: until files can be chosen, and until a right
//! passcode shows the files.

use std::time::Instant;

use super::server::Server;
use super::{Row, name_of};
use crate::harness::browser::Browser;
use crate::harness::engine::Engine;
use crate::harness::files::write_noise_of;
use crate::harness::steps::Passed;

/// Each is done this often, and the slowest counts.
const ROUNDS: usize = 5;

#[tokio::test]
#[ignore = "measures; `cargo xtask bench k` runs it"]
async fn pages_keep_nobody_waiting() {
    for engine in [Engine::Chromium, Engine::Firefox, Engine::WebKit] {
        measure(engine).await;
    }
}

async fn measure(engine: Engine) {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let study = data.path().join("study.zip");
    write_noise_of(0, &study, 1024 * 1024);

    let browser = Browser::start_in(engine).await;
    let name = name_of(&browser).await;
    browser.sign_in_at(&server.origin, async || server.next_code()).await;
    let mut ready = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        browser.go(&format!("{}/send", server.origin)).await;
        browser.ready_to_send().await;
        ready.push(begun.elapsed().as_secs_f64());
    }
    browser.prepare(&[study]).await;
    browser.click("#seal-and-send").await;
    browser.at_step("done").await;
    let passed = Passed { link: browser.text("#link").await, passcode: browser.text("#passcode").await };
    drop(browser);

    let browser = Browser::start_in(engine).await;
    let mut unlocked = Vec::new();
    for _ in 0..ROUNDS {
        browser.follow(&passed.link).await;
        browser.type_passcode(&passed.passcode).await;
        let begun = Instant::now();
        browser.click("#open").await;
        browser.at_step("files").await;
        unlocked.push(begun.elapsed().as_secs_f64());
    }
    let row = |what: &str, seconds: Vec<f64>| Row {
        part: "k",
        name: what.to_owned(),
        value: seconds.into_iter().fold(0.0, f64::max),
        unit: "s",
        beside: None,
        target: Some("<= 1"),
    };
    row("send page, until files can be chosen", ready).print(&name);
    row("unlock, until the files are shown", unlocked).print(&name);
}
