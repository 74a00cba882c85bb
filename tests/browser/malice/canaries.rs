//! What must stay secret, given distinctive values and then looked for wherever the server and the network have been.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use envelope::{ObjectEntry, Opening, Passcode};
use protocol::open::{OpenAnswer, UnlockAnswer};
use sha2::{Digest, Sha256};

use super::{OPEN, UNLOCK};
use crate::harness::browser::Browser;
use crate::harness::files::write_all;
use crate::harness::log;
use crate::harness::native::File;
use crate::harness::relay::Relay;
use crate::harness::site::Site;
use crate::harness::steps::{Passed, RECIPIENT};

const NAME: &str = "Quillfeather-Mammogram-1961.png";
const MESSAGE: &str = "Please look at the marrowfat lesion in segment seven";
const LABEL: &str = "Wobblethorpe second opinion";
const PIXELS: &[u8] = b"canary pixels: umbrageous zeppelin 4f1d, not to be found on any server";

/// Every spelling in which a secret could lie around.
fn spellings(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let digest = Sha256::digest(secret);
    let mut spellings = vec![
        secret.to_vec(),
        hex(secret).into_bytes(),
        hex(secret).to_uppercase().into_bytes(),
        digest.to_vec(),
        hex(&digest).into_bytes(),
        hex(&digest).to_uppercase().into_bytes(),
        // The last symbol depends on what follows.
        STANDARD.encode(digest).as_bytes()[..42].to_vec(),
        URL_SAFE_NO_PAD.encode(digest).as_bytes()[..42].to_vec(),
        // As UTF-16, the way browsers keep text.
        secret.iter().flat_map(|byte| [*byte, 0]).collect(),
    ];
    for shift in 0..3 {
        // Somewhere inside a longer base64 text: only the symbols that no neighbour touches.
        let inner = &secret[(3 - shift) % 3..];
        let whole = inner.len() / 3 * 3;
        spellings.push(STANDARD.encode(&inner[..whole]).into_bytes());
        spellings.push(URL_SAFE_NO_PAD.encode(&inner[..whole]).into_bytes());
    }
    spellings
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    // The first byte is looked for by itself, because a naive comparison of every window takes minutes here.
    let mut from = 0;
    while let Some(at) = haystack[from..].iter().position(|byte| *byte == needle[0]) {
        if haystack[from + at..].starts_with(needle) {
            return true;
        }
        from += at + 1;
    }
    false
}

/// Everything the server side wrote, said or heard, with a name for each place.
fn places(site: &Site, relay: &Relay) -> Vec<(String, Vec<u8>)> {
    let mut places = vec![("the log".to_owned(), log::text())];
    collect(site.data(), &mut places);
    for mail in site.mail() {
        let words = mail.rendered().unwrap();
        places.push((
            format!("a mail to {}", mail.to),
            [&mail.message, words.text.as_bytes(), words.html.as_bytes()].concat(),
        ));
    }
    for (request, answer) in relay.take_exchanges() {
        let name = format!("{} {}", request.method, request.target);
        places.push((format!("request {name}"), [request.head.as_bytes(), &request.body].concat()));
        places.push((format!("answer to {name}"), [answer.head.as_bytes(), &answer.body].concat()));
    }
    places
}

fn collect(folder: &Path, places: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, places);
        } else {
            places.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
}

fn found<'a>(places: &'a [(String, Vec<u8>)], secret: &[u8]) -> Vec<&'a str> {
    let spellings = spellings(secret);
    let holding = places.iter().filter(|(_, bytes)| spellings.iter().any(|spelling| holds(bytes, spelling)));
    holding.map(|(name, _)| name.as_str()).collect()
}

