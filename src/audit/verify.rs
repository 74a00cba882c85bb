//! Whether the rows are those that were written: every one, unchanged, in their order, and none missing at the end.

use super::{Anchor, RESTORED, StoredRow, derive_hash};
use protocol::{Sha256Digest, Timestamp};
use std::collections::BTreeMap;

/// The event with which rows are removed because of their age.
pub const CUT: &str = "audit.cut";

/// What the row of such an event says: up to which row.
pub fn cut_detail(cut_seq: i64) -> String {
    format!("rows up to {cut_seq} are no longer kept")
}

/// The first row that is not as it was written, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// There is a gap.
    #[error("row {expected} is missing; the next one is row {found}")]
    Missing {
        /// The first row that is not there.
        expected: i64,
        /// The next one that is.
        found: i64,
    },
    /// Its hash is not that of its fields and the row before.
    #[error(
        "row {0} does not follow from the row before it: it was changed, inserted or moved, or the row in its place was removed"
    )]
    Changed(i64),
    /// It cannot even be read.
    #[error("row {0} cannot be read: {1}")]
    Unreadable(i64, String),
    /// The rows end before the end of the chain that the database itself notes.
    #[error("row {0} is missing: the audit is cut short at its end, which was row {1}")]
    Short(i64, i64),
    /// Rows were added without the server, or the note of the end was changed.
    #[error("row {0} is not what the server appended last")]
    Head(i64),
    /// The rows begin later than the last removal by age says.
    #[error("row {0} is missing: the rows up to {1} were removed, but not by the rule for old rows")]
    Removed(i64, i64),
    /// An anchor names a row after the last.
    #[error("row {first} is missing: the audit is cut short at its end; an anchor of {at} names row {seq}", at = .anchor.at.to_rfc3339(), seq = .anchor.seq)]
    CutShort {
        /// The first row that is not there.
        first: i64,
        /// What shows it.
        anchor: Anchor,
    },
    /// An anchor names another hash for a row.
    #[error(
        "row {seq} is not the one that the anchor of {at} signed: it, or a row after {agreed}, was changed and all hashes since were computed anew",
        at = .anchor.at.to_rfc3339(), seq = .anchor.seq
    )]
    Rewritten {
        /// What shows it.
        anchor: Anchor,
        /// The newest row before it that an anchor agrees with, or the row before the first.
        agreed: i64,
    },
    /// The engine's indexes do not hold what its rows do.
    #[error("the database file is damaged: {0}")]
    Damaged(String),
}

/// What was found if nothing was wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// How many rows.
    pub rows: u64,
    /// The newest row; its number is 0 if there never was one.
    pub seq: i64,
    /// Its hash.
    pub hash: Sha256Digest,
    /// The newest row that is no longer kept because of its age; 0 if all are.
    pub cut_seq: i64,
    /// How many anchors were held against it, and agree.
    pub anchors: usize,
    /// Anchors of rows that a restore from a backup took back, the restore's time with each.
    pub taken_back: Vec<(Anchor, Timestamp)>,
}

/// Goes along the chain, row by row.
#[derive(Debug)]
pub struct Verifier {
    rows: u64,
    seq: i64,
    hash: Sha256Digest,
    cut_seq: i64,
    /// The cut that the newest row about one names.
    told_cut: Option<String>,
    anchors: BTreeMap<i64, Vec<Anchor>>,
    agreed: (usize, i64),
    restores: Vec<(i64, Timestamp)>,
    taken_back: Vec<(Anchor, Timestamp)>,
}

impl Verifier {
    /// Begins after the newest row that is no longer kept (0 and the genesis if all are). Anchors of rows before that
    /// say nothing any more.
    pub fn begin(cut_seq: i64, cut_hash: Sha256Digest, anchors: impl IntoIterator<Item = Anchor>) -> Self {
        let mut by_seq: BTreeMap<i64, Vec<Anchor>> = BTreeMap::new();
        for anchor in anchors.into_iter().filter(|anchor| anchor.seq > cut_seq) {
            by_seq.entry(anchor.seq).or_default().push(anchor);
        }
        Self {
            rows: 0,
            seq: cut_seq,
            hash: cut_hash,
            cut_seq,
            told_cut: None,
            anchors: by_seq,
            agreed: (0, cut_seq),
            restores: Vec::new(),
            taken_back: Vec::new(),
        }
    }

