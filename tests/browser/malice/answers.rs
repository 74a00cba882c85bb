//! Every field of the answers to *open* and *unlock*, changed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{OBJECTS, OPEN, Refused, UNLOCK, asked, edit, follow_into_refusal};
use crate::harness::browser::Browser;
use crate::harness::files::{dicom, pdf, png};
use crate::harness::native::{Parcel, Sender};
use crate::harness::site::Site;
use crate::harness::steps::SENDER;

/// Offsets of the capsule's fields, one byte of each (docs/FORMAT.md, "Capsule").
const CAPSULE_FIELDS: [(&str, usize); 12] = [
    ("magic", 0),
    ("suite", 8),
    ("mode", 9),
    ("slot", 10),
    ("transfer id", 12),
    ("salt", 28),
    ("not after", 44),
    ("nonce", 52),
    ("commitment", 76),
    ("sealed body", 108),
    ("sealed identity", 116),
    ("tag", 219),
];
/// The part of them that is told before the passcode.
const H_LEN: usize = 52;

/// A lie about one answer, and where at the latest it is found out.
struct Lie {
    name: String,
    about: &'static str,
    change: Box<dyn Fn(&mut Value) + Send>,
    refused: Refused,
}

fn lie(
    name: impl Into<String>,
    about: &'static str,
    refused: Refused,
    change: impl Fn(&mut Value) + Send + 'static,
) -> Lie {
    Lie { name: name.into(), about, change: Box::new(change), refused }
}

/// Changes the bytes behind a base64url field.
fn bytes(field: &'static str, change: impl Fn(&mut Vec<u8>) + Send + 'static) -> impl Fn(&mut Value) + Send {
    move |json| {
        let mut bytes = URL_SAFE_NO_PAD.decode(json[field].as_str().unwrap()).unwrap();
        change(&mut bytes);
        json[field] = json!(URL_SAFE_NO_PAD.encode(bytes));
    }
}

fn flip(at: usize) -> impl Fn(&mut Vec<u8>) + Send {
    move |bytes| {
        let at = at.min(bytes.len() - 1);
        bytes[at] ^= 1;
    }
}

/// One lie about each field of the capsule that `about` gives as its field `field`, of which `len` bytes are told.
fn lies_about_fields(about: &'static str, field: &'static str, len: usize) -> Vec<Lie> {
    let fields = CAPSULE_FIELDS.into_iter().filter(|(_, at)| *at < len);
    let flipped = |(name, at)| lie(format!("{field}: {name}"), about, Refused::Unlock, bytes(field, flip(at)));
    fields.map(flipped).collect()
}

fn lies_before_the_passcode() -> Vec<Lie> {
    let mut lies = lies_about_fields(OPEN, "h", H_LEN);
    lies.push(lie("h: cut", OPEN, Refused::Unlock, bytes("h", |h| h.truncate(H_LEN - 1))));
    lies.push(lie("h: longer", OPEN, Refused::Unlock, bytes("h", |h| h.push(0))));
    lies.push(lie("h: not there", OPEN, Refused::Unlock, |json| json["h"] = Value::Null));
    lies
}

fn lies_about_the_capsule() -> Vec<Lie> {
    let mut lies = lies_about_fields(UNLOCK, "capsule", usize::MAX);
    lies.push(lie("capsule: cut", UNLOCK, Refused::Unlock, bytes("capsule", |capsule| capsule.truncate(219))));
    lies.push(lie("capsule: longer", UNLOCK, Refused::Unlock, bytes("capsule", |capsule| capsule.push(0))));
    lies
}

fn lies_about_the_manifest() -> Vec<Lie> {
    let flipped = |at| lie(format!("manifest: byte {at}"), UNLOCK, Refused::Unlock, bytes("manifest", flip(at)));
    let mut lies: Vec<Lie> = [0, 30, 100, 170, 190, 300, usize::MAX].map(flipped).into();
    let cut = |manifest: &mut Vec<u8>| manifest.truncate(manifest.len() - 16);
    lies.push(lie("manifest: cut", UNLOCK, Refused::Unlock, bytes("manifest", cut)));
    lies
}

