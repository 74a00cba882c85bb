//! The second step in a real browser: passkeys in Chromium's virtual authenticator, an app, recovery codes.

use fantoccini::key::Key;
use filmjacket::people::TotpSecret;
use filmjacket::store::{AccountNotice, AuditEntry, Event};

use crate::harness::browser::Browser;
use crate::harness::site::Site;
use crate::harness::steps::SENDER;

/// Seconds for which an app shows one code.
const STEP: i64 = 30;

impl Browser {
    /// Waits for a page of this path.
    async fn at_path(&self, path: &str) {
        self.until(&format!("location.pathname === '{path}' && document.readyState === 'complete'")).await;
    }

    /// Types the address and the code from the mail; what comes next depends on the account.
    async fn enter_mailed_code(&self, site: &Site) {
        self.go(&site.url("/")).await;
        self.fill("#email", SENDER).await;
        self.click("#send-code").await;
        self.at_step("code").await;
        self.fill("#code", &site.code_for(SENDER).await).await;
        self.click("#enter-code").await;
    }

    async fn sign_out(&self) {
        self.click("#sign-out").await;
        self.at_path("/").await;
    }

    /// The secret that the account page shows for an app.
    async fn app_secret(&self) -> TotpSecret {
        let text = self.value("document.querySelector('#app-secret').textContent").await;
        secret_of(text.as_str().unwrap())
    }
}

/// Base32 (RFC 4648 §6) as the page groups it.
fn secret_of(text: &str) -> TotpSecret {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let symbols: Vec<u64> = text.chars().filter_map(|symbol| alphabet.find(symbol)).map(|at| at as u64).collect();
    let bits = |chunk: &[u64]| chunk.iter().fold(0, |bits: u64, symbol| bits << 5 | symbol);
    let bytes: Vec<u8> = symbols.chunks_exact(8).flat_map(|chunk| bits(chunk).to_be_bytes()[3..].to_vec()).collect();
    TotpSecret::from_bytes(&bytes).expect("a secret of 20 bytes")
}

#[tokio::test]
async fn a_passkey_is_made_shown_and_after_its_removal_worth_nothing() {
    let site = Site::start_named("");
    let browser = Browser::start().await;
    browser.sign_in_and_add_passkey(&site).await;
    browser.text_with("#factors", "ward computer").await;
    browser.sign_out().await;

    browser.enter_mailed_code(&site).await;
    browser.at_path("/second-step").await;
    browser.click("#use-passkey").await;
    browser.ready_to_send().await;
    // The same device a second time: it says that it has one.
    browser.go(&site.url("/account")).await;
    browser.add_passkey("again").await;
    browser.text_with("#passkey-error", "already").await;
    browser.click("#step-passkey .back").await;

    // Removed in one browser while another is about to show it.
    browser.sign_out().await;
    browser.enter_mailed_code(&site).await;
    browser.shown("#use-passkey").await;
    let entry = AuditEntry::by("operator", Event::FactorsReset, site.clock.now());
    let notice = AccountNotice { mail_id: "AAAAAAAAAAAAAAAAAAAAAA".into(), what: "Removed.".into() };
    site.app().store.reset_factors(SENDER, &notice, &entry).await.unwrap();
    browser.click("#use-passkey").await;
    browser.at_path("/").await;
    browser.enter_mailed_code(&site).await;
    browser.ready_to_send().await;
    assert_eq!(console_faults(&browser).await, Vec::<String>::new());
}

/// What the console complains about, answers that were to be refused apart.
async fn console_faults(browser: &Browser) -> Vec<String> {
    let lines = browser.console().await;
    lines.into_iter().filter(|line| !line.contains("Failed to load resource")).collect()
}

