//! Sending: drafts, parts, sealing, and the sender's list.

use crate::direct::Way;
use crate::{Base64Bytes, ObjectId, Proof, Sha256Digest, Timestamp, TransferId};
use serde::{Deserialize, Serialize};

/// Whom the words on the open page address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RecipientKind {
    /// A specialist or referring physician.
    Clinician,
    /// The patient, or someone who acts for them.
    Patient,
}

/// Where a transfer is in its life: draft → ready → expired | revoked | used up → purged.
///
/// `Purged` is not told apart from the state that led to it: bytes are gone in all of them soon after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Files are being uploaded; nothing was mailed.
    Draft,
    /// Sealed and mailed; it can be opened.
    Ready,
    /// Its time ran out.
    Expired,
    /// Its sender ended it.
    Revoked,
    /// All its openings were spent, and the last ticket has run out.
    UsedUp,
}

/// What became of the mail with the link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum MailState {
    /// Waiting to be handed over, or to be tried again.
    Queued,
    /// The mail server took it.
    Accepted,
    /// The mail server refused it for good, with its reason.
    Refused {
        /// One line that a person can act on.
        reason: String,
    },
}

/// A recipient as the sender named them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Recipient {
    /// Where the link is mailed.
    pub email: String,
    /// Clinician or patient.
    pub kind: RecipientKind,
}

/// One object as announced: its id and its length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ObjectEntry {
    /// Made by the client.
    pub object_id: ObjectId,
    /// Ciphertext bytes; see [`crate::layout::object_len`].
    pub object_len: u64,
}

/// `POST /api/v1/transfers`: announces a transfer. The same body again gets the same answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateTransfer {
    /// Made by the client.
    pub transfer_id: TransferId,
    /// Who is mailed.
    pub recipient: Recipient,
    /// When the link stops working.
    pub expires_at: Timestamp,
    /// How often the transfer may be opened (1 or more).
    pub max_openings: u32,
    /// Whether the sender is mailed at each opening.
    pub notify_opened: bool,
    /// Whether whoever opens it must first type a code that is mailed to the recipient. Not written when false: what was
    /// announced before there was this field must still read as the same announcement.
    #[serde(default, skip_serializing_if = "is_false")]
    pub mailbox_code: bool,
    /// One to five objects, in the order of the files.
    pub objects: Vec<ObjectEntry>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// 201 to [`CreateTransfer`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TransferCreated {
    /// [`State::Draft`], or a later one if the same request is repeated late.
    pub state: State,
    /// Bytes of every part but an object's last: [`crate::layout::PART_LEN`].
    pub part_len: u64,
    /// How to send the parts.
    pub upload: Way,
}

/// A part that the server holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StoredPart {
    /// Its number, from 0.
    pub n: u32,
    /// Digest of its bytes.
    pub sha256: Sha256Digest,
}

/// An object and the parts of it that are stored, by number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StoredObject {
    /// Which object.
    pub object_id: ObjectId,
    /// Its announced length.
    pub object_len: u64,
    /// What has arrived.
    pub parts: Vec<StoredPart>,
}

/// One line of the sender's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TransferSummary {
    /// Which transfer.
    pub transfer_id: TransferId,
    /// Whom it was sent to.
    pub recipient: Recipient,
    /// Where it is in its life.
    pub state: State,
    /// When the draft was made.
    pub created_at: Timestamp,
    /// When the link stops working.
    pub expires_at: Timestamp,
    /// When it was ended or used up, if it was.
    pub ended_at: Option<Timestamp>,
    /// Number of files.
    pub files: u32,
    /// Plaintext bytes of all files.
    pub total_len: u64,
    /// How often it was opened.
    pub openings: u32,
    /// How often it may be.
    pub max_openings: u32,
    /// When it was opened last.
    pub last_opened_at: Option<Timestamp>,
    /// Wrong passcodes refused since it was sent.
    pub refused_attempts: u32,
    /// Whether a code from the recipient's mailbox is asked for before the passcode.
    pub mailbox_code: bool,
    /// The mail with the link; `None` while a draft.
    pub mail: Option<MailState>,
}

/// `GET /api/v1/transfers?before&limit`: newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TransferPage {
    /// At most `limit` lines.
    pub transfers: Vec<TransferSummary>,
    /// Give this as `before` for the next page; `None` at the end.
    pub next: Option<TransferId>,
}

/// `GET /api/v1/transfers/{transfer_id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TransferDetail {
    /// The same as in the list.
    #[serde(flatten)]
    pub summary: TransferSummary,
    /// How to send the parts that are missing.
    pub upload: Way,
    /// What has arrived of each object; empty once the bytes are purged.
    pub objects: Vec<StoredObject>,
}

/// `POST /api/v1/transfers/{transfer_id}/seal`: completes a draft.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SealRequest {
    /// 220 bytes (docs/FORMAT.md, "Capsule").
    pub capsule: Base64Bytes,
    /// The sealed manifest, an age v1 file.
    pub manifest: Base64Bytes,
    /// Becomes the verifier; never stored.
    pub proof: Proof,
}

/// 200 to [`SealRequest`], and 202 to a resend: the link, which is told only here and in the mail.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LinkAnswer {
    /// `https://host/open#…`
    pub link: String,
}

impl std::fmt::Debug for LinkAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkAnswer(redacted)")
    }
}

/// One line of a transfer's log, as its sender sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LogEntry {
    /// When.
    pub at: Timestamp,
    /// What happened: the audit event's stable name, such as `transfer.opened`.
    pub event: String,
    /// Who: an account's address, `recipient`, or `system`.
    pub actor: String,
    /// From which network address, if a request caused it.
    pub address: Option<String>,
    /// How many files were verified (`transfer.received`: `2 of 3 files verified`), why (`mail.refused`: the mail server's
    /// reason), or that an administrator ended it (`transfer.revoked`). Empty for every other event.
    pub detail: String,
}

/// `GET /api/v1/transfers/{transfer_id}/log`: oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TransferLog {
    /// All events of the transfer.
    pub events: Vec<LogEntry>,
}
