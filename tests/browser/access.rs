//! Every page in every state: axe finds nothing, in light and in dark, and nothing needs sideways scrolling at 320 px.

use serde_json::{Value, json};

use crate::harness::browser::Browser;
use crate::harness::files::test_tools;
use crate::harness::tour;

/// The narrowest width that WCAG 2.2 asks for (1.4.10 Reflow).
const NARROW: u32 = 320;

#[tokio::test]
async fn axe_finds_nothing_on_any_page_in_light_or_dark() {
    let axe = std::fs::read_to_string(test_tools().join("npm/node_modules/axe-core/axe.min.js"));
    let axe = axe.expect("`cargo xtask test` fetches axe-core");
    let mut found = Vec::new();
    let mut states = 0;
    tour::walk(async |browser: &Browser, state: &str| {
        states += 1;
        if browser.value("!window.axe").await == true {
            browser.run(&axe, vec![]).await;
        }
        for scheme in ["light", "dark"] {
            browser.prefer_colours(scheme).await;
            found.extend(
                violations(browser).await.into_iter().map(|violation| format!("{state}, {scheme}: {violation}")),
            );
        }
        browser.width(NARROW).await;
        let too_wide = browser.value("document.documentElement.scrollWidth - innerWidth").await.as_i64().unwrap();
        if too_wide > 0 {
            found.push(format!("{state}: {too_wide} px too wide for a window of {NARROW} px"));
        }
        browser.width(1280).await;
    })
    .await;
    assert!(states > 30, "the tour visits every state");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

async fn violations(browser: &Browser) -> Vec<String> {
    let script = "const done = arguments[arguments.length - 1];
        axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})
            .then(found => done(found.passes.length === 0 ? ['axe looked at nothing'] : found.violations.map(v => `${v.id}: ${v.nodes.map(n => n.target + ' ' + n.failureSummary).join('; ')}`)))
            .catch(error => done([`axe: ${error}`]))";
    let found = browser.client.execute_async(script, vec![]).await.unwrap();
    found.as_array().unwrap().iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

impl Browser {
    /// Makes the window's inside so many CSS pixels wide.
    pub(crate) async fn width(&self, width: u32) {
        let metrics = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }
}
