//! The second step of signing in, and what an account's owner sees and changes of it.

use crate::Timestamp;
use crate::tokens::TokenEntry;
use serde::{Deserialize, Serialize};

/// Whether an account has a second step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SecondStep {
    /// None can be set up.
    None,
    /// Whoever wants one sets it up.
    Offered,
    /// Nothing works before one is set up.
    Required,
}

/// A kind of second step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FactorKind {
    /// A key in a device that opens by fingerprint, face or PIN, and works at this server only (W3C Web Authentication).
    Passkey,
    /// An authenticator app that shows six digits (RFC 6238).
    App,
}

/// `POST /api/v1/sign-in/second-step`: the app's code or a recovery code, for a new session cookie (204).
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SecondStepRequest {
    /// Six digits, or ten letters and digits; spaces and hyphens between them are ignored.
    pub code: String,
}

impl std::fmt::Debug for SecondStepRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecondStepRequest").finish_non_exhaustive()
    }
}

/// `GET /api/v1/account`: how this account signs in, and where it is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AccountAnswer {
    /// What the administrator decided for this account.
    pub second_step: SecondStep,
    /// Whether passkeys can be used here: browsers have them for a name, not for a number such as 127.0.0.1.
    pub passkeys: bool,
    /// The institution's own sign-in, if the account is connected with it.
    pub provider: Option<ProviderEntry>,
    /// Oldest first.
    pub factors: Vec<FactorEntry>,
    /// Recovery codes that are left.
    pub recovery_codes: u32,
    /// Newest first.
    pub sessions: Vec<SessionEntry>,
    /// Access tokens, newest first; those that ran out stay for a month.
    pub tokens: Vec<TokenEntry>,
}

/// The account signs in by the provider of single sign-on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProviderEntry {
    /// Since when.
    pub since: Timestamp,
    /// Why its owner cannot disconnect it: one sentence, or nothing if they can.
    pub stays: Option<String>,
}

/// One factor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FactorEntry {
    /// Names it in calls.
    pub factor_id: String,
    /// What it is.
    pub kind: FactorKind,
    /// What its owner calls it.
    pub name: String,
    /// When it was set up.
    pub created_at: Timestamp,
    /// When it was shown last.
    pub last_used_at: Option<Timestamp>,
}

/// One session of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SessionEntry {
    /// Names it in calls; no secret.
    pub session_id: String,
    /// The network that it began in, without the house number, such as `203.0.113.x`; empty if it is not known.
    pub network: String,
    /// When its code was typed.
    pub created_at: Timestamp,
    /// When it last did something, to the minute.
    pub seen_at: Timestamp,
    /// Whether it is the one that asks.
    pub is_this: bool,
}

/// `POST /api/v1/account/app`: the secret that an authenticator app is given.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AppAnswer {
    /// Base32, to be typed.
    pub secret: String,
    /// `otpauth://…`, for a QR code.
    pub uri: String,
}

impl std::fmt::Debug for AppAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppAnswer").finish_non_exhaustive()
    }
}

/// `POST /api/v1/account/app/confirm`: the first code shows that the app has the secret (200 [`RecoveryAnswer`]).
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AppRequest {
    /// What its owner calls it; 1 to 40 characters.
    pub name: String,
    /// Six digits.
    pub code: String,
}

impl std::fmt::Debug for AppRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppRequest").finish_non_exhaustive()
    }
}

/// `PUT /api/v1/account/factors/{factor_id}`: another name (204).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FactorRequest {
    /// 1 to 40 characters.
    pub name: String,
}

/// Recovery codes, told this once.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RecoveryAnswer {
    /// Ten of them, each for one use; empty if the account keeps those that it has.
    pub recovery_codes: Vec<String>,
}

impl std::fmt::Debug for RecoveryAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecoveryAnswer").finish_non_exhaustive()
    }
}
