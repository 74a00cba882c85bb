//! Acting on a page as a person does, and waiting for what a person would wait for.
//!
//! Nothing here sleeps for a guessed time: a condition is asked again until it holds or its deadline has passed. The page
//! asks itself and tells when it holds: asking it from here each time would cost the driver more than the page's own work.

use std::time::{Duration, Instant};

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::elements::{Element, ElementRef};
use fantoccini::key::Key;
use serde_json::{Value, json};

use super::browser::Browser;

/// Longer than anything a page does here may take on a busy machine with a slow disk. No test passes later for it: only
/// one that fails fails later.
const PATIENCE: Duration = Duration::from_secs(120);
/// For journeys that move hundreds of megabytes.
pub(crate) const LONG_PATIENCE: Duration = Duration::from_secs(400);
/// How often a page that is being replaced is asked again.
const INTERVAL: Duration = Duration::from_millis(25);

/// Whether the element that `arguments[0]` selects can be seen.
const IS_SHOWN: &str =
    "const e = document.querySelector(arguments[0]); return !!e && e.checkVisibility({visibilityProperty: true})";

/// Answers the value of the function `ask` as soon as it is true, or null after a while: an endless wait would keep the
/// driver from noticing that the page has gone. An error means what `false` means, for the page may still be loading.
const WAIT: &str = "return new Promise(answer => {
    const end = performance.now() + 2000;
    const again = () => {
        let value;
        try { value = ask(...given) } catch {}
        if (value || performance.now() > end) answer(value || null);
        else setTimeout(again, 20);
    };
    again();
})";

impl Browser {
    /// Opens an address. A new fragment alone would not load the page again, hence the detour.
    pub(crate) async fn go(&self, url: &str) {
        self.client.goto("about:blank").await.unwrap();
        self.client.goto(url).await.unwrap();
    }

    /// The value of a script; `arguments` are its arguments.
    pub(crate) async fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute(script, arguments).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// The value of an expression.
    pub(crate) async fn value(&self, expression: &str) -> Value {
        self.run(&format!("return ({expression})"), vec![]).await
    }

    /// Waits until an expression is true in JavaScript's sense; answers its value.
    pub(crate) async fn until(&self, expression: &str) -> Value {
        self.until_run(&format!("return ({expression})"), vec![], PATIENCE).await
    }

    /// The same for a script, its arguments and another patience.
    pub(crate) async fn until_run(&self, script: &str, arguments: Vec<Value>, patience: Duration) -> Value {
        let deadline = Instant::now() + patience;
        let waiting = format!("const given = arguments; function ask() {{ {script} }} {WAIT}");
        loop {
            let value = self.client.execute(&waiting, arguments.clone()).await;
            match value {
                Ok(Value::Null) => {}
                Ok(value) => return value,
                // While a page is being replaced there is nothing to ask.
                Err(_) => tokio::time::sleep(INTERVAL).await,
            }
            if Instant::now() > deadline {
                panic!("waited in vain for `{script}` {arguments:?}\n{}", self.state().await);
            }
        }
    }

    /// Waits until `main` names this step.
    pub(crate) async fn at_step(&self, step: &str) {
        self.at_step_within(step, PATIENCE).await;
    }

    /// The same with another patience.
    pub(crate) async fn at_step_within(&self, step: &str, patience: Duration) {
        let script = "return document.querySelector('main')?.dataset.step === arguments[0]";
        self.until_run(script, vec![json!(step)], patience).await;
    }

    /// Whether an element can be seen now.
    pub(crate) async fn is_shown(&self, css: &str) -> bool {
        self.run(IS_SHOWN, vec![json!(css)]).await == true
    }

    /// Waits until an element can be seen.
    pub(crate) async fn shown(&self, css: &str) -> Element {
        self.element_once(&format!("{IS_SHOWN} && e"), css).await
    }

    /// Waits until an element can be seen and used, then clicks it.
    pub(crate) async fn click(&self, css: &str) {
        let usable = "const e = document.querySelector(arguments[0]); return !!e && e.checkVisibility() && !e.disabled \
            && e.getAttribute('aria-disabled') !== 'true' && e";
        let element = self.element_once(usable, css).await;
        if let Err(error) = element.click().await {
            panic!("{css} cannot be clicked: {error}\n{}", self.state().await);
        }
    }

    /// Waits until a script answers the element that `css` selects.
    async fn element_once(&self, script: &str, css: &str) -> Element {
        let answer = self.until_run(script, vec![json!(css)], PATIENCE).await;
        // The only field is the element's name for the driver.
        let name = answer.as_object().and_then(|fields| fields.values().next()).and_then(Value::as_str);
        let name = name.unwrap_or_else(|| panic!("{css} is no element: {answer}"));
        Element::from_element_id(self.client.clone(), ElementRef::from(name.to_owned()))
    }

    /// Replaces what stands in a field by typing.
    pub(crate) async fn fill(&self, css: &str, text: &str) {
        let field = self.shown(css).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Types into whatever has the focus.
    pub(crate) async fn type_keys(&self, keys: &str) {
        self.client.active_element().await.unwrap().send_keys(keys).await.unwrap();
    }

    /// Presses and releases one key.
    pub(crate) async fn press_key(&self, key: Key) {
        let value = char::from(key);
        let actions = KeyActions::new("keyboard".into()).then(KeyAction::Down { value }).then(KeyAction::Up { value });
        self.client.perform_actions(actions).await.unwrap();
    }

    /// Waits until an element can be seen; answers its text as shown.
    pub(crate) async fn text(&self, css: &str) -> String {
        self.shown(css).await.text().await.unwrap()
    }

    /// Waits until an element's text contains `part`; answers the whole text.
    pub(crate) async fn text_with(&self, css: &str, part: &str) -> String {
        self.text_with_within(css, part, PATIENCE).await
    }

    /// The same with another patience.
    pub(crate) async fn text_with_within(&self, css: &str, part: &str, patience: Duration) -> String {
        let script =
            "const t = document.querySelector(arguments[0])?.innerText; return t?.includes(arguments[1]) ? t : null";
        let text = self.until_run(script, vec![json!(css), json!(part)], patience).await;
        text.as_str().unwrap().to_owned()
    }

    /// What a person would tell about the page when something does not happen.
    async fn state(&self) -> String {
        let script = "const seen = e => e.checkVisibility() && e.innerText.trim();
            return [location.pathname, document.querySelector('main')?.dataset.step,
                ...[...document.querySelectorAll('[role=alert],[role=status]')].filter(seen).map(e => e.innerText),
                document.querySelector('main')?.innerText.slice(0, 1500)]";
        let page = self.client.execute(script, vec![]).await.unwrap_or_default();
        let console = if self.engine.is_chromium() { self.console().await } else { Vec::new() };
        format!("page: {page:#}\nconsole: {console:#?}")
    }
}
