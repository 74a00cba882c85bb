//! Direct mode: parts that travel between browser and store without passing the server, by requests that it signed.

use crate::Sha256Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How bytes travel between browser and store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Through this server.
    Proxied,
    /// Straight, by signed requests; through this server all the same where that does not work.
    Direct,
}

/// `POST …/parts/{n}/url`, and `POST …/parts/{n}/stored`: the part that is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PartDigest {
    /// Digest of its bytes.
    pub sha256: Sha256Digest,
}

/// A request to the store that its holder may make for a minute, exactly as it is. A secret for as long.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SignedRequest {
    /// Where, signature included.
    pub url: String,
    /// What must be sent with it; the length of a body is signed too, and is the part's.
    pub headers: BTreeMap<String, String>,
}

impl std::fmt::Debug for SignedRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignedRequest(redacted)")
    }
}
