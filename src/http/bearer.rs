//! What a request with an access token may do (RFC 6750 §2.1): only what the route table names a scope for, and nothing that
//! its cookies would have let it do.

use super::client::Client;
use super::error::Refusal;
use super::rates;
use super::signed_in::{Means, SignedIn};
use super::{Access, ROUTES, Route};
use crate::app::App;
use crate::keys::hash_secret;
use crate::people::{NOTE_USE_AFTER, PROVIDER_WORD_LIFETIME, Progress, is_live, parse_token};
use crate::store::HeldToken;
use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use protocol::tokens::Scope;
use protocol::{ProblemKind, Timestamp};

/// What follows `Bearer` in the request's `Authorization`; scheme names are compared without case (RFC 9110 §11.1). A
/// recipient's ticket comes under a scheme of its own, `Ticket`.
pub(super) fn find_bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?.trim();
    let (scheme, text) = value.split_once(' ').unwrap_or((value, ""));
    scheme.eq_ignore_ascii_case("Bearer").then(|| text.trim())
}

/// The line of the route table that a request comes by; `pattern` is the template that it matches.
fn find_route(method: &Method, pattern: Option<&str>) -> Option<&'static Route> {
    let method = if *method == Method::HEAD { "GET" } else { method.as_str() };
    ROUTES.iter().find(|route| route.method == method && Some(route.path) == pattern)
}

/// Whether a token decides who may come by a route. Only the template counts: a path that is spelt so that none is found here is
/// no exception from anything.
pub(super) fn decides(method: &Method, pattern: Option<&str>) -> bool {
    find_route(method, pattern).is_some_and(|route| route.scope.is_some())
}

/// Refuses a token where it means nothing, before anything is done: on a route without scope, cookies would decide. What anyone
/// may read needs no right, so there the header is not looked at.
pub(super) fn check_route(method: &Method, pattern: Option<&str>) -> Result<(), Refusal> {
    match find_route(method, pattern) {
        Some(Route { scope: None, access, .. }) if *access != Access::Anyone || *method != Method::GET => {
            Err(Refusal::token_not_taken())
        }
        // Also what is not there, or has other methods: that is told as to anyone.
        _ => Ok(()),
    }
}

/// Who asks with this token, if they may use it for the route. It must be one of ours, live, and its owner in force at this
/// moment; which of these it lacks is not told.
pub(super) async fn find_holder(request: &HttpRequest, app: &App, text: &str) -> Result<SignedIn, Refusal> {
    // Routes without scope that get this far are for anyone: there the token is nobody's.
    let route = find_route(request.method(), request.match_pattern().as_deref());
    let needed = route.and_then(|route| route.scope).ok_or_else(Refusal::sign_in_needed)?;
    let now = app.clock.now();
    let hash = parse_token(text).map(|token| hash_secret(token.as_bytes()));
    let held = match &hash {
        Some(hash) => app.store.find_token(hash).await?.map(|held| (hash, held)),
        None => None,
    };
    let held = match held {
        Some((hash, held)) if admits(app, &held, now).await? => Some((hash, held)),
        _ => None,
    };
    let Some((hash, held)) = held else {
        // Only what does not work is counted: a program at work is not held up by another one's guesses, and no guess at 256
        // bits will ever be right; this keeps them from costing much.
        let client = Client::of(request, app);
        rates::TOKENS_BY_NETWORK.spend(app, &client.network()).await?;
        return Err(Refusal::token_invalid());
    };
    if !held.token.scopes.contains(&needed) {
        return Err(Refusal::scope_missing(needed));
    }
    if held.token.last_used_at.is_none_or(|at| now >= at.plus(NOTE_USE_AFTER)) {
        // Reading goes on where nothing can be written.
        if let Err(error) = app.store.note_token_use(hash, now).await {
            tracing::warn!(%error, "when an access token was used cannot be written down");
        }
    }
    let second_step = app.config.second_step.of(held.account.standing.roles.iter().copied());
    // It was made with the second step; whether one is still there is asked like the rest.
    let progress = Progress {
        has_factor: held.has_factor,
        second_step_at: Some(held.token.created_at),
        // The provider's word is good for the session that it began.
        by_provider: false,
    };
    let means = Means::Token { name: held.token.name };
    Ok(SignedIn { account: held.account, means, progress, second_step, at_provider: false })
}

/// Whether the token is live and its owner in force. Who signs in by the provider must have done so lately: it tells nobody whom it
/// has removed.
async fn admits(app: &App, held: &HeldToken, now: Timestamp) -> Result<bool, Refusal> {
    let HeldToken { account, token, .. } = held;
    if !is_live(token.created_at, token.expires_at, now)
        || !app.config.sign_in.admits(&account.email, Some(&account.standing), now)
    {
        return Ok(false);
    }
    let was_here = account.standing.signed_in_at.is_some_and(|at| now < at.plus(PROVIDER_WORD_LIFETIME));
    Ok(was_here || !app.signs_in_by_provider(account).await?)
}

impl Refusal {
    /// The access token is none of ours, ran out, was revoked, or its owner may not sign in.
    fn token_invalid() -> Self {
        let detail = "This access token does not work (any more). Please make a new one on your account page.";
        Self::new(ProblemKind::TokenInvalid, detail).challenging("Bearer error=\"invalid_token\"")
    }

    /// The access token was not made for this.
    fn scope_missing(needed: Scope) -> Self {
        let needed = needed.as_text();
        let detail = format!("This call needs an access token with the scope {needed}.");
        let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{needed}\"");
        Self::new(ProblemKind::ScopeMissing, detail).challenging(&challenge)
    }

    /// No access token makes this call.
    pub(super) fn token_not_taken() -> Self {
        let detail = "No access token makes this call. Please sign in with a browser.";
        Self::new(ProblemKind::TokenNotTaken, detail)
    }
}
