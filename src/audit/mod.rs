//! Rules about the audit, without IO: how its rows are chained, what an anchor says, how rows are written for other
//! programs, and what is unusual.
//!
//! docs/AUDIT.md describes the chain and the anchors for whoever checks them with other tools.

pub mod anchor;
pub mod chain;
pub mod export;
pub mod rules;
pub mod verify;
pub mod watch;

pub use anchor::{Anchor, AnchorError, SignedAnchor};
pub use chain::{Row, StoredRow, derive_hash, genesis};
pub use rules::{Fact, Flag, Hours, Rules};
pub use verify::{CUT, Finding, Verified, Verifier, cut_detail};
pub use watch::Watch;

use protocol::Timestamp;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

/// The event with which the rows of a backup that was restored go on. What came after its last row is lost.
pub const RESTORED: &str = "database.restored";

/// A day, which begins at midnight in UTC, or a moment.
///
/// # Errors
/// A sentence.
pub fn parse_time(text: &str) -> Result<Timestamp, String> {
    let day = Date::parse(text, format_description!("[year]-[month]-[day]")).map(|day| day.midnight().assume_utc());
    let moment = day.or_else(|_| OffsetDateTime::parse(text, &Rfc3339));
    moment
        .map(|moment| Timestamp::from_unix(moment.unix_timestamp()))
        .map_err(|_| "neither a day such as 2027-01-31 nor a time such as 2027-01-31T08:00:00Z".to_owned())
}
