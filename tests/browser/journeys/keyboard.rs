//! Both journeys with the keyboard alone: every control is reached by Tab and works by Enter or Space.

use fantoccini::key::Key;

use crate::harness::browser::Browser;
use crate::harness::files::{png, write_all};
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
