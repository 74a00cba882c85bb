//! The passcode: typing mistakes, wrong ones, and somebody else's.

use crate::harness::browser::Browser;
use crate::harness::files::png;
use crate::harness::native::{Parcel, Sender};
use crate::harness::relay::Relay;
use crate::harness::site::Site;
use crate::harness::steps::SENDER;
use crate::harness::tour::mistyped;

/// A passcode that is well formed and opens nothing: its check symbol is right.
const WELL_FORMED: &str = "0000-0000-0000-0000";

#[tokio::test]
async fn a_typing_mistake_is_found_without_a_request() {
    let (site, relay) = Site::start_relayed().await;
    let sent = Sender::sign_in(&site, SENDER).await.send(&Parcel::of([png()])).await;
    let recipient = Browser::start().await;
    recipient.follow(&sent.link).await;
    relay.take_exchanges();

    recipient.enter_passcode(&mistyped(&sent.passcode)).await;

    recipient.shown("#passcode-error").await;
    assert_eq!(requests(&relay), [""; 0]);
    recipient.enter_passcode(&sent.passcode).await;
    recipient.at_step("files").await;
}

#[tokio::test]
async fn a_wrong_passcode_spends_no_opening_and_says_how_many_tries_are_left() {
    let site = Site::start();
    let parcel = Parcel { max_openings: 1, ..Parcel::of([png()]) };
    let sent = Sender::sign_in(&site, SENDER).await.send(&parcel).await;
    let recipient = Browser::start().await;
    recipient.follow(&sent.link).await;

    recipient.enter_passcode(WELL_FORMED).await;
    let said = recipient.text("#passcode-error").await;
    assert!(said.chars().any(|c| c.is_ascii_digit()), "{said}");
    recipient.enter_passcode(&sent.passcode).await;
    recipient.at_step("files").await;
}

#[tokio::test]
async fn many_wrong_passcodes_bring_a_pause_that_passes() {
    let site = Site::start();
    let sent = Sender::sign_in(&site, SENDER).await.send(&Parcel::of([png()])).await;
    let recipient = Browser::start().await;
    recipient.follow(&sent.link).await;
    // The server knows how many there are; a person only goes on until there is a pause.
    for _ in 0..10 {
        recipient.enter_passcode(WELL_FORMED).await;
        recipient
            .until("!document.querySelector('#passcode-error').hidden || !document.querySelector('#countdown').hidden")
            .await;
        if recipient.is_shown("#countdown").await {
            break;
        }
    }
    recipient.shown("#countdown").await;
    assert_eq!(recipient.value("document.querySelector('#open').getAttribute('aria-disabled')").await, "true");
    // The browser counts the pause by its own clock; a page that is loaded again asks the server, whose time has moved on.
    site.clock.advance(3600);
    recipient.open(&sent.link, &sent.passcode).await;
}

#[tokio::test]
async fn the_passcode_may_be_pasted_whole_and_typed_carelessly() {
    let site = Site::start();
    let sent = Sender::sign_in(&site, SENDER).await.send(&Parcel::of([png()])).await;
    let recipient = Browser::start().await;
    recipient.follow(&sent.link).await;
    let careless = format!("  {} ", sent.passcode.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l"));
    recipient.click("#passcode-1").await;
    // Inserts the whole text at once, as pasting does.
    recipient.devtools("Input.insertText", serde_json::json!({"text": careless})).await;
    recipient.click("#open").await;
    recipient.at_step("files").await;
}

#[tokio::test]
async fn one_patients_passcode_does_not_open_anothers_link() {
    let site = Site::start();
    let sender = Sender::sign_in(&site, SENDER).await;
    let for_ines = sender.send(&Parcel { recipient: "ines@mail.example".into(), ..Parcel::of([png()]) }).await;
    let for_omar = sender.send(&Parcel { recipient: "omar@mail.example".into(), ..Parcel::of([png()]) }).await;

    let (ines, omar) = (Browser::start().await, Browser::start().await);
    ines.follow(&for_ines.link).await;
    omar.follow(&for_omar.link).await;
    omar.enter_passcode(&for_ines.passcode).await;
    omar.shown("#passcode-error").await;
    ines.enter_passcode(&for_ines.passcode).await;
    ines.at_step("files").await;
    omar.enter_passcode(&for_omar.passcode).await;
    omar.at_step("files").await;
}

fn requests(relay: &Relay) -> Vec<String> {
    relay.take_exchanges().into_iter().map(|(request, _)| format!("{} {}", request.method, request.target)).collect()
}
