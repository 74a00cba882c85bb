//! Behind a real proxy that does TLS, with the snippets of deploy/ as they stand.

use crate::harness::proxy::Proxy;
use crate::harness::{Parcel, Sender, Site, rows};
use filmjacket::config::Config;
use futures_util::{StreamExt as _, stream};
use protocol::layout;
use protocol::transfers::State;

const ANA: &str = "ana@clinic.example";
const PART_PLAIN_LEN: u64 = layout::CHUNK_PLAIN_LEN * layout::CHUNKS_PER_PART;

fn behind_a_proxy(config: &mut Config) {
    let text = "public_url = 'https://films.clinic.example'\nsign_in.allow = ['clinic.example']";
    config.public_url = Config::parse(text, std::iter::empty()).unwrap().public_url;
}

async fn behind(proxy: fn(std::net::SocketAddr) -> Proxy) -> Site {
    let mut site = Site::start_with(behind_a_proxy).await;
    site.proxy = Some(proxy(site.address()));
    site
}

/// Sign in, upload, seal, open, fetch whole and by ranges, acknowledge, end: each step through the proxy.
async fn whole_journey(site: &Site) {
    let sender = Sender::sign_in(site, ANA).await;
    assert!(sender.client.cookie("__Host-filmjacket-session").is_some(), "the cookie is bound to the host");
    let parcel = Parcel::scribble(site, &[PART_PLAIN_LEN + 100, 20]);
    let recipient = sender.send(&parcel).await;
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    for index in 0..2 {
        let whole = recipient.fetch(&ticket, &parcel.object_id(index), "").await.expect(200);
        assert!(whole.body == parcel.objects[index]);
    }
    let range = recipient.fetch(&ticket, &parcel.object_id(0), "bytes=65552-131103").await.expect(206);
    assert!(range.body == parcel.objects[0][65552..=131_103]);
    let total = parcel.objects[0].len();
    assert_eq!(range.header("content-range"), format!("bytes 65552-131103/{total}"));
    sender.end(&parcel).await.expect(204);
    assert_eq!(sender.look(&parcel.id()).await.state, State::Revoked);
}

/// What a client says of itself does not pass for the proxy's word.
async fn addresses_are_the_proxys(site: &Site) {
    let forged = site.client().at_address("203.0.113.99").with("x-request-id", "forged");
    forged.post("/api/v1/sign-in", &serde_json::json!({ "email": "eve@clinic.example" })).await.expect(202);
    let audit = rows::dump(site).await["audit"].clone();
    assert!(!format!("{audit:?}").contains("203.0.113.99"), "{audit:?}");
    assert_ne!(forged.get("/healthz").await.header("x-request-id"), "forged");
}

/// The server hears of a part while it is still on its way: a proxy that collected it would hold up progress and fill its disk.
async fn bodies_pass_through(site: &Site) {
    let sender = Sender::sign_in(site, ANA).await;
    let parcel = Parcel::scribble(site, &[PART_PLAIN_LEN]);
    let path = parcel.part_path(0, 0);
    // Without an announced transfer the first bytes are enough for a refusal; the rest would never end.
    let endless = stream::repeat_with(|| Ok(bytes::Bytes::from_static(&[0; 16384]))).take(4096);
    let answer = sender.client.stream("PUT", &path, &[("content-digest", "sha-256=:AA==:")], endless).await;
    if let Ok(answer) = answer {
        assert!([400, 404, 411, 413].contains(&answer.status), "{}", answer.status);
    }
    sender.create(&parcel).await.expect(201);
    sender.put_part(&parcel, 0, 0).await.expect(204);
    assert_eq!(site.proxy.as_ref().unwrap().set_aside(), 0, "the proxy wrote bodies to its own disk");
}

#[actix_web::test]
async fn the_whole_journey_goes_through_nginx_as_the_snippet_sets_it_up() {
    let site = behind(Proxy::nginx).await;
    whole_journey(&site).await;
    addresses_are_the_proxys(&site).await;
    bodies_pass_through(&site).await;
}

#[actix_web::test]
async fn the_whole_journey_goes_through_caddy_as_the_snippet_sets_it_up() {
    let site = behind(Proxy::caddy).await;
    whole_journey(&site).await;
    addresses_are_the_proxys(&site).await;
    bodies_pass_through(&site).await;
}