    /// The newest row that is as it was written.
    pub const fn seq(&self) -> i64 {
        self.seq
    }

    /// Its hash.
    pub const fn hash(&self) -> &Sha256Digest {
        &self.hash
    }

    /// Holds the next row against the chain.
    ///
    /// # Errors
    /// [`Finding`]; it is the first bad row, and nothing after it means anything.
    pub fn check(&mut self, stored: &StoredRow) -> Result<(), Finding> {
        let row = &stored.row;
        if row.seq != self.seq + 1 {
            return Err(Finding::Missing { expected: self.seq + 1, found: row.seq });
        }
        let hash = derive_hash(&self.hash, row);
        if hash.to_text() != stored.hash {
            return Err(Finding::Changed(row.seq));
        }
        (self.seq, self.hash) = (row.seq, hash);
        self.rows += 1;
        match row.event.as_str() {
            RESTORED => self.restores.push((row.seq, row.at)),
            CUT => self.told_cut = Some(row.detail.clone()),
            _ => {}
        }
        for anchor in self.anchors.remove(&row.seq).into_iter().flatten() {
            if anchor.hash == hash {
                self.agreed = (self.agreed.0 + 1, row.seq);
            } else {
                let agreed = self.agreed.1;
                self.take_back(anchor, |anchor| Finding::Rewritten { anchor, agreed })?;
            }
        }
        Ok(())
    }

    /// After the last row, which must be the one that the database notes as its newest.
    ///
    /// # Errors
    /// [`Finding`].
    pub fn finish(mut self, head_seq: i64, head_hash: &str) -> Result<Verified, Finding> {
        let first = self.seq + 1;
        for anchor in std::mem::take(&mut self.anchors).into_values().flatten() {
            self.take_back(anchor, |anchor| Finding::CutShort { first, anchor })?;
        }
        if head_seq > self.seq {
            return Err(Finding::Short(first, head_seq));
        }
        if head_seq != self.seq || head_hash != self.hash.to_text() {
            return Err(Finding::Head(self.seq));
        }
        if self.cut_seq > 0 && self.told_cut != Some(cut_detail(self.cut_seq)) {
            return Err(Finding::Removed(1, self.cut_seq));
        }
        let Self { rows, seq, hash, cut_seq, agreed: (anchors, _), taken_back, .. } = self;
        Ok(Verified { rows, seq, hash, cut_seq, anchors, taken_back })
    }

