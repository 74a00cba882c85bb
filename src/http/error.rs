//! The one mapping from errors to answers.
//!
//! A refusal is a [`Problem`] (RFC 9457): a stable slug for programs and one sentence for a person. It travels as an
//! extension of the response; `security::baseline`, which sees every answer, writes it as JSON or as a page. Faults of
//! ours are told by a request number only: never database text, never a path.

use crate::blobs::{AWAY, PutError, ReadError};
use crate::keys::DoesNotOpen;
use crate::people::role_words;
use crate::store::StoreError;
use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_RANGE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse, Responder, ResponseError};
use protocol::sign_in::Role;
use protocol::{Problem, ProblemKind};
use std::io::ErrorKind;

/// Seconds after which it makes sense to ask again when the database is busy.
const BUSY_RETRY: u64 = 5;

/// An answer that is not the one asked for.
#[derive(Debug, Clone)]
pub struct Refusal {
    problem: Box<Problem>,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Refusal {
    /// A problem with its sentence.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Problem::new(kind, detail).into()
    }

    /// What kind of problem it is.
    pub(super) fn kind(&self) -> Option<ProblemKind> {
        let slug = self.problem.r#type.strip_prefix("/problems/")?;
        ProblemKind::ALL.iter().copied().find(|kind| kind.slug() == slug)
    }

    /// Nothing is there, or it is not the caller's: the answer is the same.
    pub fn not_found() -> Self {
        Self::new(
            ProblemKind::NotFound,
            "There is nothing at this address. Please check it, or start from the first page.",
        )
    }

    /// Bad, expired, used up and ended links are not told apart.
    pub fn link_invalid() -> Self {
        Self::new(
            ProblemKind::LinkInvalid,
            "This link does not open anything (any more). Please ask whoever sent it to send the images again.",
        )
    }

    /// What follows the question mark does not read.
    pub fn bad_query() -> Self {
        Self::new(
            ProblemKind::BadRequest,
            "The address has a part after the question mark that this call does not know.",
        )
    }

    /// The session is missing or over.
    pub fn sign_in_needed() -> Self {
        Self::new(ProblemKind::SignInNeeded, "You are not signed in, or your session is over. Please sign in again.")
    }

    /// The account does not hold the role.
    pub(super) fn role_missing(role: Role) -> Self {
        let detail =
            format!("This is for {}. If you should be among them, please ask an administrator.", role_words(role));
        Self::new(ProblemKind::RoleMissing, detail)
    }

    /// Nobody proved an address in this browser, or that is over.
    pub fn mailbox_unproven() -> Self {
        Self::new(
            ProblemKind::MailboxCodeNeeded,
            "The half hour is over, or no address was proved in this browser. Please ask for a code again.",
        )
    }

    /// The first step was taken, the second one is still to be shown.
    pub fn second_step_needed() -> Self {
        Self::new(
            ProblemKind::SecondStepNeeded,
            "You are signed in halfway. Please show your passkey, or enter the code of your app.",
        )
    }

    /// The provider did not ask for its second step, which is this account's.
    pub fn provider_step_needed() -> Self {
        Self::new(
            ProblemKind::SecondStepNeeded,
            "You are signed in halfway. Please sign in by your clinic once more, with the second step that it asks for.",
        )
    }

    /// The account must have a second step and has none.
    pub fn second_step_missing() -> Self {
        Self::new(
            ProblemKind::SecondStepMissing,
            "Your account must have a second step. Please set up a passkey or an authenticator app first.",
        )
    }

    /// The second step was shown too long ago.
    pub fn step_up_needed() -> Self {
        Self::new(
            ProblemKind::StepUpNeeded,
            "Before this, please show your passkey or enter the code of your app once more.",
        )
    }

    /// The same, for whose second step is the provider's.
    pub fn step_up_at_provider_needed() -> Self {
        Self::new(
            ProblemKind::StepUpNeeded,
            "Before this, please sign in by your clinic once more, with the second step that it asks for.",
        )
    }

    /// The ticket is unknown or over, or its transfer is.
    pub fn ticket_invalid() -> Self {
        Self::new(
            ProblemKind::TicketInvalid,
            "The time to fetch these files is over. Please open the link again and enter the passcode.",
        )
    }

