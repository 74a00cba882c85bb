//! The client of an OpenID provider: the authorization code flow with PKCE (OpenID Connect Core 1.0 §3.1, RFC 7636, RFC 9700).
//!
//! | call | for |
//! | --- | --- |
//! | [`SingleSignOn::ask`] | the address that a browser is sent to, and what must be kept until it comes back |
//! | [`SingleSignOn::redeem`] | who came back: the code is redeemed and the ID token verified |
//!
//! What is bound to a browser, used once and kept for how long is the caller's business. What the provider's word is worth here
//! is asked of `people`. This room must not know about rows, mail or requests to this server.

mod claims;
mod discovery;
mod line;

pub use self::claims::Told;
use self::claims::{Claims, to_map};
use self::discovery::Discovery;
use self::line::Line;
use crate::clock::Clock;
use crate::config::SingleSignOnSettings;
use chrono::{DateTime, Utc};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreClientAuthMethod, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreResponseType,
    CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, AuthType, AuthenticationFlow, AuthorizationCode, ClaimsVerificationError, Client, ClientId,
    ClientSecret, CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenFields,
    Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    SignatureVerificationError, StandardErrorResponse, StandardTokenResponse, SubjectIdentifier, TokenResponse as _,
    UserInfoClaims, UserInfoError,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::time::Duration;

/// The path on this server that the provider sends browsers back to.
pub const CALLBACK: &str = "/sign-in/provider/callback";

/// How lately somebody may have been asked at the provider who is to confirm that it is them (`max_age`, Core §3.1.2.1).
const JUST_NOW: Duration = Duration::from_secs(60);

/// Seconds by which two machines' clocks may differ.
const SKEW: i64 = 60;

/// How ID tokens may be signed. Never by the client's secret, which is not the provider's alone, and never not at all.
const SIGNED_BY: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// Every claim beside the standard ones.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct Others(Map<String, Value>);

impl AdditionalClaims for Others {}

type Fields = IdTokenFields<
    Others,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type Tokens = StandardTokenResponse<Fields, CoreTokenType>;
type OidcClient = Client<
    Others,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// The provider, and this server as its client.
#[derive(Debug)]
pub struct SingleSignOn {
    settings: SingleSignOnSettings,
    /// Where browsers come back to.
    redirect: RedirectUrl,
    discovery: Discovery,
    clock: Clock,
    line: Line,
}

/// A question to the provider.
#[derive(Debug)]
pub struct Question {
    /// Where the browser is sent.
    pub url: String,
    /// What the answer is held against.
    pub kept: Kept,
}

/// What must be kept of a question, in secret, until its answer comes.
#[derive(Clone, Deserialize, Serialize)]
pub struct Kept {
    nonce: String,
    verifier: String,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kept(redacted)")
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.nonce);
        zeroize::Zeroize::zeroize(&mut self.verifier);
    }
}

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The provider cannot be asked, or answers what nobody can read: it may be better in a moment.
    #[error("the provider is away: {0}")]
    Away(String),
    /// The provider refused the code, or its word does not stand up. Free of secrets.
    #[error("{0}")]
    Refused(String),
}

impl SingleSignOn {
    /// Nothing is asked yet: a provider that is away keeps no server from starting.
    ///
    /// # Errors
    /// The authority's file does not read, or an address is none.
    pub fn new(settings: SingleSignOnSettings, origin: &str, clock: Clock) -> std::io::Result<Self> {
        Ok(Self {
            redirect: RedirectUrl::new(format!("{origin}{CALLBACK}")).map_err(std::io::Error::other)?,
            discovery: Discovery::new(settings.issuer.clone())?,
            line: Line::new(settings.ca.as_deref())?,
            clock,
            settings,
        })
    }

    /// How it is set up.
    pub const fn settings(&self) -> &SingleSignOnSettings {
        &self.settings
    }