/// Sends and opens the canaries through a relay, in a real browser at both ends.
async fn send_and_open(site: &Site) -> Passed {
    let folder = tempfile::tempdir().unwrap();
    let sender = Browser::start().await;
    sender.sign_in(site).await;
    sender.pick(&write_all(folder.path(), &[file()])).await;
    sender.fill("#recipient", RECIPIENT).await;
    sender.fill("#message", MESSAGE).await;
    sender.fill("#label", LABEL).await;
    sender.review().await;
    let passed = sender.seal_and_send().await;
    site.link_for(RECIPIENT).await;
    sender.go(&site.url("/sent")).await;
    sender.shown("#transfers li").await;

    let recipient = Browser::start().await;
    recipient.open(&passed.link, &passed.passcode).await;
    assert!(recipient.text("#message").await.contains(MESSAGE), "the recipient reads the message");
    assert_eq!(std::fs::read(recipient.save(0).await).unwrap(), file().bytes);
    passed
}

fn file() -> File {
    File::new(NAME, "image/png", PIXELS.repeat(50))
}

#[tokio::test]
async fn nothing_secret_is_found_on_the_server_in_the_mail_the_log_or_the_traffic() {
    let (site, relay) = Site::start_relayed().await;
    let passed = send_and_open(&site).await;
    let places = places(&site, &relay);

    // The search finds what may be there; otherwise it would prove nothing.
    assert!(found(&places, RECIPIENT.as_bytes()).len() > 3);
    assert!(places.iter().any(|(name, _)| name.ends_with(".sqlite-wal") || name.ends_with(".sqlite")));
    assert!(places.iter().any(|(name, _)| name.contains("/parts/")));

    let symbols = passed.passcode.replace('-', "");
    let secrets: [(&str, &[u8]); 8] = [
        ("the file's name", NAME.as_bytes()),
        ("the message", MESSAGE.as_bytes()),
        ("the sender's label", LABEL.as_bytes()),
        ("the file's bytes", PIXELS),
        ("the whole file", &file().bytes),
        ("the passcode as shown", passed.passcode.as_bytes()),
        ("the passcode's symbols", symbols.as_bytes()),
        ("the passcode's data symbols", &symbols.as_bytes()[..15]),
    ];
    for (name, secret) in secrets {
        assert_eq!(found(&places, secret), [""; 0], "{name}");
    }
    let fragment = passed.link.split_once('#').unwrap().1;
    let logged = log::text();
    assert!(
        !holds(&logged, fragment.as_bytes()) && !holds(&logged, &fragment.as_bytes()[..40]),
        "the link is in the log"
    );
}

#[tokio::test]
async fn what_the_server_stores_of_a_real_run_is_the_sealed_payload_and_nothing_else() {
    let (site, relay) = Site::start_relayed().await;
    let passed = send_and_open(&site).await;
    let exchanges = relay.take_exchanges();
    let answer = |target| &exchanges.iter().find(|(request, _)| request.target == target).unwrap().1.body;
    let open: OpenAnswer = serde_json::from_slice(answer(OPEN)).unwrap();
    let unlock: UnlockAnswer = serde_json::from_slice(answer(UNLOCK)).unwrap();
    let entry = &unlock.objects[0];

    let mut stored = Vec::new();
    collect(&site.data().join("blobs"), &mut stored);
    let [(_, mut object)] = stored.try_into().expect("one file of one part is stored as one file");
    assert_eq!(object.len() as u64, entry.object_len);

    let passcode = Passcode::parse(&passed.passcode).unwrap();
    let link = envelope::Link::parse_fragment(passed.link.split_once('#').unwrap().1).unwrap();
    let opening = Opening::derive(&passcode, &link.transfer_id, &open.h.0).unwrap();
    let objects = [ObjectEntry { object_id: *entry.object_id.as_bytes(), object_len: entry.object_len }];
    let mut opened = opening.unlock(&unlock.capsule.0, &unlock.manifest.0, &objects).unwrap();
    opened.open_part(0, 0, &mut object).unwrap();
    assert!(opened.is_verified(0));
    assert_eq!(object, file().bytes);
}
