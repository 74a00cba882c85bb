//! Personal access tokens: what a program shows instead of signing in, for what, and until when.

use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// What every token begins with, so that programs that look for secrets in published files know one when they see it.
pub const TOKEN_PREFIX: &str = "filmjacket_";

/// Declares every scope once: its name and what it lets a program do, as its owner is asked.
macro_rules! scopes {
    ($($(#[$doc:meta])* $scope:ident = $text:literal, $words:literal;)+) => {
        /// What a token may be used for. It never does more than its owner may do at that moment.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum Scope { $($(#[$doc])* #[serde(rename = $text)] $scope,)+ }

        impl Scope {
            /// Every scope.
            pub const ALL: &[Self] = &[$(Self::$scope,)+];

            /// Its stable name.
            pub const fn as_text(self) -> &'static str { match self { $(Self::$scope => $text,)+ } }

            /// What it lets a program do, after “may”.
            pub const fn words(self) -> &'static str { match self { $(Self::$scope => $words,)+ } }
        }
    };
}

scopes! {
    /// The owner's own transfers: the list, details, logs, and what a transfer may be.
    TransfersRead = "transfers:read", "see your own transfers and their logs";
    /// The owner's own transfers: sending, ending, mailing the link again.
    TransfersWrite = "transfers:write", "send as you, end your own transfers, and mail their links again";
    /// Transfers of others: an administrator's view of all under way, a head's of their department.
    OversightRead = "oversight:read", "see transfers of others";
    /// Ending transfers of others.
    OversightWrite = "oversight:write", "end transfers of others";
    /// Accounts, and what they may do.
    PeopleRead = "people:read", "see who has an account and what they may do";
    /// Inviting, changing and disabling people. It gives no role but *sender*.
    PeopleWrite = "people:write", "invite, change and disable people who send";
    /// The audit, its state and exports.
    AuditRead = "audit:read", "read and export the audit";
    /// How the installation is doing.
    StateRead = "state:read", "see how this server is doing";
}

impl Scope {
    /// The scope of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|scope| scope.as_text() == text)
    }
}

/// `POST /api/v1/account/tokens` (201 [`TokenMade`]).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// What its owner calls it; 1 to 40 characters.
    pub name: String,
    /// At least one, and only such as the owner's roles allow now.
    pub scopes: Vec<Scope>,
    /// Days until it stops working; 90 unless given, 365 at most.
    #[serde(default)]
    pub days: Option<u32>,
}

/// A token, told this once.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TokenMade {
    /// `filmjacket_…`, for `Authorization: Bearer`.
    pub token: String,
    /// How it stands in the list.
    pub entry: TokenEntry,
}

impl std::fmt::Debug for TokenMade {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenMade").field("entry", &self.entry).finish_non_exhaustive()
    }
}

/// A token in its owner's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TokenEntry {
    /// Names it in calls; no secret.
    pub token_id: String,
    /// What its owner calls it.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it does not work any more.
    pub expires_at: Timestamp,
    /// When it was used last, to the hour.
    pub last_used_at: Option<Timestamp>,
}
