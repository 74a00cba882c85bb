//! An OpenID provider in this process: it does what the specification says (OpenID Connect Core 1.0, RFC 7636), unless a test
//! makes it lie.

use super::client::{Answer, Client};
use super::site::Site;
use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use filmjacket::config::{Config, SingleSignOnSettings};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

pub(crate) const CLIENT_ID: &str = "films";
const CLIENT_SECRET: &str = "provider-canary-secret";

/// How the provider signs.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Signing {
    Right,
    /// Another key under the same name.
    OtherKey,
    /// By nobody: `alg` is `none`.
    None,
    /// By the client's secret, which the client knows too.
    Secret,
    /// By the public key, taken for a secret.
    PublicKeyAsSecret,
}

/// What a test has the provider do otherwise.
pub(crate) struct Manners {
    pub(crate) signing: Signing,
    /// Whether the userinfo endpoint says what the ID token does not.
    pub(crate) userinfo: Option<Value>,
    /// What every answer but the sign-in page is, if not what was asked for.
    pub(crate) broken: Option<(StatusCode, String)>,
    /// The name that it gives itself, if not its own.
    pub(crate) issuer: Option<String>,
}

struct State {
    key: Vec<u8>,
    kid: String,
    manners: Manners,
    /// The claims and the PKCE challenge of each code that was not redeemed yet.
    codes: HashMap<String, (Value, String)>,
    /// Paths that were asked for.
    asked: Vec<String>,
    issued: usize,
}

/// A running provider.
pub(crate) struct Provider {
    pub(crate) issuer: String,
    state: Arc<Mutex<State>>,
    handle: ServerHandle,
}

impl Drop for Provider {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

fn make_key() -> Vec<u8> {
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    key.as_ref().to_vec()
}

fn pair(key: &[u8]) -> EcdsaKeyPair {
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key, &SystemRandom::new()).unwrap()
}

type Shared = web::Data<Mutex<State>>;

impl Provider {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}/realms/clinic", listener.local_addr().unwrap());
        let manners = Manners { signing: Signing::Right, userinfo: None, broken: None, issuer: None };
        let (codes, asked) = (HashMap::new(), Vec::new());
        let state =
            Arc::new(Mutex::new(State { key: make_key(), kid: "first".into(), manners, codes, asked, issued: 0 }));
        let shared = web::Data::from(Arc::clone(&state));
        let server = HttpServer::new(move || {
            App::new().app_data(shared.clone()).service(
                web::scope("/realms/clinic")
                    .route("/.well-known/openid-configuration", web::get().to(discovery))
                    .route("/keys", web::get().to(keys))
                    .route("/token", web::post().to(token))
                    .route("/userinfo", web::get().to(userinfo)),
            )
        })
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { issuer, state, handle }
    }

    /// What makes a site its client.
    pub(crate) fn settings(&self) -> SingleSignOnSettings {
        let text = format!(
            "[single_sign_on]\nissuer = \"{}\"\nclient_id = \"{CLIENT_ID}\"\nclient_secret = \"{CLIENT_SECRET}\"\n",
            self.issuer
        );
        Config::parse(&text, std::iter::empty()).unwrap().single_sign_on.unwrap()
    }

    /// A site that is its client, with these further settings.
    pub(crate) async fn site(&self, change: impl Fn(&mut SingleSignOnSettings) + 'static) -> Site {
        self.site_with(move |config| change(config.single_sign_on.as_mut().unwrap())).await
    }

    pub(crate) async fn site_with(&self, change: impl Fn(&mut Config) + 'static) -> Site {
        let settings = self.settings();
        Site::start_with(move |config| {
            config.single_sign_on = Some(settings.clone());
            change(config);
        })
        .await
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Manners)) {
        change(&mut self.state.lock().unwrap().manners);
    }

    /// New keys from now on; the old ones are gone.
    pub(crate) fn rotate(&self) {
        let mut state = self.state.lock().unwrap();
        (state.key, state.kid) = (make_key(), format!("after {}", state.kid));
    }

    /// How often a path that ends so was asked for.
    pub(crate) fn count(&self, end: &str) -> usize {
        self.state.lock().unwrap().asked.iter().filter(|path| path.ends_with(end)).count()
    }

    /// Somebody signs in at the provider's own page: `question` is where the browser was sent. Answers the path on our server
    /// that it is sent back to. `claims` go over those that are right.
    pub(crate) fn let_in(&self, site: &Site, question: &Question, claims: &Value) -> String {
        let now = site.clock.now().as_unix();
        let mut told = json!({
            "iss": self.issuer, "aud": CLIENT_ID, "sub": "ana-1", "iat": now, "exp": now + 300, "nonce": question.get("nonce"),
            "email": "ana@clinic.example", "email_verified": true,
        });
        for (name, value) in claims.as_object().unwrap() {
            told[name] = value.clone();
        }
        let mut state = self.state.lock().unwrap();
        state.issued += 1;
        let code = format!("code-{}", state.issued);
        state.codes.insert(code.clone(), (told, question.get("code_challenge")));
        format!("/sign-in/provider/callback?code={code}&state={}", question.get("state"))
    }

    /// The whole way: from our page to the provider's and back.
    pub(crate) async fn sign_in(&self, site: &Site, client: &Client, claims: &Value) -> Answer {
        let question = Question::begin(client).await;
        client.get(&self.let_in(site, &question, claims)).await
    }
}

