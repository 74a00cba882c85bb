//! Opening: what a link, a passcode and a ticket are traded for. An opening right of `/mine` may stand where a link's token
//! stands.

use crate::direct::Way;
use crate::transfers::{ObjectEntry, RecipientKind};
use crate::{Base64Bytes, LinkToken, Proof, Ticket, Timestamp, TransferId};
use serde::{Deserialize, Serialize};

/// `POST /api/v1/open`: asks what a link leads to. Spends nothing, so scanners may.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OpenRequest {
    /// From the link's fragment.
    pub token: LinkToken,
    /// From the link's fragment.
    pub transfer_id: TransferId,
}

/// `POST /api/v1/open/mailbox/code`: proves the recipient's mailbox with the code that `POST /api/v1/open/mailbox` (an
/// [`OpenRequest`] too) had mailed there.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MailboxCodeRequest {
    /// From the link's fragment.
    pub token: LinkToken,
    /// From the link's fragment.
    pub transfer_id: TransferId,
    /// Eight digits; spaces and hyphens between them are ignored.
    pub code: String,
}

impl std::fmt::Debug for MailboxCodeRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailboxCodeRequest").finish_non_exhaustive()
    }
}

/// The sender as recipients see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SenderName {
    /// As the sender gave it.
    pub name: String,
    /// As the sender gave it; may be empty.
    pub organisation: String,
}

/// 200 to [`OpenRequest`]. Every bad, ended or expired link gets the same 404.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OpenAnswer {
    /// The capsule's first 52 bytes: salt and parameters, from which the client derives the proof.
    pub h: Base64Bytes,
    /// Who sent it.
    pub sender: SenderName,
    /// Whose words the page uses.
    pub recipient_kind: RecipientKind,
    /// Until when it works.
    pub expires_at: Timestamp,
}

/// `POST /api/v1/open/unlock`: proves the passcode. The only step that counts an opening.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UnlockRequest {
    /// From the link's fragment.
    pub token: LinkToken,
    /// From the link's fragment.
    pub transfer_id: TransferId,
    /// Derived from the passcode.
    pub proof: Proof,
}

/// 200 to [`UnlockRequest`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UnlockAnswer {
    /// For `Authorization: Ticket …`.
    pub ticket: Ticket,
    /// 220 bytes.
    pub capsule: Base64Bytes,
    /// The sealed manifest.
    pub manifest: Base64Bytes,
    /// How to fetch the parts.
    pub download: Way,
    /// What may be fetched with the ticket.
    pub objects: Vec<ObjectEntry>,
}

/// `POST /api/v1/open/receipt` (with the ticket): how many files the recipient's client verified.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReceiptRequest {
    /// Files whose last chunk verified.
    pub verified: u32,
    /// Files in the transfer.
    pub total: u32,
}
