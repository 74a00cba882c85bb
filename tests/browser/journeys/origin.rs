//! Nothing is fetched from anywhere else, and nothing is reported to anyone.

use crate::harness::browser::{Browser, Options};
use crate::harness::files::{png, write_all};
use crate::harness::relay::Relay;
use crate::harness::site::Site;

#[tokio::test]
async fn no_request_leaves_the_origin() {
    let site = Site::start();
    let relay = Relay::start(site.port()).await;
    let folder = tempfile::tempdir().unwrap();
    let proxied = || Options { proxy_port: Some(relay.port()), ..Options::default() };

    let sender = Browser::start_with(proxied()).await;
    let passed = sender.send(&site, &write_all(folder.path(), &[png()])).await;
    sender.go(&site.url("/sent")).await;
    sender.shown("#transfers li").await;
    let recipient = Browser::start_with(proxied()).await;
    recipient.open(&passed.link, &passed.passcode).await;
    recipient.save(0).await;

    assert!(relay.take_exchanges().len() > 20, "the journey went through the relay");
    assert_eq!(relay.strayed(), [""; 0]);
}
