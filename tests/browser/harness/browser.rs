//! One browser with a fresh profile and its own download folder, gone when it is dropped, also by a panic.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::driver::Driver;
use super::engine::Engine;

/// What distinguishes one browser from another.
#[derive(Default)]
pub(crate) struct Options {
    /// `without_scripts` is for the whole of Chromium, `proxy_port` for its shell too.
    pub(crate) engine: Engine,
    /// Pages may not run scripts.
    pub(crate) without_scripts: bool,
    /// Pages in Firefox have no private disk, as in its private windows: what is saved goes through a service worker, as in
    /// the other two engines anyway.
    pub(crate) without_disk: bool,
    /// Pages in Chromium find the way to ask where to save, and somebody who answers: a file of the suggested name on the private
    /// disk, written through the same interface as one of the person's own ([`Browser::picked`]).
    pub(crate) with_picker: bool,
    /// Everything the browser asks for, of whatever host, goes to this port on 127.0.0.1.
    pub(crate) proxy_port: Option<u16>,
    /// Settings of Firefox beside those that every driven one has, as `about:config` names them.
    pub(crate) firefox_prefs: Value,
}

/// A browser with one window.
pub(crate) struct Browser {
    pub(crate) client: Client,
    pub(crate) engine: Engine,
    session_id: String,
    folder: TempDir,
    driver: Arc<Driver>,
}

impl Browser {
    /// Chromium's engine, differing in nothing.
    pub(crate) async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    /// A browser of this family that differs in nothing.
    pub(crate) async fn start_in(engine: Engine) -> Self {
        Self::start_with(Options { engine, ..Options::default() }).await
    }

    /// A browser with options.
    pub(crate) async fn start_with(options: Options) -> Self {
        let engine = options.engine;
        let folder = tempfile::tempdir().unwrap();
        let downloads = folder.path().join("downloads");
        std::fs::create_dir(&downloads).unwrap();
        let capabilities = engine.capabilities(&options, folder.path(), &downloads);
        let driver = Driver::for_browser(engine, folder.path(), &downloads);
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.as_object().unwrap().clone())
            .connect(&format!("http://127.0.0.1:{}", driver.port()))
            .await
            .unwrap_or_else(|error| panic!("the driver opens no {engine:?}: {error}"));
        let session_id = client.session_id().await.unwrap().unwrap();
        let browser = Self { client, engine, session_id, folder, driver };
        if engine.is_chromium() {
            browser.answer_for_file_dialog(options.with_picker).await;
        }
        if engine == Engine::Shell {
            browser.allow_downloads().await;
        }
        browser
    }

    /// Nobody is there to answer the browser's question where to save, which only Chromium can ask: pages find no way to ask it,
    /// and use the download folder instead, or get an answer at once.
    async fn answer_for_file_dialog(&self, with_picker: bool) {
        let answer = "async ({suggestedName}) => (await navigator.storage.getDirectory()).getFileHandle(suggestedName, {create: true})";
        let value = if with_picker { answer } else { "undefined" };
        let source = format!("Object.defineProperty(window, 'showSaveFilePicker', {{value: {value}}})");
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": source})).await;
    }

    /// It has no settings that could say so.
    async fn allow_downloads(&self) {
        let folder = json!({"behavior": "allow", "downloadPath": self.downloads()});
        self.devtools("Browser.setDownloadBehavior", folder).await;
    }

    /// Its own folder, whose path stands in the command line of its first process.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where this browser saves files.
    pub(crate) fn downloads(&self) -> PathBuf {
        self.folder().join("downloads")
    }

    /// A command of the DevTools protocol, which is Chromium's.
    pub(crate) async fn devtools(&self, command: &str, params: Value) -> Value {
        assert!(self.engine.is_chromium(), "{command} is for Chromium only");
        let body = json!({"cmd": command, "params": params});
        let command = ChromiumCommand { path: "goog/cdp/execute", body };
        self.client.issue_cmd(command).await.expect("the DevTools command is known")
    }

    /// Plugs in a device that keeps passkeys and verifies whoever is there (WebDriver extension of W3C Web Authentication,
    /// level 3, §11). It stays until the browser goes.
    pub(crate) async fn plug_in_authenticator(&self) {
        let body = json!({"protocol": "ctap2", "transport": "internal", "hasResidentKey": true,
            "hasUserVerification": true, "isUserVerified": true});
        let command = ChromiumCommand { path: "webauthn/authenticator", body };
        self.client.issue_cmd(command).await.expect("the driver has virtual authenticators");
    }

    /// What the console said since it was last asked, one line each: errors and broken policies among them. Only
    /// Chromium's driver tells.
    pub(crate) async fn console(&self) -> Vec<String> {
        assert!(self.engine.is_chromium(), "only Chromium's driver tells what the console says");
        let command = ChromiumCommand { path: "se/log", body: json!({"type": "browser"}) };
        let lines = self.client.issue_cmd(command).await.unwrap_or_default();
        let text = |line: &Value| format!("{} {}", line["level"].as_str()?, line["message"].as_str()?).into();
        lines.as_array().into_iter().flatten().filter_map(text).collect()
    }
}

impl Drop for Browser {
    /// Ends the session without the runtime, which may be unwinding.
    fn drop(&mut self) {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.driver.port())) else { return };
        let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
        let request = format!(
            "DELETE /session/{} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n",
            self.session_id,
            self.driver.port()
        );
        if stream.write_all(request.as_bytes()).is_ok() {
            // The first byte of the answer says that the browser is gone; chromedriver then keeps the connection open.
            let _ = stream.read(&mut [0]);
        }
    }
}

/// A command that chromedriver adds to WebDriver's own.
#[derive(Debug)]
struct ChromiumCommand {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for ChromiumCommand {
    fn endpoint(&self, base_url: &url::Url, session_id: Option<&str>) -> Result<url::Url, url::ParseError> {
        base_url.join(&format!("session/{}/{}", session_id.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}
