//! Signing in by a real OpenID provider, which is another site than ours: what of our cookies travels is up to the browser.

use crate::harness::browser::Browser;
use crate::harness::provider::Provider;
use crate::harness::site::Site;

#[tokio::test]
async fn a_person_signs_in_by_a_real_provider_gets_the_roles_of_their_groups_and_comes_again() {
    let mut provider = Provider::start();
    let site = Site::start_with(&provider.settings("[single_sign_on.roles]\nauditor = [\"revision\"]\n"));
    provider.know(&site);
    let browser = Browser::start().await;
    browser.go(&site.url("/")).await;
    browser.click("#to-provider").await;
    browser.sign_in_at_provider("ana").await;
    // Our own page goes on by itself, and the session is there.
    browser.shown("#name").await;
    browser.fill("#name", "Dr. Ana Ruiz").await;
    browser.click("#save-profile").await;
    browser.ready_to_send().await;
    assert!(!browser.is_shown("#nav-audit").await);
    assert!(browser.text("#account-name").await.contains("Dr. Ana Ruiz"));

    provider.tell(&serde_json::json!({ "groups": ["ward", "revision"] }));
    browser.click("#sign-out").await;
    browser.shown("#to-provider").await;
    browser.click("#to-provider").await;
    // She is still signed in there: nothing is asked.
    browser.shown("#nav-audit").await;
    browser.ready_to_send().await;

    // The way back does not work a second time.
    let callback = browser.value("location.origin").await;
    browser.go(&format!("{}/sign-in/provider/callback?code=x&state=y", callback.as_str().unwrap())).await;
    assert!(browser.text("main").await.contains("Please begin again"));
}

#[tokio::test]
async fn who_confirms_at_a_real_provider_before_a_dangerous_act_is_back_on_the_page_of_the_act() {
    let mut provider = Provider::start();
    let site = Site::start_with(&provider.settings("second_step = [\"mfa\"]\n"));
    provider.know(&site);
    let browser = Browser::start().await;
    browser.go(&site.url("/")).await;
    browser.click("#to-provider").await;
    browser.sign_in_at_provider("ana").await;
    browser.shown("#name").await;
    browser.go(&site.url("/account")).await;
    browser.click("#add-app").await;
    browser.until("location.pathname === '/second-step' && location.hash === '#account'").await;
    browser.shown("#to-provider").await;
    browser.click("#to-provider").await;
    // She is still signed in there: nothing is asked.
    browser.until("location.pathname === '/account'").await;
    browser.shown("#connected").await;
    // A fragment may come from anyone; the server takes its own pages only.
    for evil in ["/evil.example", "\\\\evil.example", "https://evil.example", "sign-in/provider"] {
        browser.go(&site.url("/about")).await;
        browser.go(&site.url(&format!("/second-step#{evil}"))).await;
        browser.click("#to-provider").await;
        browser.shown("#name").await;
        assert_eq!(browser.value("location.href").await, site.url("/welcome").as_str(), "{evil}");
    }
}
