//! The steps of the journeys, one method for each thing a person would say they did.

use std::path::PathBuf;

use fantoccini::Locator;
use serde_json::json;

use super::browser::Browser;
use super::page::LONG_PATIENCE;
use super::site::Site;

/// Who sends in most journeys.
pub(crate) const SENDER: &str = "ruiz@north.example";
/// Who receives in most journeys.
pub(crate) const RECIPIENT: &str = "anna@clinic.example";

/// What the sender passes on.
pub(crate) struct Passed {
    pub(crate) link: String,
    pub(crate) passcode: String,
}

impl Browser {
    /// Signs in with the mailed code; at the first time also gives a name.
    pub(crate) async fn sign_in(&self, site: &Site) {
        self.sign_in_at(&site.origin(), async || site.code_for(SENDER).await).await;
    }

    /// The same at a server whose mail `code` knows to read.
    pub(crate) async fn sign_in_at(&self, origin: &str, code: impl AsyncFnOnce() -> String) {
        self.go(&format!("{origin}/")).await;
        self.fill("#email", SENDER).await;
        self.click("#send-code").await;
        self.at_step("code").await;
        self.fill("#code", &code().await).await;
        self.click("#enter-code").await;
        self.until("['/welcome', '/send'].includes(location.pathname) && document.readyState === 'complete'").await;
        if self.value("location.pathname").await == "/welcome" {
            self.fill("#name", "Dr. Ana Ruiz").await;
            self.fill("#organisation", "North Clinic").await;
            self.click("#save-profile").await;
        }
        self.ready_to_send().await;
    }

    /// Signs in with a device that keeps passkeys, makes one on the account page, and puts the recovery codes away.
    pub(crate) async fn sign_in_and_add_passkey(&self, site: &Site) {
        self.plug_in_authenticator().await;
        self.sign_in(site).await;
        self.go(&site.url("/account")).await;
        self.add_passkey("ward computer").await;
        self.at_step("codes").await;
        assert_eq!(self.value("document.querySelectorAll('#codes li').length").await, 10);
        self.click("#codes-kept").await;
    }

    /// Has the device make a passkey, from the account page on.
    pub(crate) async fn add_passkey(&self, name: &str) {
        self.click("#add-passkey").await;
        self.at_step("passkey").await;
        self.fill("#passkey-name", name).await;
        self.click("#make-passkey").await;
    }

    /// The send page, once its sealing code is there.
    pub(crate) async fn ready_to_send(&self) {
        self.until("location.pathname === '/send' && document.querySelector('#expires option')").await;
        self.at_step("choose").await;
    }

    /// Picks files as the file dialog would.
    pub(crate) async fn pick(&self, paths: &[PathBuf]) {
        let lines: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        self.client.find(Locator::Css("#files")).await.unwrap().send_keys(&lines.join("\n")).await.unwrap();
    }

    /// Picks files, names the recipient and goes to the check step.
    pub(crate) async fn prepare(&self, paths: &[PathBuf]) {
        self.pick(paths).await;
        self.fill("#recipient", RECIPIENT).await;
        self.review().await;
    }

    /// Goes to the check step.
    pub(crate) async fn review(&self) {
        self.click("#review").await;
        self.at_step("check").await;
    }

    /// Seals, sends, and reads off what is to be passed on.
    pub(crate) async fn seal_and_send(&self) -> Passed {
        self.click("#seal-and-send").await;
        self.at_step_within("done", LONG_PATIENCE).await;
        Passed { link: self.text("#link").await, passcode: self.text("#passcode").await }
    }

    /// Signs in and sends these files.
    pub(crate) async fn send(&self, site: &Site, paths: &[PathBuf]) -> Passed {
        self.sign_in(site).await;
        self.prepare(paths).await;
        self.seal_and_send().await
    }

    /// Opens the link and waits for the passcode's field.
    pub(crate) async fn follow(&self, link: &str) {
        self.go(link).await;
        self.at_step("passcode").await;
    }

    /// Types the passcode as a person does, through all four groups, and presses *Open*.
    pub(crate) async fn enter_passcode(&self, passcode: &str) {
        self.type_passcode(passcode).await;
        self.click("#open").await;
    }

    /// Types the passcode only.
    pub(crate) async fn type_passcode(&self, passcode: &str) {
        for (number, group) in passcode.split('-').enumerate() {
            self.fill(&format!("#passcode-{}", number + 1), group).await;
        }
    }

    /// Opens the link with the passcode, up to the list of files.
    pub(crate) async fn open(&self, link: &str, passcode: &str) {
        self.follow(link).await;
        self.enter_passcode(passcode).await;
        self.at_step("files").await;
    }

    /// The file names as shown.
    pub(crate) async fn file_names(&self) -> Vec<String> {
        let names =
            self.value("[...document.querySelectorAll('#step-files #file-list .name')].map(e => e.textContent)").await;
        serde_json::from_value(names).unwrap()
    }

    /// Saves one file and waits until it lies in the download folder; answers its path.
    pub(crate) async fn save(&self, index: usize) -> PathBuf {
        let before = self.saved();
        self.click(&format!("#step-files li[data-index='{index}'] .save")).await;
        self.text_with_within(&format!("#step-files li[data-index='{index}'] .status"), "saved", LONG_PATIENCE).await;
        self.new_download(&before).await
    }

    /// Light or dark, as the system's setting would have it.
    pub(crate) async fn prefer_colours(&self, scheme: &str) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }
}
