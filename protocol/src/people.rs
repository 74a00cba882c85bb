//! People, as administrators see and change them; and what is under way, as those see it who do not own it.

use crate::sign_in::{DepartmentUse, Limits, Role};
use crate::transfers::TransferSummary;
use crate::{LinkToken, Timestamp, TransferId};
use serde::{Deserialize, Serialize};

/// What somebody may do, when, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct May {
    /// At least one.
    pub roles: Vec<Role>,
    /// 0 to 80 characters.
    #[serde(default)]
    pub department: String,
    /// From when on; at once without.
    #[serde(default)]
    pub valid_from: Option<Timestamp>,
    /// Until when, this second excluded; for ever without.
    #[serde(default)]
    pub valid_until: Option<Timestamp>,
}

/// `POST /api/v1/admin/people`: gives somebody an account and mails an invitation (201 with a [`Person`]).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct InviteRequest {
    /// Whom.
    pub email: String,
    /// What they may do.
    pub may: May,
}

/// Whether somebody can sign in at this moment, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PersonState {
    /// They can.
    Active,
    /// They can, and have not yet.
    Invited,
    /// They did not follow their invitation in time.
    InvitationOver,
    /// Their first day has not come.
    NotYet,
    /// Their last day is over.
    Over,
    /// An administrator disabled the account.
    Disabled,
    /// They were let in by the list of the configuration, and are no longer on it; or hold no role.
    NotAllowed,
}

/// One person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Person {
    /// Names the account in further calls.
    pub account_id: String,
    /// Where codes are mailed.
    pub email: String,
    /// Empty until they gave one.
    pub name: String,
    /// May stay empty.
    pub organisation: String,
    /// What they may do.
    pub may: May,
    /// Whether they can sign in.
    pub state: PersonState,
    /// When they signed in last.
    pub signed_in_at: Option<Timestamp>,
    /// Access tokens of theirs that have not run out.
    pub tokens: u32,
    /// Whether they are known to the provider of single sign-on, and sign in by it.
    pub has_identity: bool,
    /// Whether it is whoever asks.
    pub is_me: bool,
}

/// `GET /api/v1/admin/people?search&after&limit`: by address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PeoplePage {
    /// At most `limit`.
    pub people: Vec<Person>,
    /// Give this as `after` for the next page; `None` at the end.
    pub next: Option<String>,
    /// The departments that people are in.
    pub departments: Vec<String>,
}

/// Somebody else's transfer: what the sender's own list shows, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SeenTransfer {
    /// Who sends.
    pub sender: SeenSender,
    /// The same as in the sender's list.
    #[serde(flatten)]
    pub summary: TransferSummary,
}

/// Who sends a transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SeenSender {
    /// Their address.
    pub email: String,
    /// As recipients see it.
    pub name: String,
    /// The department that the transfer was made in; may be empty.
    pub department: String,
}

/// `GET /api/v1/admin/transfers` and `GET /api/v1/department/transfers`: newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SeenPage {
    /// At most `limit`.
    pub transfers: Vec<SeenTransfer>,
    /// Give this as `before` for the next page; `None` at the end.
    pub next: Option<TransferId>,
}

/// `GET /api/v1/admin/state`: how the installation is doing, and what is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Installation {
    /// What is needed, and whether it is there.
    pub ready: Vec<Need>,
    /// Number of transfers by state.
    pub transfers: Vec<Count>,
    /// Mail that waits.
    pub mail_waiting: u64,
    /// When the oldest of it was queued.
    pub mail_waiting_since: Option<Timestamp>,
    /// How many people are mailed what is unusual. If it is nobody, it stands on the auditors' page alone.
    pub alerts_mailed_to: u64,
    /// Ciphertext of all transfers that are not purged, in bytes.
    pub stored_len: u64,
    /// In words: where things are kept and how mail leaves.
    pub kept: Vec<Setting>,
    /// What a transfer may be.
    pub limits: Limits,
    /// How full each department is that holds something, or has a quota of its own; by name.
    pub departments: Vec<DepartmentUse>,
    /// Whose addresses and domains may sign in without invitation; `None`: anyone.
    pub sign_in_allow: Option<Vec<String>>,
}

/// Something that the server cannot do without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Need {
    /// `database`, `store`, `mail`, `key` or `server`.
    pub name: String,
    /// Whether it is there.
    pub is_ready: bool,
}

/// How many of what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Count {
    /// Of what.
    pub name: String,
    /// How many.
    pub count: u64,
}

/// A setting in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Setting {
    /// What is set.
    pub name: String,
    /// To what.
    pub value: String,
}

/// `POST /api/v1/first-administrator`: the secret of the link on the server's console (204).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FirstAdministratorRequest {
    /// What follows the link's `#`.
    pub token: LinkToken,
}