/// Where our server sent a browser.
pub(crate) struct Question {
    pub(crate) url: url::Url,
}

impl Question {
    pub(crate) async fn begin(client: &Client) -> Self {
        Self::begin_by(client, "/sign-in/provider").await
    }

    /// By a link that says where to come back to.
    pub(crate) async fn begin_by(client: &Client, link: &str) -> Self {
        let answer = client.get(link).await.expect(303);
        Self { url: answer.header("location").parse().unwrap() }
    }

    pub(crate) fn get(&self, name: &str) -> String {
        let mut found = self.url.query_pairs().filter(|(key, _)| key == name);
        found.next().unwrap_or_else(|| panic!("{} has no {name}", self.url)).1.into_owned()
    }
}

/// The state, unless nothing but a broken answer is given.
fn enter<'a>(shared: &'a Shared, request: &HttpRequest) -> Result<std::sync::MutexGuard<'a, State>, HttpResponse> {
    let mut state = shared.lock().unwrap();
    state.asked.push(request.path().to_owned());
    match &state.manners.broken {
        Some((status, body)) => {
            let mut answer = HttpResponse::build(*status);
            Err(answer.content_type("application/json").insert_header(("location", "/elsewhere")).body(body.clone()))
        }
        None => Ok(state),
    }
}

async fn discovery(shared: Shared, request: HttpRequest) -> HttpResponse {
    let state = match enter(&shared, &request) {
        Ok(state) => state,
        Err(broken) => return broken,
    };
    let here = format!("http://{}/realms/clinic", request.connection_info().host());
    let issuer = state.manners.issuer.clone().unwrap_or_else(|| here.clone());
    HttpResponse::Ok().json(json!({
        "issuer": issuer, "authorization_endpoint": format!("{here}/auth"), "token_endpoint": format!("{here}/token"),
        "jwks_uri": format!("{here}/keys"), "userinfo_endpoint": format!("{here}/userinfo"),
        "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    }))
}

async fn keys(shared: Shared, request: HttpRequest) -> HttpResponse {
    let state = match enter(&shared, &request) {
        Ok(state) => state,
        Err(broken) => return broken,
    };
    let pair = pair(&state.key);
    let point = pair.public_key().as_ref();
    let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
    let key = json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": state.kid, "x": x, "y": y });
    HttpResponse::Ok().json(json!({ "keys": [key] }))
}

async fn userinfo(shared: Shared, request: HttpRequest) -> HttpResponse {
    let state = match enter(&shared, &request) {
        Ok(state) => state,
        Err(broken) => return broken,
    };
    assert_eq!(request.headers().get("authorization").unwrap(), "Bearer access");
    HttpResponse::Ok().json(state.manners.userinfo.clone().unwrap_or_else(|| json!({ "sub": "ana-1" })))
}

async fn token(shared: Shared, request: HttpRequest, form: web::Form<HashMap<String, String>>) -> HttpResponse {
    let mut state = match enter(&shared, &request) {
        Ok(state) => state,
        Err(broken) => return broken,
    };
    let refused = || HttpResponse::BadRequest().json(json!({ "error": "invalid_grant" }));
    let secret = format!("Basic {}", STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}")));
    if request.headers().get("authorization").is_none_or(|given| given != secret.as_str()) {
        return HttpResponse::Unauthorized().json(json!({ "error": "invalid_client" }));
    }
    // A code works once.
    let Some((claims, challenge)) = state.codes.remove(&form["code"]) else { return refused() };
    let digest = Sha256::digest(form.get("code_verifier").map_or("", String::as_str));
    if URL_SAFE_NO_PAD.encode(digest) != challenge {
        return refused();
    }
    HttpResponse::Ok().json(json!({
        "access_token": "access", "token_type": "Bearer", "expires_in": 300, "id_token": sign(&state, &claims),
    }))
}

fn sign(state: &State, claims: &Value) -> String {
    let alg = match state.manners.signing {
        Signing::Right | Signing::OtherKey => "ES256",
        Signing::None => "none",
        Signing::Secret | Signing::PublicKeyAsSecret => "HS256",
    };
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).unwrap());
    let header = json!({ "alg": alg, "kid": state.kid, "typ": "JWT" });
    let signed = format!("{}.{}", encode(&header), encode(claims));
    let by_key = |key: &[u8]| pair(key).sign(&SystemRandom::new(), signed.as_bytes()).unwrap().as_ref().to_vec();
    let by_secret = |secret: &[u8]| {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
        ring::hmac::sign(&key, signed.as_bytes()).as_ref().to_vec()
    };
    let signature = match state.manners.signing {
        Signing::Right => by_key(&state.key),
        Signing::OtherKey => by_key(&make_key()),
        Signing::None => Vec::new(),
        Signing::Secret => by_secret(CLIENT_SECRET.as_bytes()),
        Signing::PublicKeyAsSecret => by_secret(pair(&state.key).public_key().as_ref()),
    };
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}
