//! An anchor: a signed statement that the chain had this row with this hash at that time. It is kept where the database's
//! keeper cannot take it back, so that a chain that was computed anew is found out.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::{Sha256Digest, Timestamp};
use serde::{Deserialize, Serialize};

/// What the signature's text begins with: nothing else is ever signed with this key, and no other format begins so.
const LABEL: &str = "filmjacket/1/audit-anchor";

/// Length of an Ed25519 public key and signature (RFC 8032 §5.1), in bytes.
const PUBLIC_LEN: usize = 32;
const SIGNATURE_LEN: usize = 64;

/// Where the chain ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// The newest row.
    pub seq: i64,
    /// Its hash.
    pub hash: Sha256Digest,
    /// The newest row that is no longer kept because of its age; 0 if all are.
    pub cut_seq: i64,
    /// When this was so.
    pub at: Timestamp,
}

impl Anchor {
    /// What is signed: five lines, each ended by a line feed, none of which can hold one.
    fn signed_text(&self, key: &str) -> String {
        let Self { seq, hash, cut_seq, at } = self;
        format!("{LABEL}\n{key}\n{seq} {hash}\n{cut_seq}\n{}\n", at.to_rfc3339())
    }
}

/// An anchor as it is written to the file and mailed: one JSON object in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedAnchor {
    seq: i64,
    hash: Sha256Digest,
    cut_seq: i64,
    at: Timestamp,
    /// The public key that the signature is checked with, which is the installation's name: base64url.
    key: String,
    /// Ed25519 (RFC 8032): base64url.
    signature: String,
}

/// Why a line is no anchor of this installation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnchorError {
    /// Not a line as the server writes it.
    #[error("it is not an anchor")]
    Malformed,
    /// Signed with another key.
    #[error("it is signed with the key {0}, not with this installation's")]
    OtherKey(String),
    /// The signature is not over this text.
    #[error("its signature is not right: it was forged or changed")]
    Forged,
}

impl SignedAnchor {
    /// Signs with whatever holds the key.
    pub fn make(anchor: &Anchor, public: &[u8; PUBLIC_LEN], sign: impl FnOnce(&[u8]) -> [u8; SIGNATURE_LEN]) -> Self {
        let key = URL_SAFE_NO_PAD.encode(public);
        let signature = URL_SAFE_NO_PAD.encode(sign(anchor.signed_text(&key).as_bytes()));
        let Anchor { seq, hash, cut_seq, at } = *anchor;
        Self { seq, hash, cut_seq, at, key, signature }
    }

    /// The line, without its end.
    pub fn to_line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a line and checks it against this installation's public key: `check` is given the text and the signature.
    ///
    /// # Errors
    /// [`AnchorError`].
    pub fn parse(
        line: &str,
        public: &[u8; PUBLIC_LEN],
        check: impl FnOnce(&[u8], &[u8]) -> bool,
    ) -> Result<Anchor, AnchorError> {
        let read: Self = serde_json::from_str(line).map_err(|_| AnchorError::Malformed)?;
        if read.key != URL_SAFE_NO_PAD.encode(public) {
            return Err(AnchorError::OtherKey(read.key));
        }
        let signature = URL_SAFE_NO_PAD.decode(&read.signature).map_err(|_| AnchorError::Malformed)?;
        let anchor = Anchor { seq: read.seq, hash: read.hash, cut_seq: read.cut_seq, at: read.at };
        let text = anchor.signed_text(&read.key);
        if check(text.as_bytes(), &signature) { Ok(anchor) } else { Err(AnchorError::Forged) }
    }
}