    /// An anchor that the rows contradict is explained by a restore after it that went back to before its row.
    fn take_back(&mut self, anchor: Anchor, finding: impl FnOnce(Anchor) -> Finding) -> Result<(), Finding> {
        let restore = self.restores.iter().find(|(seq, at)| *seq <= anchor.seq && *at >= anchor.at);
        match restore {
            Some((_, at)) => {
                self.taken_back.push((anchor, *at));
                Ok(())
            }
            None => Err(finding(anchor)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::chain::tests::row;
    use super::super::{Row, genesis};
    use super::*;

    /// A chain of these rows, numbered anew.
    fn chain(rows: impl IntoIterator<Item = Row>) -> Vec<StoredRow> {
        let mut hash = genesis();
        let link = |(index, mut row): (usize, Row)| {
            row.seq = index as i64 + 1;
            hash = derive_hash(&hash, &row);
            StoredRow { row, hash: hash.to_text() }
        };
        rows.into_iter().enumerate().map(link).collect()
    }

    fn verify(rows: &[StoredRow], anchors: &[Anchor]) -> Result<Verified, Finding> {
        let mut verifier = Verifier::begin(0, genesis(), anchors.iter().cloned());
        for row in rows {
            verifier.check(row)?;
        }
        let head = rows.last().map_or((0, genesis().to_text()), |last| (last.row.seq, last.hash.clone()));
        verifier.finish(head.0, &head.1)
    }

    fn anchor(rows: &[StoredRow], seq: i64) -> Anchor {
        let row = &rows[seq as usize - 1];
        let hash = Sha256Digest::parse(&row.hash).unwrap();
        Anchor { seq, hash, cut_seq: 0, at: row.row.at.plus(1) }
    }

    #[test]
    fn a_whole_chain_is_verified_with_its_anchors() {
        let rows = chain((1..=5).map(row));
        let verified = verify(&rows, &[anchor(&rows, 2), anchor(&rows, 5)]).unwrap();
        assert_eq!((verified.rows, verified.seq, verified.anchors), (5, 5, 2));
        assert_eq!(verify(&[], &[]).unwrap().seq, 0);
    }

    #[test]
    fn an_edit_a_gap_an_exchange_and_an_insertion_are_each_found_at_their_first_row() {
        let rows = chain((1..=5).map(row));
        let mut edited = rows.clone();
        edited[2].row.actor = "nobody".to_owned();
        assert_eq!(verify(&edited, &[]), Err(Finding::Changed(3)));
        let mut gap = rows.clone();
        gap.remove(2);
        assert_eq!(verify(&gap, &[]), Err(Finding::Missing { expected: 3, found: 4 }));
        let mut renumbered = gap;
        for (index, row) in renumbered.iter_mut().enumerate() {
            row.row.seq = index as i64 + 1;
        }
        assert_eq!(verify(&renumbered, &[]), Err(Finding::Changed(3)));
        let mut exchanged = rows.clone();
        exchanged.swap(1, 3);
        (exchanged[1].row.seq, exchanged[3].row.seq) = (2, 4);
        assert_eq!(verify(&exchanged, &[]), Err(Finding::Changed(2)));
        let mut inserted = rows;
        inserted.insert(1, inserted[0].clone());
        for (index, row) in inserted.iter_mut().enumerate() {
            row.row.seq = index as i64 + 1;
        }
        assert_eq!(verify(&inserted, &[]), Err(Finding::Changed(2)));
    }

    #[test]
    fn a_chain_that_is_cut_or_computed_anew_is_found_by_its_anchors_alone() {
        let rows = chain((1..=5).map(row));
        let anchors = [anchor(&rows, 2), anchor(&rows, 4)];
        assert!(verify(&rows[..4], &anchors).is_ok(), "what came after the last anchor nobody signed");
        let cut = verify(&rows[..3], &anchors).unwrap_err();
        assert_eq!(cut, Finding::CutShort { first: 4, anchor: anchors[1].clone() });
        let mut lie = row(3);
        lie.actor = "nobody".to_owned();
        let anew = chain([row(1), row(2), lie, row(4), row(5)]);
        assert!(verify(&anew, &[]).is_ok(), "without an anchor it cannot be told");
        assert_eq!(verify(&anew, &anchors), Err(Finding::Rewritten { anchor: anchors[1].clone(), agreed: 2 }));
    }

    #[test]
    fn a_restore_explains_older_anchors_and_no_newer_ones() {
        let before = chain((1..=5).map(row));
        let mut restored = row(3);
        (restored.event, restored.at) = (RESTORED.to_owned(), before[4].row.at.plus(100));
        let after = chain([row(1), row(2), restored]);
        let anchors = [anchor(&before, 2), anchor(&before, 3), anchor(&before, 5)];
        let verified = verify(&after, &anchors).unwrap();
        assert_eq!((verified.anchors, verified.taken_back.len()), (1, 2));
        let newer = Anchor { at: after[2].row.at.plus(1), ..anchors[2].clone() };
        assert!(matches!(verify(&after, &[newer]), Err(Finding::CutShort { first: 4, .. })));
    }

    #[test]
    fn the_end_that_the_database_notes_and_the_beginning_that_a_row_tells_must_be_true() {
        let mut told = row(5);
        (told.event, told.detail) = (CUT.to_owned(), cut_detail(2));
        let rows = chain([row(1), row(2), row(3), row(4), told]);
        let hash = Sha256Digest::parse(&rows[1].hash).unwrap();
        let run = |cut: i64, rows: &[StoredRow], head: (i64, &str)| {
            let mut verifier = Verifier::begin(cut, hash, []);
            rows.iter().try_for_each(|row| verifier.check(row))?;
            verifier.finish(head.0, head.1)
        };
        let last = (5, rows[4].hash.as_str());
        assert_eq!(run(2, &rows[2..], last).unwrap().rows, 3);
        assert_eq!(run(2, &rows[2..4], last), Err(Finding::Short(5, 5)));
        assert_eq!(run(2, &rows[2..4], (4, &rows[3].hash)), Err(Finding::Removed(1, 2)));
        assert_eq!(run(2, &rows[2..], (4, &rows[3].hash)), Err(Finding::Head(5)));
        assert_eq!(run(2, &rows[3..], last), Err(Finding::Missing { expected: 3, found: 4 }));
    }
}
