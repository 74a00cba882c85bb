//! The three families of browsers, and what each is asked for so that nobody has to answer it and nothing strays.

use std::path::Path;

use serde_json::{Value, json};

use super::browser::Options;

/// Debian keeps it beside the whole program. The script of the same name on PATH would stay between it and its driver.
const SHELL: &str = "/usr/lib/chromium/chromium-headless-shell";

/// A family of browsers, and for Chromium's how much of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Engine {
    /// Chromium without the program around its pages (Debian's `chromium-headless-shell`, from the same build): pages,
    /// workers, storage and network are the same, at half the processor time.
    #[default]
    Shell,
    /// The whole of Chromium, which stands for Chrome, Edge and the rest of its family: for what that program has a part
    /// in, above all saving files.
    Chromium,
    /// Firefox ESR.
    Firefox,
    /// WebKitGTK's MiniBrowser, the nearest to Safari that Linux has. A driven one keeps nothing on disk: it has
    /// IndexedDB and service workers until it ends, and no private disk (`navigator.storage` is not there).
    WebKit,
}

impl Engine {
    /// Whether it is Chromium's, and so understands its tools.
    pub(super) fn is_chromium(self) -> bool {
        matches!(self, Self::Shell | Self::Chromium)
    }

    /// What to ask its driver for: a fresh profile inside `folder`, and downloads into `downloads` without a question.
    pub(super) fn capabilities(self, options: &Options, folder: &Path, downloads: &Path) -> Value {
        match self {
            Self::Shell => {
                assert!(!options.without_scripts, "only the whole program has such a setting");
                chromium(
                    "chrome-headless-shell",
                    &json!({"binary": SHELL, "args": chromium_arguments(options, folder)}),
                )
            }
            Self::Chromium => whole_chromium(options, folder, downloads),
            Self::Firefox => firefox(options, downloads),
            // Without a name it would be the driver's own choice, which is the same; profile and downloads are told by
            // its environment, see `Driver`.
            Self::WebKit => json!({"browserName": "MiniBrowser", "unhandledPromptBehavior": "accept"}),
        }
    }
}

/// Whom this engine's own driver speaks to.
fn chromium(name: &str, options: &Value) -> Value {
    json!({
        "browserName": name,
        "goog:chromeOptions": options,
        "goog:loggingPrefs": {"browser": "ALL"},
        "unhandledPromptBehavior": "accept",
    })
}

fn chromium_arguments(options: &Options, folder: &Path) -> Vec<String> {
    let mut args = vec![
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
    args
}

fn whole_chromium(options: &Options, folder: &Path, downloads: &Path) -> Value {
    let mut args = chromium_arguments(options, folder);
    args.push("--headless=new".into());
    let scripts = if options.without_scripts { 2 } else { 1 };
    let prefs = json!({
        "download.default_directory": downloads,
        "download.prompt_for_download": false,
        // Otherwise the second file a page saves waits for a click on a bar of the browser itself.
        "profile.default_content_setting_values.automatic_downloads": 1,
        "profile.managed_default_content_settings.javascript": scripts,
    });
    chromium("chrome", &json!({"args": args, "prefs": prefs}))
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
