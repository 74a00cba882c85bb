//! Signing in with an e-mailed code, and what a sender is told of their own account.

use serde::{Deserialize, Serialize};

/// `POST /api/v1/sign-in`: asks for a code. Always answered 202, whoever asks.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SignInRequest {
    /// The address that the code is mailed to.
    pub email: String,
}

/// `POST /api/v1/sign-in/code`: trades the code for a session cookie (204).
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SignInCodeRequest {
    /// The address that the code was mailed to.
    pub email: String,
    /// Eight digits; spaces and hyphens between them are ignored.
    pub code: String,
}

impl std::fmt::Debug for SignInCodeRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignInCodeRequest").finish_non_exhaustive()
    }
}

/// `GET /api/v1/me`: the signed-in person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Me {
    /// The address that was proved by the code.
    pub email: String,
    /// What recipients see as the sender; empty until the sender gave it.
    pub name: String,
    /// What recipients see as the sender's organisation; may stay empty.
    pub organisation: String,
    /// What this account may do.
    pub roles: Vec<Role>,
    /// What a transfer may be, as the server will enforce it.
    pub limits: Limits,
    /// To whom a transfer may go and how, as the server will enforce it.
    pub policy: Policy,
    /// How full this person's department is; `None` where there is no quota for it.
    pub department: Option<DepartmentUse>,
}

/// What the transfers of a department hold together: all that are not purged, drafts from the moment that they are announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DepartmentUse {
    /// Which department.
    pub name: String,
    /// Plaintext bytes that they hold.
    pub stored: u64,
    /// Plaintext bytes that they may hold; `None`: no quota.
    pub max_stored: Option<u64>,
}

/// What an account may do; it may hold several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sends transfers and sees their own.
    Sender,
    /// Reads the audit.
    Auditor,
    /// Invites people, says what they may do, and ends transfers. Can open none.
    Administrator,
    /// Sees what was sent in their department, and can open none of it.
    DepartmentHead,
}

impl Role {
    /// Every role there is.
    pub const ALL: [Self; 4] = [Self::Sender, Self::Auditor, Self::Administrator, Self::DepartmentHead];
}

/// `PUT /api/v1/me`: the name and organisation that recipients will see (204).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProfileRequest {
    /// 1 to 80 characters.
    pub name: String,
    /// 0 to 80 characters.
    pub organisation: String,
}

/// What a transfer may be. Shown before the work starts, enforced on the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Limits {
    /// Files in one transfer.
    pub max_files: u32,
    /// Plaintext bytes of one file.
    pub max_file_len: u64,
    /// Plaintext bytes of one transfer.
    pub max_transfer_len: u64,
    /// Longest life of a transfer, in seconds.
    pub max_lifetime: i64,
    /// Most openings of one transfer.
    pub max_openings: u32,
    /// Transfers a sender may make in 24 hours.
    pub max_transfers_per_day: u32,
    /// Plaintext bytes a sender may have stored at once.
    pub max_stored: u64,
}

/// To whom a transfer may go, and what recipients must prove. Shown before the work starts, enforced on the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Policy {
    /// Domains that may be sent to, with all below them, as A-labels in lower case; empty for any.
    pub allowed_domains: Vec<String>,
    /// Domains that may not, with all below them; they win over the allowed ones.
    pub blocked_domains: Vec<String>,
    /// Whose mailbox is asked for a code before the passcode.
    pub mailbox_code: MailboxRule,
}

/// Whose mailbox is asked for a code before the passcode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MailboxRule {
    /// Where the sender wants it.
    #[default]
    Offered,
    /// Every patient's.
    Patients,
    /// Everybody's.
    Always,
}
