//! Every page in every state: axe finds nothing, in light and in dark, and nothing needs sideways scrolling at 320 px.

use serde_json::{Value, json};

use crate::harness::browser::Browser;
use crate::harness::files::test_tools;
use crate::harness::{tour, tour_admin};

/// The narrowest width that WCAG 2.2 asks for (1.4.10 Reflow).
const NARROW: u32 = 320;

/// All that axe knows of WCAG 2.2 AA, and its own advice.
const ALL_RULES: &str = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']";
/// What the colours decide. The rest of a page is the same in the dark.
const COLOUR_RULES: &str = "{type: 'rule', values: ['color-contrast', 'link-in-text-block']}";

#[tokio::test]
async fn axe_finds_nothing_on_the_senders_pages_in_light_or_dark() {
    let mut inspection = Inspection::default();
    tour::walk_as_sender(&mut async |browser: &Browser, state: &str| inspection.inspect(browser, state).await).await;
    inspection.ends_after(20);
}

#[tokio::test]
async fn axe_finds_nothing_on_the_recipients_pages_in_light_or_dark() {
    let mut inspection = Inspection::default();
    tour::walk_as_recipient(&mut async |browser: &Browser, state: &str| inspection.inspect(browser, state).await).await;
    inspection.ends_after(9);
}

#[tokio::test]
async fn axe_finds_nothing_where_a_transfer_was_interrupted_in_light_or_dark() {
    let mut inspection = Inspection::default();
    tour::walk_through_interruptions(&mut async |browser: &Browser, state: &str| {
        inspection.inspect(browser, state).await;
    })
    .await;
    inspection.ends_after(6);
}

#[tokio::test]
async fn axe_finds_nothing_on_the_administrators_pages_in_light_or_dark() {
    let mut inspection = Inspection::default();
    tour_admin::walk_as_administrator(&mut async |browser: &Browser, state: &str| {
        inspection.inspect(browser, state).await;
    })
    .await;
    inspection.ends_after(14);
}

#[tokio::test]
async fn axe_finds_nothing_on_the_account_page_and_at_the_second_step_in_light_or_dark() {
    let mut inspection = Inspection::default();
    tour::walk_through_the_second_step(&mut async |browser: &Browser, state: &str| {
        inspection.inspect(browser, state).await;
    })
    .await;
    inspection.ends_after(12);
}

#[tokio::test]
async fn axe_finds_nothing_where_people_sign_in_by_the_provider_in_light_or_dark() {
    let mut inspection = Inspection::default();
    tour::walk_by_the_provider(&mut async |browser: &Browser, state: &str| inspection.inspect(browser, state).await)
        .await;
    inspection.ends_after(6);
}

/// What was found on the way.
#[derive(Default)]
struct Inspection {
    states: usize,
    found: Vec<String>,
}

impl Inspection {
    async fn inspect(&mut self, browser: &Browser, state: &str) {
        self.states += 1;
        if browser.value("!window.axe").await == true {
            let axe = std::fs::read_to_string(test_tools().join("npm/node_modules/axe-core/axe.min.js"));
            browser.run(&axe.expect("`cargo xtask test` fetches axe-core"), vec![]).await;
        }
        for (scheme, rules) in [("light", ALL_RULES), ("dark", COLOUR_RULES)] {
            browser.prefer_colours(scheme).await;
            let violations = violations(browser, rules).await;
            self.found.extend(violations.iter().map(|violation| format!("{state}, {scheme}: {violation}")));
        }
        browser.width(NARROW).await;
        let too_wide = browser.value("document.documentElement.scrollWidth - innerWidth").await.as_i64().unwrap();
        if too_wide > 0 {
            self.found.push(format!("{state}: {too_wide} px too wide for a window of {NARROW} px"));
        }
        browser.width(1280).await;
    }

    fn ends_after(self, least: usize) {
        assert!(self.states > least, "the tour visits every state, not {}", self.states);
        assert!(self.found.is_empty(), "{}", self.found.join("\n"));
    }
}

async fn violations(browser: &Browser, rules: &str) -> Vec<String> {
    let script = format!(
        "const told = violation => `${{violation.id}}: ${{violation.nodes.map(n => n.target + ' ' + n.failureSummary).join('; ')}}`;
        return axe.run({{runOnly: {rules}, resultTypes: ['violations']}}).then(found =>
            found.passes.length === 0 ? ['axe looked at nothing'] : found.violations.map(told))"
    );
    let found = browser.run(&script, vec![]).await;
    found.as_array().unwrap().iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

impl Browser {
    /// Makes the window's inside so many CSS pixels wide.
    pub(crate) async fn width(&self, width: u32) {
        let metrics = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }
}
