//! Errors as RFC 9457 problem details: a stable slug for programs, one sentence for people.

use serde::{Deserialize, Serialize};

/// Media type of an error body (RFC 9457 §3).
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Declares every kind of problem once: its slug, its HTTP status and its title.
macro_rules! problems {
    ($($(#[$doc:meta])* $kind:ident = $slug:literal, $status:literal, $title:literal;)+) => {
        /// What went wrong; each has a stable slug that `type` ends in: `/problems/<slug>`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ProblemKind { $($(#[$doc])* $kind,)+ }

        impl ProblemKind {
            /// Every kind, for the documentation and its tests.
            pub const ALL: &[Self] = &[$(Self::$kind,)+];

            /// The stable name.
            pub const fn slug(self) -> &'static str { match self { $(Self::$kind => $slug,)+ } }

            /// The HTTP status it is sent with.
            pub const fn status(self) -> u16 { match self { $(Self::$kind => $status,)+ } }

            /// The same few words every time; the sentence for the case at hand is in `detail`.
            pub const fn title(self) -> &'static str { match self { $(Self::$kind => $title,)+ } }
        }
    };
}

problems! {
    /// The body is not the JSON that this call takes.
    BadRequest = "bad-request", 400, "The request cannot be read";
    /// The part's bytes do not have the digest that was sent with them.
    DigestMismatch = "digest-mismatch", 400, "The bytes changed on the way";
    /// No session, or it ran out.
    SignInNeeded = "sign-in-needed", 401, "Please sign in";
    /// The code is wrong, used, too old, or of another browser.
    WrongCode = "wrong-code", 401, "This code does not work";
    /// It must first be proved who reads the recipient's mailbox; `mailbox` tells, masked, where a code would be mailed.
    MailboxCodeNeeded = "mailbox-code-needed", 401, "A code from your mailbox is needed";
    /// The ticket is unknown or ran out, or its transfer has ended.
    TicketInvalid = "ticket-invalid", 401, "Please enter the passcode again";
    /// The access token is unknown, ran out or was revoked; which one is not told.
    TokenInvalid = "token-invalid", 401, "This access token does not work";
    /// The access token was not made for this; `detail` names the scope that it would need.
    ScopeMissing = "scope-missing", 403, "This access token is not for that";
    /// The call is for people who are signed in, or for whoever holds a link: no access token makes it.
    TokenNotTaken = "token-not-taken", 403, "Access tokens do not work here";
    /// The request comes from another site.
    CrossOrigin = "cross-origin", 403, "The request comes from another website";
    /// The passcode is not the transfer's; `tries` and `retry_after` tell more.
    WrongPasscode = "wrong-passcode", 403, "This passcode does not open the transfer";
    /// The second step of signing in is still to be shown.
    SecondStepNeeded = "second-step-needed", 403, "Please finish signing in";
    /// The account must have a second step and has none.
    SecondStepMissing = "second-step-missing", 403, "Please set up a second step";
    /// The second step was shown too long ago for a dangerous act.
    StepUpNeeded = "step-up-needed", 403, "Please confirm that it is you";
    /// The code or passkey is not one of this account, was used before, or came too late; `tries` and `retry_after` tell more.
    WrongFactor = "wrong-factor", 403, "This does not prove that it is you";
    /// The sender has not given the name that recipients will see.
    ProfileMissing = "profile-missing", 403, "Please say who you are";
    /// The provider of single sign-on, or what it said, did not sign anybody in.
    SingleSignOnRefused = "single-sign-on-refused", 403, "You are not signed in";
    /// The account does not hold the role that this is for.
    RoleMissing = "role-missing", 403, "This is not for your account";
    /// No such page or resource, or it is not yours.
    NotFound = "not-found", 404, "There is nothing here";
    /// The link is bad, expired, used up or ended; which one is not told.
    LinkInvalid = "link-invalid", 404, "This link does not open anything";
    /// The resource does not know this method.
    MethodNotAllowed = "method-not-allowed", 405, "The request cannot be read";
    /// The client sent its body too slowly.
    TooSlow = "too-slow", 408, "The request took too long";
    /// The id is taken by a transfer with another body.
    TransferExists = "transfer-exists", 409, "This transfer was made differently";
    /// The address has an account already.
    PersonExists = "person-exists", 409, "This person has an account";
    /// An administrator would lock themselves out, or nobody would be left who administers.
    AdministratorNeeded = "administrator-needed", 409, "An administrator must remain";
    /// The part is stored with other bytes.
    PartDiffers = "part-differs", 409, "This part was stored with other bytes";
    /// What was asked cannot follow the transfer's state.
    WrongState = "wrong-state", 409, "The transfer does not allow this now";
    /// This server signs no requests to the store: parts pass through it.
    NotDirect = "not-direct", 409, "Parts pass through this server";
    /// The account must have a second step, and this is its last one.
    LastFactor = "last-factor", 409, "One second step must stay";
    /// The account cannot be disconnected from the provider of single sign-on; `detail` says why.
    ProviderNeeded = "provider-needed", 409, "This sign-in must stay";
    /// Parts are missing; `missing` names the first.
    PartsMissing = "parts-missing", 409, "The upload is not complete";
    /// A length header is needed.
    LengthRequired = "length-required", 411, "The length is missing";
    /// The body is longer than this call takes.
    BodyTooLong = "body-too-long", 413, "The request is too long";
    /// The body is of another media type.
    MediaType = "media-type", 415, "The request cannot be read";
    /// The range cannot be satisfied.
    RangeInvalid = "range-invalid", 416, "There are no such bytes";
    /// A field has a value that is not allowed; `field` names it.
    InvalidField = "invalid-field", 422, "Something needs correcting";
    /// More files than a transfer may have.
    TooManyFiles = "too-many-files", 422, "Too many files";
    /// A file is longer than the limit.
    ObjectTooLong = "object-too-long", 422, "A file is too large";
    /// All files together are longer than the limit.
    TransferTooLong = "transfer-too-long", 422, "The files are too large together";
    /// The sender's organisation does not send to this recipient.
    RecipientNotAllowed = "recipient-not-allowed", 422, "This recipient is not allowed";
    /// A part has another length than its place demands.
    PartLength = "part-length", 422, "The part has the wrong length";
    /// The sender's day or storage is used up.
    QuotaReached = "quota-reached", 429, "A limit is reached";
    /// Too many requests; wait for Retry-After.
    TooManyRequests = "too-many-requests", 429, "Please wait a moment";
    /// A fault of ours; nothing about it is told but its id.
    Internal = "internal", 500, "Something went wrong on our side";
    /// The database or the store cannot answer now; nothing was half done.
    Unavailable = "unavailable", 503, "Please try again in a moment";
    /// The provider of single sign-on does not answer, or not as anybody can read.
    ProviderAway = "provider-away", 503, "The sign-in service does not answer";
    /// The store is full; reading and ending still work.
    StorageFull = "storage-full", 507, "There is no room left";
}

/// An error body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// `/problems/<slug>`.
    pub r#type: String,
    /// Short and always the same for this kind.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// One sentence that a person can act on.
    pub detail: String,
    /// The field that needs correcting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is missing, such as `object 2, part 7`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// Wrong passcodes left before the next pause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tries: Option<u32>,
    /// Seconds to wait before the next try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// Where a code would be mailed: `a…@clinic.example`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mailbox: Option<String>,
}

impl Problem {
    /// A problem with its sentence.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            r#type: format!("/problems/{}", kind.slug()),
            title: kind.title().to_owned(),
            status: kind.status(),
            detail: detail.into(),
            field: None,
            missing: None,
            tries: None,
            retry_after: None,
            mailbox: None,
        }
    }

    /// [`ProblemKind::InvalidField`]: what is wrong with `field`, in a sentence.
    pub fn invalid(field: &str, detail: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), ..Self::new(ProblemKind::InvalidField, detail) }
    }
}
