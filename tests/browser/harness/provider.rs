//! A real OpenID provider, with its own pages for signing in.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::browser::Browser;
use super::site::Site;

/// npm's oidc-provider. It ends with its standard input.
pub(crate) struct Provider {
    program: Child,
    tell: ChildStdin,
    told: BufReader<ChildStdout>,
    port: u16,
}

impl Provider {
    pub(crate) fn start() -> Self {
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

    pub(crate) fn tell(&mut self, what: &serde_json::Value) {
        writeln!(self.tell, "{what}").unwrap();
        // Between the lines it tells what else could be set up.
        while self.hear() != "done" {}
    }

    /// What makes a site its client, with these further settings of `[single_sign_on]`.
    pub(crate) fn settings(&self, more: &str) -> String {
        format!(
            "[single_sign_on]\nissuer = \"http://localhost:{}\"\nclient_id = \"films\"\n\
             client_secret = \"a secret that the tests know\"\nscopes = [\"email\", \"groups\"]\n{more}",
            self.port
        )
    }

    /// Lets it send browsers back to the site, once.
    pub(crate) fn know(&mut self, site: &Site) {
        self.tell(&serde_json::json!({ "redirect": site.url("/sign-in/provider/callback") }));
    }
}

impl Browser {
    /// Signs in at the provider's own pages, where nobody has been before, and lets it tell us.
    pub(crate) async fn sign_in_at_provider(&self, name: &str) {
        self.fill("input[name=login]", name).await;
        self.fill("input[name=password]", "any").await;
        self.click("button[type=submit]").await;
        // Its next page asks whether we may know.
        self.until("document.querySelector('button[autofocus]') && !document.querySelector('input[name=login]')").await;
        self.click("button[type=submit]").await;
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
