//! Nothing is fetched from anywhere else, and nothing is reported to anyone.

use crate::harness::browser::{Browser, Options};
use crate::harness::engine::Engine;
use crate::harness::files::{png, write_all};
use crate::harness::relay::Relay;
use crate::harness::site::Site;

/// Whom Chromium itself asks, whatever page it shows: its start page, its updates, its clock, its own account.
const BROWSERS_OWN: [&str; 5] = [
    "start.duckduckgo.com",
    "update.googleapis.com",
    "clients2.google.com",
    "accounts.google.com",
    "optimizationguide-pa.googleapis.com",
];

#[tokio::test]
async fn no_request_leaves_the_origin() {
    let site = Site::start();
    let relay = Relay::start(site.port()).await;
    let folder = tempfile::tempdir().unwrap();
    let proxied = || Options { engine: Engine::Chromium, proxy_port: Some(relay.port()), ..Options::default() };

    let sender = Browser::start_with(proxied()).await;
    let passed = sender.send(&site, &write_all(folder.path(), &[png()])).await;
    sender.go(&site.url("/sent")).await;
    sender.shown("#transfers li").await;
    let recipient = Browser::start_with(proxied()).await;
    recipient.open(&passed.link, &passed.passcode).await;
    recipient.save(0).await;

    assert!(relay.take_exchanges().len() > 20, "the journey went through the relay");
    let by_pages = |asked: &String| !BROWSERS_OWN.iter().any(|own| host_of(asked) == *own);
    let strayed: Vec<String> = relay.strayed().into_iter().filter(by_pages).collect();
    assert_eq!(strayed, [""; 0]);
}

/// The host in `CONNECT host:443` or `GET http://host/path`.
fn host_of(asked: &str) -> &str {
    let target = asked.split(' ').nth(1).unwrap_or_default().trim_start_matches("http://");
    target.split(['/', ':']).next().unwrap_or_default()
}
