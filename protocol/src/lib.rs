//! What server, browser and command line say to each other.
//!
//! This room holds what the server **may** see: ids, lengths, addresses, times, states, and the JSON bodies
//! of the HTTP API (docs/API.md). What the server may not see (passcodes, keys, names, contents) lives in
//! `envelope`, and neither crate depends on the other.
//!
//! - [`ids`]: [`TransferId`], [`ObjectId`] and the secrets [`LinkToken`], [`Ticket`], [`Proof`].
//! - [`layout`]: how long objects and parts are; the server checks lengths without knowing contents.
//! - [`sign_in`], [`account`], [`transfers`], [`open`], [`mine`], [`people`]: one module a resource, a struct a body; [`direct`]:
//!   what direct mode adds.
//! - [`ContentDigest`]: what is said of a part's bytes before they come.
//! - [`tokens`]: what programs show instead of signing in, and the scopes of that.
//! - [`audit`]: what auditors ask for and are told.
//! - [`problem`]: the errors (RFC 9457) with their stable slugs.
//! - [`Timestamp`]: whole seconds since 1970, written as RFC 3339 UTC in JSON.
//!
//! With the feature `schema` each body has its JSON Schema, from which the server's description of its API is made.
//!
//! No IO, no clock, no randomness here.

pub mod account;
pub mod audit;
mod bytes;
mod content_digest;
pub mod direct;
pub mod ids;
pub mod layout;
pub mod mine;
pub mod open;
pub mod people;
pub mod problem;
#[cfg(feature = "schema")]
mod schema;
pub mod sign_in;
mod timestamp;
pub mod tokens;
pub mod transfers;

pub use bytes::Base64Bytes;
pub use content_digest::ContentDigest;
pub use ids::{AccessToken, LinkToken, ObjectId, Proof, Sha256Digest, Ticket, TransferId};
pub use problem::{Problem, ProblemKind};
pub use timestamp::{DAY, Timestamp};
