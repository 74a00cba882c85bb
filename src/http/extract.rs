//! What handlers take from a request: the session, JSON bodies, part bodies, tickets. Each extractor parses completely
//! or refuses with a sentence.

use super::cookies::SecretCookie;
use super::error::Refusal;
use super::signed_in::SignedIn;
use crate::app::App;
use crate::config::Patience;
use crate::transfer::{limits_of, size_text};
use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE};
use actix_web::{FromRequest, HttpRequest, web};
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use futures_util::{Stream, StreamExt as _};
use protocol::sign_in::{Limits, Role};
use protocol::{ProblemKind, Ticket};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

/// Longest JSON body of all calls but the seal: nothing that they take comes near it.
pub(super) const JSON_LIMIT: usize = 16 * 1024;

/// Longest body of the seal: a manifest of 96 KiB is 128 KiB as base64, and the capsule and the proof come on top.
pub(super) const SEAL_LIMIT: usize = 192 * 1024;

/// The app that the server was started with.
pub(super) fn app_of(request: &HttpRequest) -> Result<web::Data<App>, Refusal> {
    request
        .app_data::<web::Data<App>>()
        .cloned()
        .ok_or_else(|| Refusal::from_status(actix_web::http::StatusCode::INTERNAL_SERVER_ERROR))
}

/// Whoever is signed in, with every step of it, whatever they may do.
#[derive(Debug)]
pub(super) struct Person(SignedIn);

impl std::ops::Deref for Person {
    type Target = SignedIn;

    fn deref(&self) -> &SignedIn {
        &self.0
    }
}

impl AsRef<SignedIn> for Person {
    fn as_ref(&self) -> &SignedIn {
        &self.0
    }
}

impl Person {
    /// What a transfer of theirs may be.
    pub(super) fn limits(&self, app: &App) -> Limits {
        let held = app.config.role_limits.iter().filter(|(role, _)| self.account.standing.holds(**role));
        limits_of(&app.config.limits, held.map(|(_, wider)| *wider))
    }

    /// The person, if they hold the role.
    fn holding(self, role: Role) -> Result<Self, Refusal> {
        if self.account.standing.holds(role) { Ok(self) } else { Err(Refusal::role_missing(role)) }
    }
}

impl FromRequest for Person {
    type Error = Refusal;
    type Future = LocalBoxFuture<'static, Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let signed_in = SignedIn::from_request(request, payload);
        Box::pin(async move { signed_in.await?.whole().map(Self) })
    }
}

/// An extractor for each role: a signed-in [`Person`] who holds it. Handlers take the one that their line of the route table
/// names; `tests/api/access.rs` holds them to it.
macro_rules! role_extractors {
    ($($(#[$doc:meta])* $role:ident)+) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub(super) struct $role(Person);

        impl AsRef<SignedIn> for $role {
            fn as_ref(&self) -> &SignedIn {
                &self.0.0
            }
        }

        impl std::ops::Deref for $role {
            type Target = Person;

            fn deref(&self) -> &Person {
                &self.0
            }
        }

        impl FromRequest for $role {
            type Error = Refusal;
            type Future = LocalBoxFuture<'static, Result<Self, Refusal>>;

            fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
                let person = Person::from_request(request, payload);
                Box::pin(async move { person.await?.holding(Role::$role).map(Self) })
            }
        }
    )+};
}

role_extractors! {
    /// Who sends.
    Sender
    /// Who reads the audit.
    Auditor
    /// Who says what others may do.
    Administrator
    /// Who sees what was sent in their department.
    DepartmentHead
}

/// Whoever proved an address to see what waits for it.
#[derive(Debug)]
pub(super) struct Reader {
    /// The address, in lower case.
    pub(super) email_key: String,
    pub(super) session_hash: [u8; 32],
}

impl FromRequest for Reader {
    type Error = Refusal;
    type Future = LocalBoxFuture<'static, Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let app = app_of(&request)?;
            let session_hash = SecretCookie::Mine.read_hash(&request, &app).ok_or_else(Refusal::mailbox_unproven)?;
            let found = app.store.find_mailbox(&session_hash, app.clock.now()).await?;
            Ok(Self { email_key: found.ok_or_else(Refusal::mailbox_unproven)?, session_hash })
        })
    }
}