    /// What to ask the provider, in a way back that carries `state`. Whoever is to confirm that it is them is asked by the
    /// provider again, also if they have been lately.
    ///
    /// # Errors
    /// [`Fault::Away`].
    pub async fn ask(&self, state: String, confirm: bool) -> Result<Question, Fault> {
        let client = self.client(&*self.discovery.provider(&self.line, &self.clock).await?);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let mut request = client
            .authorize_url(flow, || CsrfToken::new(state), Nonce::new_random)
            .add_scopes(self.settings.scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(challenge);
        if confirm {
            request = request.set_max_age(JUST_NOW);
        }
        let (url, _, nonce) = request.url();
        let kept = Kept { nonce: nonce.secret().clone(), verifier: verifier.into_secret() };
        Ok(Question { url: url.into(), kept })
    }

    /// Who came back with `code`, the answer to the question of which `kept` was kept.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn redeem(&self, code: String, kept: &Kept) -> Result<Told, Fault> {
        let provider = self.discovery.provider(&self.line, &self.clock).await?;
        let client = self.client(&provider);
        let request = client.exchange_code(AuthorizationCode::new(code)).map_err(|error| away(&error))?;
        let verifier = PkceCodeVerifier::new(kept.verifier.clone());
        let tokens: Tokens =
            request.set_pkce_verifier(verifier).request_async(&self.line).await.map_err(|error| match error {
                RequestTokenError::ServerResponse(answer) => {
                    // invalid_grant is somebody's old code, everything else is for the operator to mend.
                    Fault::Refused(format!("the provider gave no token: {}", error_word(answer.error().as_ref())))
                }
                RequestTokenError::Request(error) => away(&error),
                // What does not read may be quoted in the error, and is a token.
                _ => Fault::Away("it answers the code with what does not read".to_owned()),
            })?;
        let nonce = Nonce::new(kept.nonce.clone());
        let token = match self.verify(&client, &tokens, &nonce) {
            // A provider that has new keys signs with them from one moment to the next.
            Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
                let renewed = self.discovery.ask(Some(&provider), &self.line, &self.clock).await?;
                self.verify(&self.client(&renewed), &tokens, &nonce)
            }
            outcome => outcome,
        };
        let token =
            token.map_err(|error| Fault::Refused(format!("the provider's token was not taken: {}", why(&error))))?;
        let mut claims = Claims { token, ..Claims::default() };
        if claims.want_userinfo(&self.settings) {
            claims.userinfo = self.userinfo(&client, &tokens, &claims.token).await?;
        }
        claims.read(&self.settings, self.clock.now()).map_err(|why| Fault::Refused(format!("the provider told {why}")))
    }

    /// The claims of the ID token, once its signature, issuer, audience, times and nonce are right (Core §3.1.3.7).
    fn verify(
        &self,
        client: &OidcClient,
        tokens: &Tokens,
        nonce: &Nonce,
    ) -> Result<Map<String, Value>, ClaimsVerificationError> {
        let now = self.clock.now().as_unix();
        let verifier = client
            .id_token_verifier()
            .set_allowed_algs(SIGNED_BY)
            .set_time_fn(move || moment(now - SKEW))
            .set_issue_time_verifier_fn(move |issued| {
                if issued.timestamp() <= now + SKEW { Ok(()) } else { Err("from the future".to_owned()) }
            });
        let token = tokens.id_token().ok_or_else(|| ClaimsVerificationError::Other("there is none".to_owned()))?;
        token.claims(&verifier, nonce).map(to_map)
    }

    /// What the provider says beside the token of the same person; nothing if it has no place for that.
    async fn userinfo(
        &self,
        client: &OidcClient,
        tokens: &Tokens,
        token: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Fault> {
        let subject = token.get("sub").and_then(Value::as_str).unwrap_or_default().to_owned();
        let Ok(request) = client.user_info(tokens.access_token().clone(), Some(SubjectIdentifier::new(subject))) else {
            return Ok(Map::new());
        };
        let told: Result<UserInfoClaims<Others, CoreGenderClaim>, _> = request.request_async(&self.line).await;
        told.map(|claims| to_map(&claims)).map_err(|error| match error {
            UserInfoError::Request(error) => away(&error),
            UserInfoError::ClaimsVerification(_) => Fault::Refused("the provider told of somebody else".to_owned()),
            _ => Fault::Away("its userinfo answer does not read".to_owned()),
        })
    }

    fn client(&self, provider: &CoreProviderMetadata) -> OidcClient {
        let (id, secret) = (&self.settings.client_id, self.settings.client_secret.expose());
        let client = Client::from_provider_metadata(
            provider.clone(),
            ClientId::new(id.clone()),
            Some(ClientSecret::new(secret.to_owned())),
        );
        // In the header unless the provider takes it in the body only (Discovery §3).
        let takes =
            |method| provider.token_endpoint_auth_methods_supported().is_none_or(|methods| methods.contains(&method));
        let auth_type =
            if takes(CoreClientAuthMethod::ClientSecretBasic) { AuthType::BasicAuth } else { AuthType::RequestBody };
        client.set_redirect_uri(self.redirect.clone()).set_auth_type(auth_type)
    }
}

/// An error with what is behind it; none of them holds a secret, and none of it is for browsers.
fn causes(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn away(error: &dyn std::error::Error) -> Fault {
    Fault::Away(causes(error))
}

/// In a few words that are ours: the error's own may quote the token.
const fn why(error: &ClaimsVerificationError) -> &'static str {
    match error {
        ClaimsVerificationError::Expired(_) => "it is not valid now",
        ClaimsVerificationError::InvalidAudience(_) => "it is for somebody else",
        ClaimsVerificationError::InvalidIssuer(_) => "it is another provider's",
        ClaimsVerificationError::InvalidNonce(_) => "it answers another question",
        ClaimsVerificationError::SignatureVerification(_) => "its signature is wrong",
        _ => "it is not as it must be",
    }
}

/// An error's name as the specifications write them (RFC 6749 §4.1.2.1 and §5.2); anything else is not repeated.
pub fn error_word(error: &str) -> &str {
    let is_word = !error.is_empty() && error.len() <= 40 && error.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if is_word { error } else { "nothing that reads" }
}

fn moment(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::UNIX_EPOCH)
}
