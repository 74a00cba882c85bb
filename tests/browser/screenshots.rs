//! Pictures of every page and state, for people to look at; `cargo xtask screenshots`.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use serde_json::json;

use crate::harness::browser::Browser;
use crate::harness::{tour, tour_admin};

/// A phone, a tablet, a reading-room screen.
const WIDTHS: [u32; 3] = [320, 768, 1440];

/// The README's pictures: state, width, light or dark, file name.
const README: [(&str, u32, &str, &str); 4] = [
    ("send-check", 768, "light", "check.png"),
    ("send-done", 768, "light", "passcode.png"),
    ("sent", 768, "dark", "sent.png"),
    ("open-files", 768, "light", "open.png"),
];

#[tokio::test]
#[ignore = "checks nothing; `cargo xtask screenshots` runs it and a person looks"]
async fn every_page_in_every_width_and_light() {
    tour::walk_as_sender(&mut take).await;
    tour::walk_as_recipient(&mut take).await;
    tour::walk_through_interruptions(&mut take).await;
}

#[tokio::test]
#[ignore = "checks nothing; `cargo xtask screenshots` runs it and a person looks"]
async fn every_administrators_page_in_every_width_and_light() {
    tour_admin::walk_as_administrator(&mut take).await;
}

#[tokio::test]
#[ignore = "checks nothing; `cargo xtask screenshots` runs it and a person looks"]
async fn every_page_of_the_account_in_every_width_and_light() {
    tour::walk_through_the_second_step(&mut take).await;
}

#[tokio::test]
#[ignore = "checks nothing; `cargo xtask screenshots` runs it and a person looks"]
async fn every_page_by_the_provider_in_every_width_and_light() {
    tour::walk_by_the_provider(&mut take).await;
}

/// Six pictures of a state.
async fn take(browser: &Browser, state: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("target/screenshots");
    std::fs::create_dir_all(&folder).unwrap();
    // A scroll bar would take its width from the page, and then be missing in the picture.
    browser.devtools("Emulation.setScrollbarsHidden", json!({"hidden": true})).await;
    for scheme in ["light", "dark"] {
        browser.prefer_colours(scheme).await;
        for width in WIDTHS {
            browser.width(width).await;
            let picture = browser.picture().await;
            std::fs::write(folder.join(format!("{state}-{width}-{scheme}.png")), &picture).unwrap();
            if let Some(path) = readme_picture(root, state, width, scheme) {
                std::fs::write(path, &picture).unwrap();
            }
        }
    }
    browser.prefer_colours("light").await;
    browser.width(1280).await;
}

fn readme_picture(root: &Path, state: &str, width: u32, scheme: &str) -> Option<PathBuf> {
    std::env::var_os("FILMJACKET_README_PICTURES")?;
    let wanted = README.iter().find(|(of, at, in_, _)| (*of, *at, *in_) == (state, width, scheme))?;
    let folder = root.join("docs/img");
    std::fs::create_dir_all(&folder).unwrap();
    Some(folder.join(wanted.3))
}

impl Browser {
    /// The whole page as PNG, also what is below the window.
    async fn picture(&self) -> Vec<u8> {
        self.run("return document.fonts.ready.then(() => true)", vec![]).await;
        let size = self.devtools("Page.getLayoutMetrics", json!({})).await["cssContentSize"].clone();
        let clip = json!({"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1});
        let parameters = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let picture = self.devtools("Page.captureScreenshot", parameters).await;
        base64::engine::general_purpose::STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()
    }
}
