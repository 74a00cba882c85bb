//! A code from the recipient's mailbox: before the passcode, and on the page for what waits for an address.

use fantoccini::key::Key;

use crate::harness::browser::Browser;
use crate::harness::files::{png, write_all};
use crate::harness::native::{Parcel, Sender};
use crate::harness::site::Site;
use crate::harness::steps::{RECIPIENT, SENDER};

/// The narrowest phone.
const PHONE: u32 = 320;

#[tokio::test]
async fn a_sender_asks_for_a_code_and_the_recipient_types_it_before_the_passcode() {
    let site = Site::start();
    let folder = tempfile::tempdir().unwrap();
    let sender = Browser::start().await;
    sender.sign_in(&site).await;
    sender.shown("#policy").await;
    sender.pick(&write_all(folder.path(), &[png()])).await;
    sender.fill("#recipient", RECIPIENT).await;
    sender.click("#mailbox-code").await;
    sender.review().await;
    sender.text_with("#check-proof", "a code that we mail").await;
    let passed = sender.seal_and_send().await;

    let recipient = Browser::start().await;
    recipient.go(&passed.link).await;
    recipient.at_step("mailbox").await;
    assert_eq!(recipient.text("#mailbox").await, "a…@clinic.example");
    assert!(!recipient.text("main").await.contains("Ruiz"), "the sender is told after the code");
    recipient.click("#mail-code").await;
    recipient.fill("#code", "1234").await;
    recipient.click("#enter-code").await;
    recipient.text_with("#code-error", "8 digits").await;
    let code = site.mailbox_code_for(RECIPIENT).await;
    recipient.fill("#code", if code == "00000000" { "11111111" } else { "00000000" }).await;
    recipient.click("#enter-code").await;
    recipient.text_with("#code-error", "does not work").await;
    recipient.fill("#code", &code).await;
    recipient.click("#enter-code").await;
    recipient.at_step("passcode").await;
    recipient.enter_passcode(&passed.passcode).await;
    recipient.at_step("files").await;
    assert_eq!(recipient.console().await, [""; 0]);
}

#[tokio::test]
async fn when_the_half_hour_is_over_the_page_asks_again_and_keeps_what_was_typed() {
    let site = Site::start();
    let parcel = Parcel { mailbox_code: true, ..Parcel::of([png()]) };
    let sent = Sender::sign_in(&site, SENDER).await.send(&parcel).await;
    let recipient = Browser::start().await;
    recipient.go(&sent.link).await;
    recipient.prove_mailbox(&site).await;
    recipient.type_passcode(&sent.passcode).await;
    site.clock.advance(31 * 60);
    recipient.click("#open").await;
    recipient.shown("#mailbox-over").await;
    recipient.prove_mailbox(&site).await;
    recipient.click("#open").await;
    recipient.at_step("files").await;
}

#[tokio::test]
async fn a_patient_on_a_phone_finds_the_images_without_the_mail_and_leaves_nothing_behind() {
    let site = Site::start();
    let kind = protocol::transfers::RecipientKind::Patient;
    let parcel = Parcel { kind, mailbox_code: true, ..Parcel::of([png()]) };
    let sent = Sender::sign_in(&site, SENDER).await.send(&parcel).await;
    let patient = Browser::start().await;
    patient.width(PHONE).await;
    // From the dead end of a link that broke.
    patient.go(&site.url("/open#halfalink")).await;
    patient.at_step("damaged").await;
    patient.click("#step-damaged a[href='/mine']").await;
    patient.at_step("address").await;
    patient.fill("#email", &RECIPIENT.to_uppercase()).await;
    patient.click("#send-code").await;
    patient.at_step("code").await;
    patient.fill("#code", &site.mailbox_code_for("ANNA@clinic.example").await).await;
    patient.click("#enter-code").await;
    patient.at_step("list").await;
    patient.text_with("#waiting li h2", "Dr. Ana Ruiz").await;
    let too_wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assert_eq!(patient.value(too_wide).await, 0);
    let smallest =
        "Math.min(...[...document.querySelectorAll('#step-list .btn')].map(e => e.getBoundingClientRect().height))";
    assert!(patient.value(smallest).await.as_f64().unwrap() >= 44.0, "a shaking hand must hit it");
    patient.click("#waiting .btn").await;
    // No second code: the address was proved just now.
    patient.at_step("passcode").await;
    patient.enter_passcode(&sent.passcode).await;
    patient.at_step("files").await;
    assert_eq!(patient.file_names().await, [png().name]);
    // The address of the opened page is worth nothing in another browser.
    let address = patient.value("location.href").await.as_str().unwrap().to_owned();
    let other = Browser::start().await;
    other.go(&address).await;
    other.at_step("ended").await;
    patient.go(&site.url("/mine")).await;
    patient.click("#leave").await;
    patient.at_step("address").await;
    patient.shown("#left-note").await;
    patient.go(&address).await;
    patient.at_step("ended").await;
}

#[tokio::test]
async fn the_recipients_own_page_needs_no_mouse() {
    let site = Site::start();
    let sent = Sender::sign_in(&site, SENDER).await.send(&Parcel::of([png()])).await;
    let recipient = Browser::start().await;
    recipient.go(&site.url("/mine")).await;
    recipient.at_step("address").await;
    recipient.tab_to("#email").await;
    recipient.type_keys(RECIPIENT).await;
    recipient.press("#send-code", Key::Enter).await;
    recipient.at_step("code").await;
    // The cursor is where the code goes.
    recipient.type_keys(&site.mailbox_code_for(RECIPIENT).await).await;
    recipient.press_key(Key::Enter).await;
    recipient.at_step("list").await;
    recipient.press("#waiting .btn", Key::Enter).await;
    recipient.at_step("passcode").await;
    recipient.tab_to("#passcode-1").await;
    recipient.type_keys(&sent.passcode.replace('-', "")).await;
    recipient.press("#open", Key::Enter).await;
    recipient.at_step("files").await;
}

impl Browser {
    /// From the step that asks for a code to the passcode.
    pub(crate) async fn prove_mailbox(&self, site: &Site) {
        self.at_step("mailbox").await;
        self.click("#mail-code").await;
        self.shown("#code").await;
        self.fill("#code", &site.mailbox_code_for(RECIPIENT).await).await;
        self.click("#enter-code").await;
        self.at_step("passcode").await;
    }
}
