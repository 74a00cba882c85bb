//! How far the server itself has verified the chain, a few rows at a time.

use super::{Anchor, Finding, StoredRow, Verifier};
use protocol::{Sha256Digest, Timestamp};

/// What the server knows of its own audit.
#[derive(Debug, Default)]
pub struct Watch {
    verifier: Option<Verifier>,
    began: Option<Timestamp>,
    /// All rows up to this one were as they were written, when this was found.
    verified: Option<(i64, Timestamp)>,
    found: Option<Finding>,
}

impl Watch {
    /// Whether it is time to begin with the first row: never begun, begun `again_after` seconds ago and all seen since, or the
    /// row that it got to is no longer kept.
    pub fn is_due(&self, now: Timestamp, again_after: i64, cut_seq: i64) -> bool {
        let is_old = self.began.is_none_or(|began| now >= began.plus(again_after) || now < began);
        let all_seen = self.verified.map(|(seq, _)| seq) == Some(self.seq());
        self.verifier.is_none() || (is_old && all_seen) || self.seq() < cut_seq
    }

    /// Begins after the newest row that is no longer kept.
    pub fn begin(&mut self, cut_seq: i64, cut_hash: Sha256Digest, anchors: Vec<Anchor>, now: Timestamp) {
        self.verifier = Some(Verifier::begin(cut_seq, cut_hash, anchors));
        self.began = Some(now);
    }

    /// The newest row that it got to.
    pub fn seq(&self) -> i64 {
        self.verifier.as_ref().map_or(0, Verifier::seq)
    }

    /// Holds the next rows against the chain; none are left if there are none. `head_seq` was the newest before they were
    /// read. Returns whether it is at the end, one way or the other.
    pub fn check(&mut self, rows: &[StoredRow], head_seq: i64, now: Timestamp) -> bool {
        let Some(verifier) = &mut self.verifier else { return true };
        for row in rows {
            if let Err(finding) = verifier.check(row) {
                self.found = Some(finding);
                return true;
            }
        }
        let seq = verifier.seq();
        if rows.is_empty() && seq < head_seq {
            self.found = Some(Finding::Short(seq + 1, head_seq));
        } else if seq >= head_seq {
            self.verified = Some((seq, now));
        }
        rows.is_empty() || seq >= head_seq
    }

    /// Up to which row all was well, and when that was found.
    pub const fn verified(&self) -> Option<(i64, Timestamp)> {
        self.verified
    }

    /// What was wrong.
    pub const fn found(&self) -> Option<&Finding> {
        self.found.as_ref()
    }
}