    /// The resource has other methods.
    pub fn method_not_allowed(allowed: &[&str]) -> Self {
        let mut methods = allowed.join(", ");
        if allowed.contains(&"GET") {
            methods.push_str(", HEAD");
        }
        let detail = format!("This address answers {methods} only.");
        let header = HeaderValue::from_str(&methods).ok().map(|value| (ALLOW, value));
        Self { header, ..Self::new(ProblemKind::MethodNotAllowed, detail) }
    }

    /// The caller must wait.
    pub fn too_many_requests(seconds: u64, detail: impl Into<String>) -> Self {
        Problem { retry_after: Some(seconds), ..Problem::new(ProblemKind::TooManyRequests, detail) }.into()
    }

    /// No byte of the object is in the range.
    pub fn range_invalid(object_len: u64) -> Self {
        let detail = format!("This file has {object_len} bytes (sealed); the range asked for lies behind its end.");
        let header = HeaderValue::from_str(&format!("bytes */{object_len}")).ok().map(|value| (CONTENT_RANGE, value));
        Self { header, ..Self::new(ProblemKind::RangeInvalid, detail) }
    }

    /// The same, telling a program how it may show who it is (RFC 9110 §11.6.1).
    pub(super) fn challenging(mut self, challenge: &str) -> Self {
        self.header = HeaderValue::from_str(challenge).ok().map(|value| (WWW_AUTHENTICATE, value));
        self
    }

    fn internal() -> Self {
        Self::new(ProblemKind::Internal, "This is our fault. Please try again; if it stays, tell your administrator.")
    }

    fn unavailable() -> Self {
        Problem {
            retry_after: Some(BUSY_RETRY),
            ..Problem::new(
                ProblemKind::Unavailable,
                "The server is very busy. Nothing is lost; please try again in a moment.",
            )
        }
        .into()
    }

    fn storage_full() -> Self {
        Self::new(
            ProblemKind::StorageFull,
            "The server has no room left for more files. What was sent can still be opened; please tell your administrator.",
        )
    }

    /// For an error answer that the framework made by itself.
    pub(super) fn from_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::not_found(),
            StatusCode::METHOD_NOT_ALLOWED => Self::method_not_allowed(&[]),
            StatusCode::PAYLOAD_TOO_LARGE => {
                Self::new(ProblemKind::BodyTooLong, "The request is longer than this address takes.")
            }
            status if status.is_client_error() => Self::new(ProblemKind::BadRequest, "The request could not be read."),
            _ => Self::internal(),
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        let header = problem.retry_after.map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds)));
        Self { problem: Box::new(problem), header }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Self::unavailable(),
            StoreError::Full => Self::storage_full(),
            StoreError::Broken(error) => {
                tracing::error!(%error, "the database failed");
                Self::internal()
            }
        }
    }
}

impl From<PutError<Refusal>> for Refusal {
    fn from(error: PutError<Refusal>) -> Self {
        match error {
            PutError::Digest => Self::new(
                ProblemKind::DigestMismatch,
                "The part arrived changed: its bytes do not have the announced digest. Please send it again.",
            ),
            PutError::Length => {
                Self::new(ProblemKind::PartLength, "The part ended before its announced length. Please send it again.")
            }
            PutError::Full => Self::storage_full(),
            PutError::Body(refusal) => refusal,
            // The row that said so is forgotten by now: the same request begins anew.
            PutError::Gone => Self::unavailable(),
            PutError::Io(error) => error.into(),
        }
    }
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Io(error) if error.kind() == AWAY => error.into(),
            error => {
                tracing::error!(%error, "a stored part could not be read");
                Self::internal()
            }
        }
    }
}

impl From<DoesNotOpen> for Refusal {
    fn from(error: DoesNotOpen) -> Self {
        tracing::error!(%error, "a stored secret could not be read");
        Self::internal()
    }
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            AWAY => {
                tracing::warn!(%error, "the store of bytes is away");
                Self::unavailable()
            }
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::storage_full(),
            _ => {
                tracing::error!(%error, "the operating system or the store of bytes refused");
                Self::internal()
            }
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.problem.detail)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The body is written by `security::baseline`, which knows what the caller can read.
    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = HttpResponse::new(self.status_code());
        if let Some((name, value)) = &self.header {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        response.extensions_mut().insert(Problem::clone(&self.problem));
        response
    }
}

impl Responder for Refusal {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse<BoxBody> {
        self.error_response()
    }
}
