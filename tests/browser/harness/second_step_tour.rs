//! The part of the tour that shows the account page and the second step.

use super::browser::Browser;
use super::site::Site;
use super::steps::SENDER;
use fantoccini::key::Key;

/// Walks through what anyone with a second step meets; `stop` is called at each state with its name.
pub(crate) async fn walk(stop: &mut impl AsyncFnMut(&Browser, &str)) {
    let site = Site::start_named("");
    let browser = Browser::start().await;
    browser.plug_in_authenticator().await;
    browser.sign_in(&site).await;
    visit_setting_up(&site, &browser, stop).await;
    visit_account(&browser, stop).await;
    visit_tokens(&browser, stop).await;
    visit_second_step(&site, &browser, stop).await;
    visit_must_set_up(stop).await;
}

async fn visit_setting_up(site: &Site, browser: &Browser, stop: &mut impl AsyncFnMut(&Browser, &str)) {
    browser.go(&site.url("/account")).await;
    browser.shown("#factors-none").await;
    stop(browser, "account-none").await;
    browser.click("#add-app").await;
    browser.at_step("app").await;
    browser.click("#app-secret-details summary").await;
    browser.shown("#app-secret").await;
    stop(browser, "account-app").await;
    browser.click("#confirm-app").await;
    browser.shown("#app-error").await;
    stop(browser, "account-app-error").await;
    browser.click("#step-app .back").await;
    browser.click("#add-passkey").await;
    browser.at_step("passkey").await;
    stop(browser, "account-passkey").await;
    browser.fill("#passkey-name", "ward computer").await;
    browser.click("#make-passkey").await;
    browser.at_step("codes").await;
    stop(browser, "account-codes").await;
    browser.click("#codes-kept").await;
}

async fn visit_account(browser: &Browser, stop: &mut impl AsyncFnMut(&Browser, &str)) {
    browser.shown("#factors li").await;
    stop(browser, "account").await;
    for (button, dialog) in [("#factors .rename", "rename"), ("#factors .remove", "remove"), ("#make-codes", "codes")] {
        browser.click(button).await;
        browser.shown(&format!("#{dialog}-dialog")).await;
        stop(browser, &format!("account-{dialog}-dialog")).await;
        browser.press_key(Key::Escape).await;
        browser.until(&format!("!document.querySelector('#{dialog}-dialog').open")).await;
    }
}

async fn visit_tokens(browser: &Browser, stop: &mut impl AsyncFnMut(&Browser, &str)) {
    browser.click("#add-token").await;
    browser.at_step("token").await;
    stop(browser, "account-token").await;
    browser.fill("#token-name", "nightly export of the radiology ward").await;
    browser.click("#make-token").await;
    browser.shown("#token-error").await;
    stop(browser, "account-token-error").await;
    for scope in ["read", "write"] {
        browser.click(&format!("#step-token [value='transfers:{scope}']")).await;
    }
    browser.click("#make-token").await;
    browser.at_step("token-made").await;
    stop(browser, "account-token-made").await;
    browser.click("#token-kept").await;
    browser.shown("#tokens li").await;
    stop(browser, "account-tokens").await;
    browser.click("#tokens .revoke").await;
    browser.shown("#revoke-dialog").await;
    stop(browser, "account-revoke-dialog").await;
    browser.press_key(Key::Escape).await;
    browser.until("!document.querySelector('#revoke-dialog').open").await;
}

async fn visit_second_step(site: &Site, browser: &Browser, stop: &mut impl AsyncFnMut(&Browser, &str)) {
    browser.go(&site.url("/second-step")).await;
    browser.shown("#use-passkey").await;
    stop(browser, "second-step-again").await;
    let elsewhere = Browser::start().await;
    elsewhere.go(&site.url("/")).await;
    elsewhere.fill("#email", SENDER).await;
    elsewhere.click("#send-code").await;
    elsewhere.at_step("code").await;
    elsewhere.fill("#code", &site.code_for(SENDER).await).await;
    elsewhere.click("#enter-code").await;
    elsewhere.shown("#use-passkey").await;
    stop(&elsewhere, "second-step").await;
    elsewhere.fill("#code", "00000-00000").await;
    elsewhere.click("#send-code").await;
    elsewhere.shown("#second-step-error").await;
    stop(&elsewhere, "second-step-error").await;
    browser.go(&site.url("/account")).await;
    browser.shown("#sessions li:nth-child(2)").await;
    stop(browser, "account-two-sessions").await;
}

async fn visit_must_set_up(stop: &mut impl AsyncFnMut(&Browser, &str)) {
    let site = Site::start_named("sign_in.second_step.sender = \"required\"");
    let browser = Browser::start().await;
    browser.go(&site.url("/")).await;
    browser.fill("#email", SENDER).await;
    browser.click("#send-code").await;
    browser.at_step("code").await;
    browser.fill("#code", &site.code_for(SENDER).await).await;
    browser.click("#enter-code").await;
    browser.shown("#add-app").await;
    stop(&browser, "account-must-set-up").await;
}
