//! What waits for an address: a recipient's own page. Asking for its code and typing it take the bodies of signing in
//! ([`crate::sign_in::SignInRequest`], [`crate::sign_in::SignInCodeRequest`]).

use crate::open::SenderName;
use crate::{LinkToken, Timestamp, TransferId};
use serde::{Deserialize, Serialize};

/// `GET /api/v1/mine`: every transfer to the proven address that can be opened now, newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Mine {
    /// The address that was proved, in lower case.
    pub email: String,
    /// At most 200.
    pub transfers: Vec<WaitingTransfer>,
}

/// A transfer that waits for its recipient.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WaitingTransfer {
    /// Which transfer.
    pub transfer_id: TransferId,
    /// Stands where a link's token stands, in the browser that proved the address and as long as that holds. The passcode is
    /// needed all the same.
    pub opening_right: LinkToken,
    /// Who sent it.
    pub sender: SenderName,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// Until when it works.
    pub expires_at: Timestamp,
    /// Number of files.
    pub files: u32,
    /// Plaintext bytes of all files.
    pub total_len: u64,
    /// How often it can still be opened.
    pub openings_left: u32,
}