/// Who asks, and the JSON that they send. Whether they may is asked before the body is read, so that strangers are refused at
/// once, and again when all of it is there: who holds back the last byte gains no minute in which they still may.
#[derive(Debug)]
pub(super) struct By<T, B, const LIMIT: usize = JSON_LIMIT>(pub(super) T, pub(super) B);

impl<T, B, const LIMIT: usize> FromRequest for By<T, B, LIMIT>
where
    T: FromRequest<Error = Refusal> + 'static,
    T::Future: 'static,
    B: DeserializeOwned + 'static,
{
    type Error = Refusal;
    type Future = LocalBoxFuture<'static, Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, before) = (request.clone(), T::from_request(request, &mut Payload::None));
        let body = Json::<B, LIMIT>::from_request(&request, payload);
        Box::pin(async move {
            before.await?;
            let Json(body) = body.await?;
            Ok(Self(T::from_request(&request, &mut Payload::None).await?, body))
        })
    }
}

/// A JSON body of at most `LIMIT` bytes.
#[derive(Debug)]
pub(super) struct Json<T, const LIMIT: usize = JSON_LIMIT>(pub(super) T);

impl<T: DeserializeOwned + 'static, const LIMIT: usize> FromRequest for Json<T, LIMIT> {
    type Error = Refusal;
    type Future = LocalBoxFuture<'static, Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let app = app_of(&request)?;
            let body = read_body(&request, payload, LIMIT, app.config.patience).await?;
            if !is_json(&request) {
                return Err(Refusal::new(
                    ProblemKind::MediaType,
                    "This call takes JSON: Content-Type: application/json.",
                ));
            }
            serde_json::from_slice(&body).map(Self).map_err(|error| {
                // The reason names fields of ours and positions, but may quote a value, which may be a secret.
                let detail = match error.classify() {
                    serde_json::error::Category::Data => "The JSON does not have the fields that this call takes",
                    _ => "This is not JSON",
                };
                let place = format!("(line {}, column {})", error.line(), error.column());
                Refusal::new(ProblemKind::BadRequest, format!("{detail} {place}."))
            })
        })
    }
}

fn is_json(request: &HttpRequest) -> bool {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// The whole body, refused at its first byte too many.
async fn read_body(
    request: &HttpRequest,
    payload: Payload,
    limit: usize,
    patience: Patience,
) -> Result<Vec<u8>, Refusal> {
    let too_long = || {
        let limit = size_text(limit as u64);
        Refusal::new(ProblemKind::BodyTooLong, format!("This request is longer than the {limit} that this call takes."))
    };
    if declared_len(request).is_some_and(|len| len > limit as u64) {
        return Err(too_long());
    }
    let mut pieces = Box::pin(watch(payload, patience));
    let mut body = Vec::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        if body.len() + piece.len() > limit {
            return Err(too_long());
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// Methods that change nothing, ever.
pub(super) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// `Content-Length`, if there is one.
pub(super) fn declared_len(request: &HttpRequest) -> Option<u64> {
    request.headers().get(actix_web::http::header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The pieces of a body, until it is too far behind. Only waiting for the client counts.
pub(super) fn watch(payload: Payload, patience: Patience) -> impl Stream<Item = Result<Bytes, Refusal>> {
    futures_util::stream::unfold(Some((payload, patience.allowance())), move |state| async move {
        let (mut payload, mut allowance) = state?;
        let asked = Instant::now();
        match tokio::time::timeout(allowance.left(), payload.next()).await {
            Ok(Some(Ok(piece))) => {
                allowance.count(asked.elapsed(), piece.len());
                Some((Ok(piece), Some((payload, allowance))))
            }
            Ok(Some(Err(_))) => {
                let detail = "The request broke off before its end. Please send it again.";
                Some((Err(Refusal::new(ProblemKind::BadRequest, detail)), None))
            }
            Ok(None) => None,
            Err(_) => {
                let detail =
                    "The request came too slowly and was given up. Please check your connection and try again.";
                Some((Err(Refusal::new(ProblemKind::TooSlow, detail)), None))
            }
        }
    })
}

/// The right to fetch, from `Authorization: Ticket …`.
#[derive(Debug)]
pub(super) struct TicketHeader(pub(super) Ticket);

impl FromRequest for TicketHeader {
    type Error = Refusal;
    type Future = std::future::Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let ticket = request
            .headers()
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Ticket "))
            .and_then(|text| Ticket::parse(text.trim()).ok());
        std::future::ready(ticket.map(Self).ok_or_else(Refusal::ticket_invalid))
    }
}
