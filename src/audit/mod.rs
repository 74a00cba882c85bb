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
pub use export::Format;
pub use rules::{Fact, Flag, Hours, Rules};
pub use verify::{CUT, Finding, Verified, Verifier, cut_detail};
pub use watch::Watch;

/// The event with which the rows of a backup that was restored go on. What came after its last row is lost.
pub const RESTORED: &str = "database.restored";
