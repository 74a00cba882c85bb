//! The part of the tour that goes by the institution's own sign-in, a real one.

use super::browser::Browser;
use super::provider::Provider;
use super::site::Site;
use super::steps::SENDER;
use fantoccini::key::Key;

/// Walks through what people meet who sign in by their institution; `stop` is called at each state with its name.
pub(crate) async fn walk(stop: &mut impl AsyncFnMut(&Browser, &str)) {
    visit_required_step(stop).await;
    visit_step_at_provider(stop).await;
    visit_connecting(stop).await;
}

/// Whoever signed in at a provider whose second step counts, and which asked for none.
async fn sign_in_without_step(before: &str) -> (Provider, Site, Browser) {
    let mut provider = Provider::start();
    let site = Site::start_with(&format!("{before}{}", provider.settings("second_step = [\"mfa\"]\n")));
    provider.know(&site);
    let browser = Browser::start().await;
    browser.go(&site.url("/")).await;
    browser.click("#to-provider").await;
    browser.sign_in_at_provider("ana").await;
    (provider, site, browser)
}

async fn visit_required_step(stop: &mut impl AsyncFnMut(&Browser, &str)) {
    let (_provider, _site, browser) = sign_in_without_step("sign_in.second_step.sender = \"required\"\n").await;
    browser.until("location.pathname === '/second-step'").await;
    browser.shown("#to-provider").await;
    stop(&browser, "provider-step").await;
}

async fn visit_step_at_provider(stop: &mut impl AsyncFnMut(&Browser, &str)) {
    let (_provider, site, browser) = sign_in_without_step("").await;
    browser.shown("#name").await;
    browser.go(&site.url("/account")).await;
    browser.shown("#connected-stays").await;
    stop(&browser, "account-connected-for-good").await;
    browser.click("#add-app").await;
    browser.until("location.pathname === '/second-step'").await;
    browser.shown("#to-provider").await;
    stop(&browser, "provider-step-again").await;
}

/// Whoever has a second step here connects the provider, and disconnects it.
async fn visit_connecting(stop: &mut impl AsyncFnMut(&Browser, &str)) {
    let mut provider = Provider::start();
    let site = Site::start_named_by_real_time(&provider.settings(""));
    provider.know(&site);
    let browser = Browser::start().await;
    browser.plug_in_authenticator().await;
    browser.sign_in(&site).await;
    browser.go(&site.url("/account")).await;
    browser.shown("#not-connected").await;
    stop(&browser, "account-not-connected").await;
    browser.click("#add-passkey").await;
    browser.at_step("passkey").await;
    browser.fill("#passkey-name", "ward computer").await;
    browser.click("#make-passkey").await;
    browser.at_step("codes").await;
    browser.click("#codes-kept").await;
    browser.click("#to-provider").await;
    browser.sign_in_at_provider(SENDER).await;
    browser.shown("#use-passkey").await;
    browser.click("#use-passkey").await;
    browser.ready_to_send().await;
    browser.go(&site.url("/account")).await;
    browser.shown("#disconnect").await;
    stop(&browser, "account-connected").await;
    browser.click("#disconnect").await;
    browser.shown("#disconnect-dialog").await;
    stop(&browser, "account-disconnect-dialog").await;
    browser.press_key(Key::Escape).await;
    browser.until("!document.querySelector('#disconnect-dialog').open").await;
    browser.click("#disconnect").await;
    browser.click("#disconnect-confirm").await;
    browser.shown("#email").await;
    stop(&browser, "sign-in-after-disconnecting").await;
}
