//! The cookies: a session, what binds a mailed code, then what it led to, to a browser, and that by which a browser is known
//! again.

use crate::app::App;
use crate::keys::SecretBytes;
use crate::people;
use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time::Duration};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A cookie that holds 32 random bytes.
#[derive(Debug, Clone, Copy)]
pub(super) enum SecretCookie {
    /// The session.
    Session,
    /// Binds a sign-in code to the browser that asked for it.
    Browser,
    /// Binds a mailbox code for one transfer to the browser that asked for it, then that the mailbox was proved.
    Mailbox,
    /// The same for all that waits for an address.
    Mine,
    /// Binds a sign-in at the provider to the browser that began it.
    Provider,
    /// Says only that somebody signed in from here before. It opens nothing.
    Known,
}

impl SecretCookie {
    /// `__Host-` makes browsers insist on TLS, on this host alone and on the whole site. On plain-HTTP loopback some
    /// engines refuse such a cookie, so there it has a plain name.
    pub(super) const fn name(self, tls: bool) -> &'static str {
        match (self, tls) {
            (Self::Session, true) => "__Host-filmjacket-session",
            (Self::Session, false) => "filmjacket-session",
            (Self::Browser, true) => "__Host-filmjacket-browser",
            (Self::Browser, false) => "filmjacket-browser",
            (Self::Mailbox, true) => "__Host-filmjacket-mailbox",
            (Self::Mailbox, false) => "filmjacket-mailbox",
            (Self::Mine, true) => "__Host-filmjacket-mine",
            (Self::Mine, false) => "filmjacket-mine",
            (Self::Provider, true) => "__Host-filmjacket-provider",
            (Self::Provider, false) => "filmjacket-provider",
            (Self::Known, true) => "__Host-filmjacket-known",
            (Self::Known, false) => "filmjacket-known",
        }
    }

    const fn seconds(self) -> i64 {
        match self {
            Self::Session => people::LONGEST.lifetime,
            Self::Browser => people::CODE_LIFETIME,
            Self::Mailbox | Self::Mine => people::MAILBOX_LIFETIME,
            Self::Provider => people::CEREMONY_LIFETIME,
            Self::Known => people::KNOWN_BROWSER_LIFETIME,
        }
    }

    /// The way back from the provider begins on its pages; no other cookie is for requests that begin elsewhere.
    const fn same_site(self) -> SameSite {
        match self {
            Self::Provider => SameSite::Lax,
            _ => SameSite::Strict,
        }
    }

    /// The cookie that carries `secret`.
    pub(super) fn make(self, app: &App, secret: &[u8; 32]) -> Cookie<'static> {
        self.build(app, URL_SAFE_NO_PAD.encode(secret), self.seconds())
    }

    /// The cookie that takes it back.
    pub(super) fn remove(self, app: &App) -> Cookie<'static> {
        self.build(app, String::new(), 0)
    }

    fn build(self, app: &App, value: String, seconds: i64) -> Cookie<'static> {
        let tls = app.config.public_url.is_https();
        Cookie::build(self.name(tls), value)
            .path("/")
            .http_only(true)
            .secure(tls)
            .same_site(self.same_site())
            .max_age(Duration::seconds(seconds))
            .finish()
    }

    /// The SHA-256 of the secret that the browser sent, under which the database knows it.
    pub(super) fn read_hash(self, request: &HttpRequest, app: &App) -> Option<[u8; 32]> {
        self.read(request, app).map(|secret| crate::keys::hash_secret(&secret))
    }

    /// The secret that the browser sent.
    pub(super) fn read(self, request: &HttpRequest, app: &App) -> Option<SecretBytes> {
        let cookie = request.cookie(self.name(app.config.public_url.is_https()))?;
        let secret: [u8; 32] = URL_SAFE_NO_PAD.decode(cookie.value()).ok()?.try_into().ok()?;
        Some(SecretBytes::new(secret))
    }
}
