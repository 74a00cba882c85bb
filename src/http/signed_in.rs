//! How far a request's session has come: what handlers take of the sign-in.
//!
//! Only the routes of `second_step` and the set-up in `account` take less than a whole sign-in. Where the route table names a
//! scope, an access token (`bearer`) stands for one.

use super::bearer::{find_bearer, find_holder};
use super::client::Client;
use super::cookies::SecretCookie;
use super::error::Refusal;
use super::extract::{app_of, is_safe};
use crate::app::App;
use crate::keys::{hash_secret, make_name, make_secret};
use crate::people::{Progress, REFRESH_AFTER, Remaining, SessionLimits};
use crate::store::{Account, AccountNotice, AuditEntry, Event};
use actix_web::cookie::Cookie;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;
use protocol::account::SecondStep;

/// Whoever took the first step of signing in, by a mailed code or the provider, whatever is left of it. A request that changes
/// something also keeps the session alive; a GET changes nothing.
#[derive(Debug)]
pub(super) struct SignedIn {
    pub(super) account: Account,
    pub(super) means: Means,
    pub(super) progress: Progress,
    /// What the configuration decides for this account.
    pub(super) second_step: SecondStep,
    /// Whether the account signs in by a provider whose word for a second step the operator takes.
    pub(super) at_provider: bool,
}

/// By what a request shows whose it is.
#[derive(Debug)]
pub(super) enum Means {
    /// The session's cookie, here the hash of its secret.
    Session([u8; 32]),
    /// An access token, here what its owner calls it.
    Token { name: String },
}

impl SignedIn {
    /// The hash of the session's secret.
    ///
    /// # Errors
    /// The request came with an access token: what is about sessions and sign-in is not for those.
    pub(super) fn session_hash(&self) -> Result<&[u8; 32], Refusal> {
        match &self.means {
            Means::Session(hash) => Ok(hash),
            Means::Token { .. } => Err(Refusal::token_not_taken()),
        }
    }

    /// Whether a program asks, with an access token.
    pub(super) fn is_by_token(&self) -> bool {
        matches!(self.means, Means::Token { .. })
    }

    /// What is left to do.
    pub(super) fn remaining(&self) -> Remaining {
        self.progress.remaining(self.second_step, self.at_provider)
    }

    /// Whether the provider is where this person shows a second step.
    pub(super) fn shows_at_provider(&self) -> bool {
        self.at_provider && !self.progress.has_factor
    }

    /// The second step was shown too long ago.
    fn step_up_needed(&self) -> Refusal {
        if self.shows_at_provider() { Refusal::step_up_at_provider_needed() } else { Refusal::step_up_needed() }
    }

    /// The session, if nothing is left to do.
    pub(super) fn whole(self) -> Result<Self, Refusal> {
        match self.remaining() {
            Remaining::Nothing => Ok(self),
            Remaining::Show => Err(Refusal::second_step_needed()),
            Remaining::SetUp => Err(Refusal::second_step_missing()),
            Remaining::AtProvider => Err(Refusal::provider_step_needed()),
        }
    }

    /// An audit row about something that this person does; the transfer and the detail are for the caller to add.
    pub(super) fn entry(&self, app: &App, event: Event, client: Client) -> AuditEntry {
        let token = match &self.means {
            Means::Session(_) => None,
            Means::Token { name } => Some(name.clone()),
        };
        let address = Some(client.address());
        AuditEntry { token, address, ..AuditEntry::by(self.account.email.as_str(), event, app.clock.now()) }
    }
}

impl FromRequest for SignedIn {
    type Error = Refusal;
    type Future = LocalBoxFuture<'static, Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let app = app_of(&request)?;
            if let Some(text) = find_bearer(request.headers()) {
                return find_holder(&request, &app, text).await;
            }
            let session_hash = SecretCookie::Session.read_hash(&request, &app).ok_or_else(Refusal::sign_in_needed)?;
            let now = app.clock.now();
            let session = app.store.find_session(&session_hash).await?.ok_or_else(Refusal::sign_in_needed)?;
            let Account { email, standing, .. } = &session.account;
            // All of it is asked each time: who is taken off the list, disabled or past their last day is out at once.
            if !SessionLimits::of(&standing.roles).is_alive(session.created_at, session.seen_at, now)
                || !app.config.sign_in.admits(email, Some(standing), now)
            {
                return Err(Refusal::sign_in_needed());
            }
            if !is_safe(request.method()) && now >= session.seen_at.plus(REFRESH_AFTER) {
                app.store.refresh_session(&session_hash, now).await?;
            }
            let second_step = app.config.second_step.of(standing.roles.iter().copied());
            let at_provider = app.has_step_at_provider(&session.account).await?;
            let progress = if at_provider { session.progress } else { session.progress.without_provider() };
            let means = Means::Session(session_hash);
            Ok(Self { account: session.account, means, progress, second_step, at_provider })
        })
    }
}

/// Whoever has no second step to show: it was shown, or there is none (yet). For setting one up.
#[derive(Debug)]
pub(super) struct SettingUp(pub(super) SignedIn);

impl FromRequest for SettingUp {
    type Error = Refusal;
    type Future = LocalBoxFuture<'static, Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let signed_in = SignedIn::from_request(request, payload);
        Box::pin(async move {
            let signed_in = signed_in.await?;
            match signed_in.remaining() {
                Remaining::Show => Err(Refusal::second_step_needed()),
                Remaining::AtProvider => Err(Refusal::provider_step_needed()),
                Remaining::SetUp | Remaining::Nothing => Ok(Self(signed_in)),
            }
        })
    }
}

impl AsRef<SignedIn> for SettingUp {
    fn as_ref(&self) -> &SignedIn {
        &self.0
    }
}

/// Whoever may call the route as `T`, if they showed their second step within the last minutes: for dangerous acts. A program
/// cannot show one; with `TOKENS`, its access token, which was made with the second step and for this, is enough.
#[derive(Debug)]
pub(super) struct Recent<T, const TOKENS: bool = false>(pub(super) T);

/// With access tokens: the handler holds what they may do against [`crate::people::check_by_token`].
pub(super) type RecentOrToken<T> = Recent<T, true>;

impl<T, const TOKENS: bool> FromRequest for Recent<T, TOKENS>
where
    T: FromRequest<Error = Refusal> + AsRef<SignedIn> + 'static,
    T::Future: 'static,
{
    type Error = Refusal;
    type Future = LocalBoxFuture<'static, Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (app, person) = (app_of(request), T::from_request(request, payload));
        Box::pin(async move {
            let (person, now) = (person.await?, app?.clock.now());
            let asked = person.as_ref();
            let is_enough = if asked.is_by_token() { TOKENS } else { asked.progress.is_recent(now, asked.at_provider) };
            if is_enough { Ok(Self(person)) } else { Err(asked.step_up_needed()) }
        })
    }
}

/// The session's next secret.
pub(super) struct NextSession {
    /// Under which the database knows it.
    pub(super) hash: [u8; 32],
    /// What brings it to the browser.
    pub(super) cookie: Cookie<'static>,
}

impl NextSession {
    pub(super) fn make(app: &App) -> Result<Self, Refusal> {
        let secret = make_secret()?;
        Ok(Self { hash: hash_secret(&secret), cookie: SecretCookie::Session.make(app, &secret) })
    }
}

/// Tells an account's owner by mail what happened: `what` is one sentence.
pub(super) fn notice(what: impl Into<String>) -> Result<AccountNotice, Refusal> {
    Ok(AccountNotice { mail_id: make_name()?, what: what.into() })
}
