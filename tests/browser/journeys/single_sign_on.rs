//! Signing in by a real OpenID provider, which is another site than ours: what of our cookies travels is up to the browser.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::harness::browser::Browser;
use crate::harness::site::Site;

/// npm's oidc-provider. It ends with its standard input.
struct Provider {
    program: Child,
    tell: ChildStdin,
    told: BufReader<ChildStdout>,
    port: u16,
}

impl Provider {
    fn start() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut program = Command::new("node")
            .arg(root.join("tests/browser/single_sign_on/provider.mjs"))
            .arg(root.join("target/test-tools/npm-oidc-provider"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node should be installed: `cargo xtask test` does it");
        let (tell, told) = (program.stdin.take().unwrap(), program.stdout.take().unwrap());
        let mut provider = Self { program, tell, told: BufReader::new(told), port: 0 };
        provider.port = provider.hear().parse().expect("the provider says its port");
        provider
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        assert!(self.told.read_line(&mut line).unwrap() > 0, "the provider ended");
        line.trim().to_owned()
    }

    fn tell(&mut self, what: &serde_json::Value) {
        writeln!(self.tell, "{what}").unwrap();
        // Between the lines it tells what else could be set up.
        while self.hear() != "done" {}
    }

    /// A site that is its client, on another host name.
    fn site(&mut self) -> Site {
        let settings = format!(
            "[single_sign_on]\nissuer = \"http://localhost:{}\"\nclient_id = \"films\"\n\
             client_secret = \"a secret that the tests know\"\nscopes = [\"email\", \"groups\"]\n\
             [single_sign_on.roles]\nauditor = [\"revision\"]\n",
            self.port
        );
        let site = Site::start_with(&settings);
        self.tell(&serde_json::json!({ "redirect": site.url("/sign-in/provider/callback") }));
        site
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

#[tokio::test]
async fn a_person_signs_in_by_a_real_provider_gets_the_roles_of_their_groups_and_comes_again() {
    let mut provider = Provider::start();
    let site = provider.site();
    let browser = Browser::start().await;
    browser.go(&site.url("/")).await;
    browser.click("#to-provider").await;
    browser.fill("input[name=login]", "ana").await;
    browser.fill("input[name=password]", "any").await;
    browser.click("button[type=submit]").await;
    // Its next page asks whether we may know.
    browser.until("document.querySelector('button[autofocus]') && !document.querySelector('input[name=login]')").await;
    browser.click("button[type=submit]").await;
    // Our own page goes on by itself, and the session is there.
    browser.shown("#name").await;
    browser.fill("#name", "Dr. Ana Ruiz").await;
    browser.click("#save-profile").await;
    browser.ready_to_send().await;
    assert!(!browser.is_shown("#nav-audit").await);
    assert!(browser.text("#account-name").await.contains("Dr. Ana Ruiz"));

    provider.tell(&serde_json::json!({ "groups": ["ward", "revision"] }));
    browser.click("#sign-out").await;
    browser.shown("#to-provider").await;
    browser.click("#to-provider").await;
    // She is still signed in there: nothing is asked.
    browser.shown("#nav-audit").await;
    browser.ready_to_send().await;

    // The way back does not work a second time.
    let callback = browser.value("location.origin").await;
    browser.go(&format!("{}/sign-in/provider/callback?code=x&state=y", callback.as_str().unwrap())).await;
    assert!(browser.text("main").await.contains("Please begin again"));
}