fn lies_about_the_objects() -> Vec<Lie> {
    let mut lies = vec![lie("objects: none", UNLOCK, Refused::Unlock, |json| json["objects"] = json!([]))];
    lies.push(lie("objects: one dropped", UNLOCK, Refused::Unlock, |json| {
        json["objects"].as_array_mut().unwrap().pop();
    }));
    lies.push(lie("objects: one twice", UNLOCK, Refused::Unlock, |json| {
        let first = json["objects"][0].clone();
        json["objects"][1] = first;
    }));
    lies.push(lie("objects: one more", UNLOCK, Refused::Unlock, |json| {
        let first = json["objects"][0].clone();
        json["objects"].as_array_mut().unwrap().push(first);
    }));
    lies.push(lie("objects: shorter", UNLOCK, Refused::Unlock, |json| {
        let len = json["objects"][0]["object_len"].as_u64().unwrap();
        json["objects"][0]["object_len"] = json!(len - 1);
    }));
    lies.push(lie("objects: another id", UNLOCK, Refused::Unlock, |json| {
        json["objects"][0]["object_id"] = json!(URL_SAFE_NO_PAD.encode([7; 16]));
    }));
    lies.push(lie("ticket", UNLOCK, Refused::Save, bytes("ticket", flip(0))));
    lies
}

// Each lie costs an Argon2id run in the browser; four tests keep all cores busy with them.

#[tokio::test]
async fn every_lie_before_the_passcode_is_found_out_and_ends_the_conversation() {
    are_found_out(lies_before_the_passcode()).await;
}

#[tokio::test]
async fn every_lie_about_the_capsule_is_found_out_and_ends_the_conversation() {
    are_found_out(lies_about_the_capsule()).await;
}

#[tokio::test]
async fn every_lie_about_the_manifest_is_found_out_and_ends_the_conversation() {
    are_found_out(lies_about_the_manifest()).await;
}

#[tokio::test]
async fn every_lie_about_the_objects_is_found_out_and_ends_the_conversation() {
    are_found_out(lies_about_the_objects()).await;
}

async fn are_found_out(lies: Vec<Lie>) {
    let (site, relay) = Site::start_relayed().await;
    let parcel = Parcel { max_openings: 100, ..Parcel::of([png(), dicom()]) };
    let sent = Sender::sign_in(&site, SENDER).await.send(&parcel).await;
    let browser = Browser::start().await;

    for Lie { name, about, change, refused } in lies {
        relay.take_exchanges();
        relay.tamper(move |request, answer| {
            if request.target == about && answer.status == 200 {
                edit(answer, &change);
            }
        });
        let outcome = follow_into_refusal(&browser, &sent, 0).await;
        assert!(outcome <= refused, "{name}: {outcome:?}");
        // Leaving the page first: what it would still have asked is asked by now.
        browser.client.goto("about:blank").await.unwrap();
        let asked = asked(&relay);
        let after: Vec<&String> =
            asked.iter().filter(|call| !call.ends_with(OPEN) && !call.ends_with(UNLOCK)).collect();
        if refused < Refused::Save {
            assert_eq!(after, [""; 0], "{name}: asked after the check failed");
        }
        let proved = asked.iter().filter(|call| call.ends_with(UNLOCK)).count();
        assert!(proved <= 1, "{name}: the proof was sent again");
    }
}

#[tokio::test]
async fn weaker_parameters_are_refused_before_a_proof_is_sent() {
    let (site, relay) = Site::start_relayed().await;
    let sent = Sender::sign_in(&site, SENDER).await.send(&Parcel::of([png()])).await;
    let browser = Browser::start().await;
    for at in [0, 8, 9, 12] {
        browser.client.goto("about:blank").await.unwrap();
        relay.take_exchanges();
        relay.tamper(move |request, answer| {
            if request.target == OPEN {
                edit(answer, bytes("h", flip(at)));
            }
        });
        follow_into_refusal(&browser, &sent, 0).await;
        assert!(!asked(&relay).iter().any(|call| call.ends_with(UNLOCK)), "byte {at}: a proof was sent");
    }
    relay.be_honest();
    browser.open(&sent.link, &sent.passcode).await;
}

#[tokio::test]
async fn after_the_first_damage_nothing_more_is_asked() {
    let (site, relay) = Site::start_relayed().await;
    let sent = Sender::sign_in(&site, SENDER).await.send(&Parcel::of([dicom(), pdf()])).await;
    let browser = Browser::start().await;
    browser.open(&sent.link, &sent.passcode).await;
    relay.tamper(|request, answer| {
        if request.target.starts_with(OBJECTS) {
            answer.body[0] ^= 1;
        }
    });
    browser.click("#step-files li[data-index='0'] .save").await;
    browser.shown("#save-error").await;
    relay.be_honest();
    relay.take_exchanges();
    browser.click("#step-files li[data-index='1'] .save").await;
    browser.shown("#save-error").await;
    assert_eq!(asked(&relay), [""; 0]);
    assert_eq!(browser.text("#verified").await, "0 of 2 verified");
    assert!(browser.saved().is_empty());
}
