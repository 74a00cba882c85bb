//! One Chromium with a fresh profile and its own download folder, gone when it is dropped, also by a panic.

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

/// What distinguishes one browser from another.
#[derive(Default)]
pub(crate) struct Options {
    /// Pages may not run scripts.
    pub(crate) without_scripts: bool,
    /// Everything the browser asks for, of whatever host, goes to this port on 127.0.0.1.
    pub(crate) proxy_port: Option<u16>,
}

/// A browser with one window.
pub(crate) struct Browser {
    pub(crate) client: Client,
    session_id: String,
    folder: TempDir,
    driver: Arc<Driver>,
}

impl Browser {
    /// A browser that differs in nothing.
    pub(crate) async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    /// A browser with options.
    pub(crate) async fn start_with(options: Options) -> Self {
        let driver = Driver::shared();
        let folder = tempfile::tempdir().unwrap();
        let capabilities = capabilities(&options, folder.path());
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", driver.port()))
            .await
            .expect("chromedriver opens a browser");
        let session_id = client.session_id().await.unwrap().unwrap();
        let browser = Self { client, session_id, folder, driver };
        browser.hide_file_dialog().await;
        browser
    }

    /// Pages find no way to ask where to save: nobody is there to answer, so they use the download folder instead.
    async fn hide_file_dialog(&self) {
        let source = "Object.defineProperty(window, 'showSaveFilePicker', {value: undefined})";
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": source})).await;
    }

    /// Where this browser saves files.
    pub(crate) fn downloads(&self) -> PathBuf {
        self.folder.path().join("downloads")
    }

    /// A command of the DevTools protocol.
    pub(crate) async fn devtools(&self, command: &str, params: Value) -> Value {
        let body = json!({"cmd": command, "params": params});
        let command = ChromiumCommand { path: "goog/cdp/execute", body };
        self.client.issue_cmd(command).await.expect("the DevTools command is known")
    }

    /// What the console said since it was last asked, one line each: errors and broken policies among them.
    pub(crate) async fn console(&self) -> Vec<String> {
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

fn capabilities(options: &Options, folder: &Path) -> serde_json::Map<String, Value> {
    let mut args = vec![
        "--headless=new".to_owned(),
        // Needed where tests run as root, in a container as a rule; only our own pages are loaded.
        "--no-sandbox".into(),
        "--disable-gpu".into(),
        "--disable-dev-shm-usage".into(),
        "--disable-background-networking".into(),
        "--disable-component-update".into(),
        "--disable-sync".into(),
        "--no-first-run".into(),
        "--disable-quic".into(),
        // Chromium would ask a server of its own about each form.
        "--disable-features=AutofillServerCommunication,OptimizationHints,Translate".into(),
        "--force-prefers-reduced-motion".into(),
        "--lang=en-GB".into(),
        format!("--user-data-dir={}", folder.join("profile").display()),
    ];
    if let Some(port) = options.proxy_port {
        args.push(format!("--proxy-server=http://127.0.0.1:{port}"));
        // Chromium spares loopback addresses its proxy unless told otherwise.
        args.push("--proxy-bypass-list=<-loopback>".into());
    }
    let downloads = folder.join("downloads");
    std::fs::create_dir_all(&downloads).unwrap();
    let scripts = if options.without_scripts { 2 } else { 1 };
    let prefs = json!({
        "download.default_directory": downloads,
        "download.prompt_for_download": false,
        // Otherwise the second file a page saves waits for a click on a bar of the browser itself.
        "profile.default_content_setting_values.automatic_downloads": 1,
        "profile.managed_default_content_settings.javascript": scripts,
    });
    let capabilities = json!({
        "browserName": "chrome",
        "goog:chromeOptions": {"args": args, "prefs": prefs},
        "goog:loggingPrefs": {"browser": "ALL"},
        "unhandledPromptBehavior": "accept",
    });
    capabilities.as_object().unwrap().clone()
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
