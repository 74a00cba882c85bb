//! A browser that may not run scripts is told what is missing.

use fantoccini::Locator;

use crate::harness::browser::{Browser, Options};
use crate::harness::engine::Engine;
use crate::harness::site::Site;

#[tokio::test]
async fn without_scripts_every_page_says_what_is_missing() {
    let site = Site::start();
    let options = Options { engine: Engine::Chromium, without_scripts: true, ..Options::default() };
    let browser = Browser::start_with(options).await;
    for page in ["/", "/open#anything"] {
        browser.client.goto(&site.url(page)).await.unwrap();
        let text = browser.client.find(Locator::Css("body")).await.unwrap().text().await.unwrap();
        assert!(text.contains("JavaScript"), "{page}: {text}");
    }
}
