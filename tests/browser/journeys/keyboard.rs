//! Both journeys, and the administrator's pages, with the keyboard alone: every control is reached by Tab and works by Enter or Space.

use fantoccini::key::Key;

use crate::harness::browser::Browser;
use crate::harness::files::{png, write_all};
use crate::harness::native::{Parcel, Sender};
use crate::harness::site::Site;
use crate::harness::steps::{RECIPIENT, SENDER};

/// More than the controls of any page.
const TABS: usize = 60;

impl Browser {
    /// Presses Tab until the element has the focus.
    pub(crate) async fn tab_to(&self, css: &str) {
        for _ in 0..TABS {
            if self.run("return document.activeElement.matches(arguments[0])", vec![css.into()]).await == true {
                return;
            }
            self.press_key(Key::Tab).await;
        }
        panic!("Tab does not reach {css}");
    }

    pub(crate) async fn press(&self, css: &str, key: Key) {
        self.tab_to(css).await;
        self.press_key(key).await;
    }
}

#[tokio::test]
async fn both_journeys_need_no_mouse() {
    let site = Site::start();
    let folder = tempfile::tempdir().unwrap();
    let paths = write_all(folder.path(), &[png()]);

    let sender = Browser::start().await;
    sender.go(&site.url("/")).await;
    sender.tab_to("#email").await;
    sender.type_keys(SENDER).await;
    sender.press("#send-code", Key::Enter).await;
    sender.at_step("code").await;
    sender.tab_to("#code").await;
    sender.type_keys(&site.code_for(SENDER).await).await;
    sender.press("#enter-code", Key::Enter).await;
    sender.until("location.pathname === '/welcome' && document.readyState === 'complete'").await;
    sender.tab_to("#name").await;
    sender.type_keys("Dr. Ana Ruiz").await;
    sender.press("#save-profile", Key::Enter).await;
    sender.ready_to_send().await;
    // The file dialog is the browser's own; its button must be reachable.
    sender.tab_to("#files").await;
    sender.pick(&paths).await;
    sender.tab_to("#recipient").await;
    sender.type_keys(RECIPIENT).await;
    sender.press("#review", Key::Enter).await;
    sender.at_step("check").await;
    sender.press("#seal-and-send", Key::Enter).await;
    sender.at_step("done").await;
    let (link, passcode) = (sender.text("#link").await, sender.text("#passcode").await);
    sender.press("#read-aloud", Key::Enter).await;
    sender.shown("#aloud-dialog").await;
    sender.press_key(Key::Escape).await;
    sender.until("!document.querySelector('#aloud-dialog').open").await;

    let recipient = Browser::start().await;
    recipient.follow(&link).await;
    recipient.tab_to("#passcode-1").await;
    // Typed without a pause: the focus moves on by itself.
    recipient.type_keys(&passcode.replace('-', "")).await;
    recipient.press("#open", Key::Enter).await;
    recipient.at_step("files").await;
    recipient.press("#step-files .save", Key::Enter).await;
    recipient.text_with("#verified", "1 of 1 verified").await;
}

#[tokio::test]
async fn an_administrator_needs_no_mouse() {
    const ADMIN: &str = "ada@north.example";
    const BEN: &str = "ben@radiology.example";
    let site = Site::start_named("sign_in.second_step.administrator = \"offered\"");
    let browser = Browser::start().await;
    let link = site.app().make_first_administrator_link().await.unwrap().expect("there is no administrator");
    browser.go(&link).await;
    browser.tab_to("#email").await;
    browser.type_keys(ADMIN).await;
    browser.press("#send-code", Key::Enter).await;
    browser.at_step("code").await;
    browser.tab_to("#code").await;
    browser.type_keys(&site.code_for(ADMIN).await).await;
    browser.press("#enter-code", Key::Enter).await;
    browser.shown("#become-first").await;
    browser.press("#become-first", Key::Enter).await;
    browser.shown("#people li").await;

    // Invite somebody; the dialog has the focus, and gives it back.
    browser.press("#invite", Key::Enter).await;
    browser.tab_to("#email").await;
    browser.type_keys(BEN).await;
    browser.tab_to("#department").await;
    browser.type_keys("Radiology").await;
    browser.press("#save-person", Key::Enter).await;
    browser.text_with("#people-note", "gets an invitation").await;
    // Change what they may do.
    let of_ben = |button: &str| format!("#people li[data-email='{BEN}'] .{button}");
    browser.press(&of_ben("change"), Key::Enter).await;
    browser.press("#role-auditor", Key::Space).await;
    browser.press("#save-person", Key::Enter).await;
    browser.text_with("#people-note", "is changed").await;
    browser.text_with(&format!("#people li[data-email='{BEN}']"), "auditor").await;
    // Disable them: refused first, then confirmed.
    browser.press(&of_ben("disable"), Key::Enter).await;
    browser.shown("#confirm-dialog").await;
    browser.press_key(Key::Escape).await;
    browser.until("!document.querySelector('#confirm-dialog').open").await;
    assert!(browser.is_shown(&of_ben("disable")).await, "nothing happened without a yes");
    browser.press(&of_ben("disable"), Key::Enter).await;
    browser.press("#confirm-yes", Key::Enter).await;
    browser.text_with("#people-note", "is disabled").await;

    // End a transfer of somebody else.
    Sender::sign_in(&site, SENDER).await.send(&Parcel::of([png()])).await;
    browser.press("#nav-under-way", Key::Enter).await;
    browser.shown("#transfers li").await;
    browser.press("#transfers li .end", Key::Enter).await;
    browser.press("#confirm-yes", Key::Enter).await;
    browser.text_with("#transfers-note", "has ended").await;
    browser.until("document.querySelectorAll('#transfers li').length === 0").await;
    // The focus is at a place that is still there.
    assert_eq!(browser.value("document.activeElement.id").await, "search");

    browser.press("#nav-state", Key::Enter).await;
    browser.shown("#state").await;
    browser.text_with("#ready", "ok").await;
    browser.press("#sign-out", Key::Enter).await;
    browser.until("location.pathname === '/' && document.readyState === 'complete'").await;
}