#[tokio::test]
async fn who_must_have_a_second_step_is_led_to_one_and_then_works() {
    let site = Site::start_named("sign_in.second_step.sender = \"required\"");
    let browser = Browser::start().await;
    browser.enter_mailed_code(&site).await;
    browser.at_path("/account").await;
    browser.text_with("h1", "Set up a second step").await;
    browser.click("#add-app").await;
    browser.at_step("app").await;
    browser.shown("#app-qr svg").await;
    let app = browser.app_secret().await;
    browser.fill("#app-name", "my phone").await;
    browser.fill("#app-code", &app.code_at(site.clock.now().plus(3600))).await;
    browser.click("#confirm-app").await;
    browser.text_with("#app-error", "does not show this code").await;
    browser.fill("#app-code", &app.code_at(site.clock.now())).await;
    browser.click("#confirm-app").await;
    browser.at_step("codes").await;
    let recovery = browser.text("#codes li").await;
    browser.click("#codes-kept").await;
    browser.at_path("/welcome").await;
    browser.sign_out().await;

    browser.enter_mailed_code(&site).await;
    browser.at_path("/second-step").await;
    assert!(!browser.is_shown("#use-passkey").await && !browser.is_shown("#nav-send").await);
    browser.fill("#code", "000000").await;
    browser.click("#send-code").await;
    browser.shown("#second-step-error").await;
    site.clock.advance(STEP);
    browser.fill("#code", &app.code_at(site.clock.now())).await;
    browser.click("#send-code").await;
    browser.at_path("/welcome").await;
    browser.sign_out().await;

    browser.enter_mailed_code(&site).await;
    browser.at_path("/second-step").await;
    browser.fill("#code", &recovery).await;
    browser.click("#send-code").await;
    browser.at_path("/welcome").await;
    // The last one must stay.
    browser.go(&site.url("/account")).await;
    browser.click("#factors .remove").await;
    browser.click("#remove-confirm").await;
    browser.text_with("#account-error", "last one").await;
}

#[tokio::test]
async fn the_link_for_the_first_administrator_asks_for_the_second_step_and_comes_back_with_its_secret() {
    let site = Site::start_named("");
    let browser = Browser::start().await;
    browser.sign_in_and_add_passkey(&site).await;
    browser.sign_out().await;
    browser.enter_mailed_code(&site).await;
    browser.at_path("/second-step").await;
    let link = site.app().make_first_administrator_link().await.unwrap().expect("there is no administrator");
    browser.go(&link).await;
    browser.click("#use-passkey").await;
    browser.shown("#become-first").await;
    browser.click("#become-first").await;
    browser.at_path("/admin/people").await;
}

#[tokio::test]
async fn a_dangerous_act_asks_again_and_comes_back() {
    let site = Site::start_named("");
    let browser = Browser::start().await;
    browser.sign_in_and_add_passkey(&site).await;
    site.clock.advance(300);
    browser.click("#make-codes").await;
    browser.click("#codes-confirm").await;
    browser.at_path("/second-step").await;
    browser.text_with("h1", "confirm that it is you").await;
    browser.click("#use-passkey").await;
    browser.at_path("/account").await;
    browser.click("#make-codes").await;
    browser.click("#codes-confirm").await;
    browser.at_step("codes").await;
}

#[tokio::test]
async fn a_passkey_needs_no_mouse() {
    let site = Site::start_named("");
    let browser = Browser::start().await;
    browser.plug_in_authenticator().await;
    browser.sign_in(&site).await;
    browser.tab_to("#account-name").await;
    browser.press_key(Key::Enter).await;
    browser.at_path("/account").await;
    browser.shown("#add-passkey").await;
    browser.press("#add-passkey", Key::Enter).await;
    browser.tab_to("#passkey-name").await;
    browser.type_keys("ward computer").await;
    browser.press_key(Key::Enter).await;
    browser.at_step("codes").await;
    browser.press("#codes-kept", Key::Enter).await;
    browser.text_with("#factors", "ward computer").await;
    browser.press("#sign-out", Key::Enter).await;
    browser.at_path("/").await;
    browser.enter_mailed_code(&site).await;
    browser.at_path("/second-step").await;
    // The passkey has the focus already.
    browser.until("document.activeElement.id === 'use-passkey'").await;
    browser.press_key(Key::Enter).await;
    browser.ready_to_send().await;
}
