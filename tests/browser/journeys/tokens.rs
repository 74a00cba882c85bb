//! Access tokens in a real browser, with the keyboard alone: made, copied, used, revoked.

use fantoccini::key::Key;
use filmjacket::mail::Letter;

use crate::harness::browser::Browser;
use crate::harness::site::Site;
use crate::harness::steps::SENDER;

#[tokio::test]
async fn a_token_is_made_copied_and_revoked_without_a_mouse() {
    let site = Site::start_named("");
    let browser = Browser::start().await;
    browser.plug_in_authenticator().await;
    browser.sign_in(&site).await;
    browser.go(&site.url("/account")).await;
    // Without a second step there is none to be had.
    browser.text_with("#tokens-need-factor", "second step first").await;
    assert!(!browser.is_shown("#add-token").await);
    browser.press("#add-passkey", Key::Enter).await;
    browser.tab_to("#passkey-name").await;
    browser.type_keys("ward computer").await;
    browser.press_key(Key::Enter).await;
    browser.at_step("codes").await;
    browser.press("#codes-kept", Key::Enter).await;

    browser.shown("#add-token").await;
    browser.press("#add-token", Key::Enter).await;
    browser.at_step("token").await;
    browser.press("#make-token", Key::Enter).await;
    browser.text_with("#token-error", "what it is for").await;
    browser.tab_to("#token-name").await;
    browser.type_keys("nightly <b>export</b>").await;
    browser.press_key(Key::Enter).await;
    browser.text_with("#token-error", "what the program may do").await;
    // A sender is offered what a sender can do.
    assert_eq!(browser.value("document.querySelectorAll('#step-token [name=scope]').length").await, 2);
    browser.press("#step-token [value='transfers:read']", Key::Space).await;
    // It took them a while: the second step is asked for once more, and the form is as they left it.
    site.clock.advance(300);
    browser.press("#make-token", Key::Enter).await;
    browser.until("location.pathname === '/second-step' && document.activeElement.id === 'use-passkey'").await;
    browser.press_key(Key::Enter).await;
    browser.until("location.pathname === '/account' && document.readyState === 'complete'").await;
    browser.at_step("token").await;
    browser.press("#make-token", Key::Enter).await;
    browser.at_step("token-made").await;
    let token = browser.text("#token-text").await;
    assert!(token.starts_with("filmjacket_") && token.len() == 54, "{token}");
    // What the button copies is what is shown; without leave to use the clipboard it says what to do.
    browser.run("navigator.clipboard.writeText = async (text) => { window.copied = text; }", vec![]).await;
    browser.press("#copy-token", Key::Enter).await;
    browser.text_with("#copy-token", "Copied").await;
    assert_eq!(browser.value("window.copied").await, token.as_str());

    let path = site.url("/api/v1/transfers");
    let ask = format!(
        "return fetch({path:?}, {{ headers: {{ Authorization: 'Bearer {token}' }} }}).then((answer) => answer.status)"
    );
    assert_eq!(browser.run(&ask, vec![]).await, 200);
    browser.press("#token-kept", Key::Enter).await;
    browser.text_with("#tokens", "nightly <b>export</b>").await;
    let page = browser.value("document.documentElement.outerHTML").await;
    assert!(!page.as_str().unwrap().contains(&token), "the token is still in the page");

    browser.press("#tokens .revoke", Key::Enter).await;
    browser.until("document.querySelector('#revoke-dialog').open").await;
    // The harmless answer has the focus.
    browser.press_key(Key::Enter).await;
    browser.until("!document.querySelector('#revoke-dialog').open").await;
    browser.press("#tokens .revoke", Key::Enter).await;
    browser.press("#revoke-confirm", Key::Enter).await;
    browser.until("document.querySelector('#tokens').hidden").await;
    assert_eq!(browser.run(&ask, vec![]).await, 401);
    let told = |letter: &Letter| matches!(letter, Letter::AccountNotice(notice) if notice.what.to_string().contains("was revoked"));
    site.mail_to(SENDER, |letter| told(letter).then_some(())).await;
}
