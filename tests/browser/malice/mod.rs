//! A server that turned against its users (docs/THREATS.md, promise b), and one that was copied (promise a).
//!
//! The real server runs; a relay between it and the browser lies in its name. Whatever the lie: no plaintext is marked
//! verified or saved, and nothing is asked after a check has failed.

mod answers;
mod canaries;
mod swaps;

use serde_json::Value;

use crate::harness::browser::Browser;
use crate::harness::native::Sent;
use crate::harness::relay::{Answer, Relay, Request};

const OPEN: &str = "/api/v1/open";
const UNLOCK: &str = "/api/v1/open/unlock";
const OBJECTS: &str = "/api/v1/open/objects/";

/// How far the page went before it told the person that something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Refused {
    /// At the link: nothing but `OPEN` was asked.
    Link,
    /// At the passcode: `UNLOCK` was the last request.
    Unlock,
    /// When the file was saved.
    Save,
}

/// Follows a link as far as the page lets one go; panics if a file comes out as if nothing had happened.
async fn follow_into_refusal(browser: &Browser, sent: &Sent, index: usize) -> Refused {
    browser.go(&sent.link).await;
    let said = "const step = document.querySelector('main').dataset.step;
        if (['damaged', 'ended', 'unsupported', 'passcode'].includes(step)) return step";
    if browser.until_soon(said).await != "passcode" {
        return Refused::Link;
    }
    browser.enter_passcode(&sent.passcode).await;
    let said = "const step = document.querySelector('main').dataset.step;
        if (step !== 'passcode') return step;
        const error = document.querySelector('#passcode-error');
        if (!error.hidden && error.textContent) return 'error'";
    if browser.until_soon(said).await != "files" {
        return Refused::Unlock;
    }
    let before = browser.saved();
    browser.click(&format!("#step-files li[data-index='{index}'] .save")).await;
    let said = "const error = document.querySelector('#save-error');
        if (!error.hidden && error.textContent) return 'error';
        const status = document.querySelectorAll('#step-files li .status')[arguments[0]].textContent;
        if (status.includes('verified')) return status";
    let outcome = browser.until_soon_with(said, vec![index.into()]).await;
    assert_eq!(outcome, "error", "a file was called {outcome} though the server lied");
    assert_eq!(browser.saved(), before, "a file was saved though the server lied");
    Refused::Save
}

/// What the browser asked of the API, as `METHOD path`; objects without their id.
fn asked(relay: &Relay) -> Vec<String> {
    let exchanges = relay.take_exchanges();
    exchanges.iter().for_each(|(request, answer)| assert_no_recipient(request, answer));
    let api = exchanges.into_iter().filter(|(request, _)| request.target.starts_with("/api/"));
    api.map(|(request, _)| match request.target.strip_prefix(OBJECTS) {
        Some(_) => format!("{} {OBJECTS}", request.method),
        None => format!("{} {}", request.method, request.target),
    })
    .collect()
}

/// Whoever knows a transfer's age recipient can forge files for it, so it never travels.
fn assert_no_recipient(request: &Request, answer: &Answer) {
    let places = [request.head.as_bytes(), &request.body, answer.head.as_bytes(), &answer.body];
    assert!(!places.into_iter().any(holds_recipient), "{} {}", request.method, request.target);
}

/// Whether an age X25519 recipient stands here (age-encryption.org/v1): `age1` and 58 symbols of Bech32 (BIP 173). All
/// of them are looked for: random bytes hold the first four once in a while.
fn holds_recipient(bytes: &[u8]) -> bool {
    const SYMBOLS: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let is_recipient = |window: &[u8]| {
        let (prefix, data) = window.split_at(4);
        prefix.eq_ignore_ascii_case(b"age1") && data.iter().all(|symbol| SYMBOLS.contains(&symbol.to_ascii_lowercase()))
    };
    bytes.windows(62).any(is_recipient)
}

#[test]
fn a_recipient_is_found_in_any_text_and_its_first_letters_alone_are_none() {
    let recipient = "age1u48wa4qqvhvxk65vvf8j5hl0tev6yjxxc49s0j7pn20mz254wc2qdhnjlc".to_owned();
    for text in [recipient.clone(), format!("{{\"r\":\"{recipient}\"}}"), recipient.to_uppercase()] {
        assert!(holds_recipient(text.as_bytes()), "{text}");
    }
    assert!(!holds_recipient(format!("age1{}", "_".repeat(58)).as_bytes()));
}

/// Changes the JSON of an answer.
fn edit(answer: &mut Answer, change: impl FnOnce(&mut Value)) {
    let mut json = serde_json::from_slice(&answer.body).unwrap();
    change(&mut json);
    answer.body = serde_json::to_vec(&json).unwrap();
}

impl Browser {
    /// Waits for a script to answer a text.
    async fn until_soon(&self, script: &str) -> String {
        self.until_soon_with(script, vec![]).await
    }

    async fn until_soon_with(&self, script: &str, arguments: Vec<Value>) -> String {
        let answer = self.until_run(script, arguments, crate::harness::page::LONG_PATIENCE).await;
        answer.as_str().unwrap().to_owned()
    }
}
