//! Genuine pieces in wrong places: within one transfer, and across two transfers to the same person.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::{OBJECTS, OPEN, Refused, UNLOCK, asked, edit, follow_into_refusal};
use crate::harness::browser::Browser;
use crate::harness::engine::Engine;
use crate::harness::native::{File, Parcel, Sender, Sent};
use crate::harness::relay::{Relay, header};
use crate::harness::site::Site;
use crate::harness::steps::SENDER;

/// Two full parts and a short one, so that parts of equal length exist to be exchanged.
const LEN: usize = 2 * 8 * 1024 * 1024 + 5;

/// What an honest opening of one transfer brought.
struct Genuine {
    open: Value,
    unlock: Value,
    /// Object id and Range → bytes.
    ranges: HashMap<(String, String), Vec<u8>>,
}

impl Genuine {
    fn object_id(&self, index: usize) -> String {
        self.unlock["objects"][index]["object_id"].as_str().unwrap().to_owned()
    }
}

/// Opens a transfer and saves all its files, noting every answer.
async fn open_honestly(browser: &Browser, relay: &Relay, sent: &Sent) -> Genuine {
    relay.be_honest();
    relay.take_exchanges();
    browser.open(&sent.link, &sent.passcode).await;
    browser.save(0).await;
    browser.save(1).await;
    let mut genuine = Genuine { open: Value::Null, unlock: Value::Null, ranges: HashMap::new() };
    for (request, answer) in relay.take_exchanges() {
        if request.target == OPEN {
            genuine.open = serde_json::from_slice(&answer.body).unwrap();
        } else if request.target == UNLOCK {
            genuine.unlock = serde_json::from_slice(&answer.body).unwrap();
        } else if let Some(object_id) = request.target.strip_prefix(OBJECTS) {
            let range = header(&request.head, "range").unwrap_or_default().to_owned();
            genuine.ranges.insert((object_id.to_owned(), range), answer.body);
        }
    }
    genuine
}

async fn two_transfers(site: &Site) -> [Sent; 2] {
    let file = |fill: u8| File::new(&format!("{fill}.bin"), "application/octet-stream", vec![fill; LEN]);
    let parcel = |a, b| Parcel { max_openings: 100, ..Parcel::of([file(a), file(b)]) };
    let sender = Sender::sign_in(site, SENDER).await;
    [sender.send(&parcel(1, 2)).await, sender.send(&parcel(3, 4)).await]
}

#[tokio::test]
async fn answers_of_another_transfer_are_refused() {
    let (site, relay) = Site::start_relayed().await;
    let sent = two_transfers(&site).await;
    let browser = Browser::start().await;
    let other = Arc::new(open_honestly(&browser, &relay, &sent[1]).await);

    let swaps: [&[(&str, &str)]; 7] = [
        &[(OPEN, "h")],
        &[(UNLOCK, "capsule")],
        &[(UNLOCK, "manifest")],
        &[(UNLOCK, "objects")],
        &[(UNLOCK, "capsule"), (UNLOCK, "manifest")],
        &[(UNLOCK, "capsule"), (UNLOCK, "manifest"), (UNLOCK, "objects")],
        &[(OPEN, "h"), (UNLOCK, "capsule"), (UNLOCK, "manifest"), (UNLOCK, "objects")],
    ];
    for swap in swaps {
        browser.client.goto("about:blank").await.unwrap();
        relay.take_exchanges();
        let other = Arc::clone(&other);
        relay.tamper(move |request, answer| {
            let genuine = answer.status == 200;
            for (target, field) in swap.iter().filter(|(target, _)| genuine && request.target == *target) {
                let source = if *target == OPEN { &other.open } else { &other.unlock };
                edit(answer, |json| json[*field] = source[*field].clone());
            }
        });
        let outcome = follow_into_refusal(&browser, &sent[0], 0).await;
        assert!(outcome <= Refused::Unlock, "{swap:?}: {outcome:?}");
        assert!(!asked(&relay).iter().any(|call| call.ends_with(OBJECTS)), "{swap:?}: asked for objects after all");
    }
}

#[tokio::test]
async fn bytes_from_another_place_are_refused() {
    let (site, relay) = Site::start_relayed().await;
    let sent = two_transfers(&site).await;
    // What is saved again gets another name there.
    let browser = Browser::start_in(Engine::Chromium).await;
    let other = open_honestly(&browser, &relay, &sent[1]).await;
    let own = Arc::new(open_honestly(&browser, &relay, &sent[0]).await);
    let other = Arc::new(other);
    let (first, second, foreign) = (own.object_id(0), own.object_id(1), other.object_id(0));
    let mut ranges: Vec<String> =
        own.ranges.keys().filter(|(id, _)| *id == first).map(|(_, range)| range.clone()).collect();
    ranges.sort_by_key(|range| own.ranges[&(first.clone(), range.clone())].len());
    assert!(ranges.len() >= 3, "an object of three parts is fetched in at least three ranges: {ranges:?}");
    let full: Vec<String> = ranges.split_off(ranges.len() - 2);

    // What is asked for → what is given instead.
    type Place = (String, String);
    let mut swaps: Vec<(&str, Place, Place)> = Vec::new();
    for range in &full {
        let asked = (first.clone(), range.clone());
        swaps.push(("the same range of the other file", asked.clone(), (second.clone(), range.clone())));
        swaps.push(("the same range of another transfer's file", asked.clone(), (foreign.clone(), range.clone())));
    }
    swaps.push(("another part of the same file", (first.clone(), full[0].clone()), (first.clone(), full[1].clone())));
    swaps.push(("another part of the same file", (first.clone(), full[1].clone()), (first.clone(), full[0].clone())));

    for (name, asked, given) in swaps {
        let source = if given.0 == foreign { Arc::clone(&other) } else { Arc::clone(&own) };
        relay.tamper(move |request, answer| {
            let range = header(&request.head, "range").unwrap_or_default();
            if request.target.strip_prefix(OBJECTS) == Some(&asked.0) && range == asked.1 {
                answer.body.clone_from(&source.ranges[&given]);
            }
        });
        assert_eq!(follow_into_refusal(&browser, &sent[0], 0).await, Refused::Save, "{name}");
    }

    for at in [0, 65_536, 4_000_000] {
        let object = first.clone();
        relay.tamper(move |request, answer| {
            if request.target.strip_prefix(OBJECTS) == Some(&object) && answer.body.len() > at {
                answer.body[at] ^= 1;
            }
        });
        assert_eq!(follow_into_refusal(&browser, &sent[0], 0).await, Refused::Save, "one bit of byte {at}");
    }
    relay.be_honest();
    browser.open(&sent[0].link, &sent[0].passcode).await;
    browser.save(0).await;
}
