//! One of the two stores: what was found in it, and what was mended.

use super::say;
use crate::blobs::{Blobs, Health, ObjectParts};
use crate::commands::Failure;
use protocol::TransferId;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;

/// What is wrong with which parts of an object.
pub(super) type Bad = BTreeMap<u32, Health>;

/// Most numbers of parts in one line.
const LISTED: usize = 10;

/// A store, and its line of the table.
pub(super) struct Side {
    pub(super) name: &'static str,
    pub(super) blobs: Blobs,
    pub(super) objects: u64,
    parts: u64,
    bytes: u64,
    damaged: u64,
    missing: u64,
    repaired: u64,
}

impl Side {
    pub(super) fn new(name: &'static str, blobs: Blobs) -> Self {
        Self { name, blobs, objects: 0, parts: 0, bytes: 0, damaged: 0, missing: 0, repaired: 0 }
    }

    /// Reads an object.
    pub(super) async fn find_bad(&self, object: &ObjectParts) -> Result<Bad, Failure> {
        let found = self.blobs.check_object(object).await;
        let found = found.map_err(|error| format!("the {} cannot be read: {error}", self.name))?;
        Ok((0..).zip(found).filter(|(_, health)| *health != Health::Good).collect())
    }

    /// Counts what was found, and says what is bad.
    pub(super) fn count(&mut self, transfer_id: &TransferId, object: &ObjectParts, bad: &Bad) -> Result<(), Failure> {
        self.objects += 1;
        for (key, len) in object.parts() {
            self.parts += 1;
            self.bytes += if bad.contains_key(&key.n) { 0 } else { len };
        }
        for (what, health, count) in
            [("damaged", Health::Damaged, &mut self.damaged), ("missing", Health::Missing, &mut self.missing)]
        {
            let numbers: Vec<u32> = bad.iter().filter(|(_, found)| **found == health).map(|(n, _)| *n).collect();
            *count += numbers.len() as u64;
            if !numbers.is_empty() {
                let (id, name, parts) = (object.object_id, self.name, list(&numbers));
                say(&format!("transfer {transfer_id} object {id}: {what} in the {name}: {parts}"))?;
            }
        }
        Ok(())
    }

    /// Puts what is good in the other store in the place of what is bad here, and reads it again.
    pub(super) async fn mend(
        &mut self,
        transfer_id: &TransferId,
        other: &Blobs,
        object: &ObjectParts,
        [bad, bad_there]: [&Bad; 2],
        go_on: impl AsyncFn() -> io::Result<bool>,
    ) -> Result<(), Failure> {
        let mendable: BTreeSet<u32> = bad.keys().copied().filter(|n| !bad_there.contains_key(n)).collect();
        if mendable.is_empty() {
            return Ok(());
        }
        if let Err(fault) = self.blobs.mend_object(other, object, &mendable, go_on).await {
            let (id, name) = (object.object_id, self.name);
            return say(&format!("transfer {transfer_id} object {id}: not repaired in the {name}: {fault}"));
        }
        let still_bad = self.find_bad(object).await?;
        self.repaired += mendable.iter().filter(|n| !still_bad.contains_key(n)).count() as u64;
        Ok(())
    }

    /// Parts that are bad and were not mended.
    pub(super) fn still_bad(&self) -> u64 {
        self.damaged + self.missing - self.repaired
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, objects, parts, bytes, damaged, missing, repaired, .. } = self;
        write!(f, "{name:<12} {objects:>9} {parts:>10} {bytes:>16} {damaged:>8} {missing:>8} {repaired:>8}")
    }
}

/// The numbers of parts, not more than a line's worth of them.
pub(super) fn list(numbers: &[u32]) -> String {
    let shown = numbers.iter().take(LISTED).map(u32::to_string).collect::<Vec<_>>().join(", ");
    match numbers {
        [_] => format!("part {shown}"),
        _ if numbers.len() > LISTED => format!("{} parts, from {shown} on", numbers.len()),
        _ => format!("parts {shown}"),
    }
}
