//! A person's telephone with an authenticator app, and their recovery codes.

use super::client::{Answer, Client};
use super::sender::sign_in;
use super::site::Site;
use filmjacket::config::Config;
use filmjacket::people::TotpSecret;
use filmjacket::store::{AccountNotice, AuditEntry, Event};
use protocol::Timestamp;
use protocol::account::{AccountAnswer, AppAnswer, AppRequest, RecoveryAnswer, SecondStepRequest};
use serde_json::json;

/// An authenticator app that was given a secret.
pub(crate) struct App {
    secret: TotpSecret,
}

impl App {
    /// An app that read the QR code.
    pub(crate) fn given(answer: &AppAnswer) -> Self {
        assert!(answer.uri.contains(&format!("secret={}", answer.secret)), "{}", answer.uri);
        Self { secret: TotpSecret::from_bytes(&decode_base32(&answer.secret)).unwrap() }
    }

    /// What it shows.
    pub(crate) fn code(&self, site: &Site) -> String {
        self.code_at(site.clock.now())
    }

    /// What it shows at another time.
    pub(crate) fn code_at(&self, now: Timestamp) -> String {
        self.secret.code_at(now)
    }
}

/// Whoever is signed in with an app, and has put the recovery codes away.
pub(crate) struct Protected {
    pub(crate) client: Client,
    pub(crate) app: App,
    pub(crate) recovery_codes: Vec<String>,
}

impl Protected {
    /// Signs in by the mailed code, and sets up an app. The code that was typed for that is spent.
    pub(crate) async fn sign_in(site: &Site, address: &str) -> Self {
        let client = sign_in(site, address).await;
        let (app, recovery_codes) = set_up_app(site, &client).await;
        Self { client, app, recovery_codes }
    }

    /// Another browser after the mailed code.
    pub(crate) async fn halfway(site: &Site, address: &str) -> Client {
        let client = sign_in(site, address).await;
        client.get("/api/v1/me").await.refused(403, "second-step-needed");
        client
    }
}

/// Gives this session's account an app; the app, and its owner's recovery codes.
pub(crate) async fn set_up_app(site: &Site, client: &Client) -> (App, Vec<String>) {
    let app = App::given(&client.post("/api/v1/account/app", &json!({})).await.expect(200).json());
    let confirmed = confirm(client, &app.code(site)).await.expect(200);
    (app, confirmed.json::<RecoveryAnswer>().recovery_codes)
}

pub(crate) async fn confirm(client: &Client, code: &str) -> Answer {
    client.post("/api/v1/account/app/confirm", &AppRequest { name: "my phone".into(), code: code.into() }).await
}

/// Enters a code of the app, or a recovery code.
pub(crate) async fn enter(client: &Client, code: &str) -> Answer {
    client.post("/api/v1/sign-in/second-step", &SecondStepRequest { code: code.into() }).await
}

/// What the operator does for who has lost all second steps; how many there were.
pub(crate) async fn reset_factors(site: &Site, address: &str) -> Option<u64> {
    let entry = AuditEntry::by("operator", Event::FactorsReset, site.clock.now());
    let notice = AccountNotice { mail_id: "AAAAAAAAAAAAAAAAAAAAAA".into(), what: "All was removed.".into() };
    site.app().store.reset_factors(address, &notice, &entry).await.unwrap()
}

/// What an account's owner sees of it.
pub(crate) async fn look(client: &Client) -> AccountAnswer {
    client.get("/api/v1/account").await.expect(200).json()
}

/// A server whose address has a name, so that there are passkeys.
pub(crate) fn by_name(config: &mut Config) {
    let text = format!("public_url = 'http://localhost:{}'", config.listen.port());
    config.public_url = Config::parse(&text, std::iter::empty()).unwrap().public_url;
}

/// Everyone must have a second step.
pub(crate) fn required(config: &mut Config) {
    config.second_step.sender = protocol::account::SecondStep::Required;
}

/// RFC 4648 §6.
fn decode_base32(text: &str) -> Vec<u8> {
    let symbols = text.bytes().map(|symbol| match symbol {
        b'A'..=b'Z' => u64::from(symbol - b'A'),
        b'2'..=b'7' => u64::from(symbol - b'2') + 26,
        _ => panic!("{text} is no base32"),
    });
    let symbols: Vec<u64> = symbols.collect();
    // Forty bits at a time; a secret of twenty bytes has no rest.
    let bytes = symbols.chunks_exact(8).flat_map(|chunk| {
        let bits = chunk.iter().fold(0, |bits, symbol| bits << 5 | symbol);
        bits.to_be_bytes()[3..].to_vec()
    });
    bytes.collect()
}
