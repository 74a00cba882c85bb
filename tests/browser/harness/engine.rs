//! The three families of browsers, and what each is asked for so that nobody has to answer it and nothing strays.

use std::path::Path;

use serde_json::{Value, json};

use super::browser::Options;

/// A family of browsers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Engine {
    /// Chromium, which stands for Chrome, Edge and the rest of its family.
    #[default]
    Chromium,
    /// Firefox ESR.
    Firefox,
    /// WebKitGTK's MiniBrowser, the nearest to Safari that Linux has. A driven one keeps nothing on disk: it has
    /// IndexedDB and service workers until it ends, and no private disk (`navigator.storage` is not there).
    WebKit,
}

impl Engine {
    /// What to ask its driver for: a fresh profile inside `folder`, and downloads into `downloads` without a question.
    pub(super) fn capabilities(self, options: &Options, folder: &Path, downloads: &Path) -> Value {
        match self {
            Self::Chromium => chromium(options, folder, downloads),
            Self::Firefox => firefox(options, downloads),
            // Without a name it would be the driver's own choice, which is the same; profile and downloads are told by
            // its environment, see `Driver`.
            Self::WebKit => json!({"browserName": "MiniBrowser", "unhandledPromptBehavior": "accept"}),
        }
    }
}

fn chromium(options: &Options, folder: &Path, downloads: &Path) -> Value {
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
        // Chromium would ask a server of its own about each form; and it would load two pages for its own address bar,
        // which costs more than the rest of its start.
        "--disable-features=AutofillServerCommunication,OptimizationHints,Translate,WebUIOmniboxPopup,WebUIOmniboxAimPopup"
            .into(),
        "--force-prefers-reduced-motion".into(),
        "--lang=en-GB".into(),
        format!("--user-data-dir={}", folder.join("profile").display()),
    ];
    if let Some(port) = options.proxy_port {
        args.push(format!("--proxy-server=http://127.0.0.1:{port}"));
        // Chromium spares loopback addresses its proxy unless told otherwise.
        args.push("--proxy-bypass-list=<-loopback>".into());
    }
    let scripts = if options.without_scripts { 2 } else { 1 };
    let prefs = json!({
        "download.default_directory": downloads,
        "download.prompt_for_download": false,
        // Otherwise the second file a page saves waits for a click on a bar of the browser itself.
        "profile.default_content_setting_values.automatic_downloads": 1,
        "profile.managed_default_content_settings.javascript": scripts,
    });
    json!({
        "browserName": "chrome",
        "goog:chromeOptions": {"args": args, "prefs": prefs},
        "goog:loggingPrefs": {"browser": "ALL"},
        "unhandledPromptBehavior": "accept",
    })
}

/// geckodriver itself makes a fresh profile and turns off most of what Firefox does in the background.
fn firefox(options: &Options, downloads: &Path) -> Value {
    let mut prefs = json!({
        // 2: the folder that the next line names.
        "browser.download.folderList": 2,
        "browser.download.dir": downloads,
        "browser.download.always_ask_before_handling_new_types": false,
        "browser.download.alwaysOpenPanel": false,
        "browser.safebrowsing.downloads.enabled": false,
        "dom.push.connection.enabled": false,
        "network.captive-portal-service.enabled": false,
        "network.connectivity-service.enabled": false,
        "intl.accept_languages": "en-GB",
        "ui.prefersReducedMotion": 1,
        "dom.fs.enabled": !options.without_disk,
    });
    for (name, value) in options.firefox_prefs.as_object().into_iter().flatten() {
        prefs[name] = value.clone();
    }
    json!({
        "browserName": "firefox",
        "moz:firefoxOptions": {"args": ["-headless"], "prefs": prefs},
        "unhandledPromptBehavior": "accept",
    })
}
