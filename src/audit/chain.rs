//! The chain: each row's hash covers the row and the hash of the row before it.

use protocol::{Sha256Digest, Timestamp};
use sha2::{Digest as _, Sha256};

/// Separates this hash from every other use of SHA-256, and this encoding from later ones.
const LABEL: &[u8] = b"filmjacket/1/audit-row\0";

/// A row, without its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its number: from 1 on, without a gap.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// What happened, by its stable name.
    pub event: String,
    /// Who: an account's address, `recipient`, `operator`, `unknown` or `system`.
    pub actor: String,
    /// About which transfer, as text.
    pub transfer_id: Option<String>,
    /// From which network address.
    pub address: Option<String>,
    /// What else matters.
    pub detail: String,
}

/// A row as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRow {
    /// What it says.
    pub row: Row,
    /// The hash beside it, as text; whether it is right is for [`super::Verifier`].
    pub hash: String,
}

/// What stands in the place of the hash before the first row: 32 zero bytes.
pub const fn genesis() -> Sha256Digest {
    Sha256Digest::from_bytes([0; 32])
}

/// `SHA-256("filmjacket/1/audit-row" ‖ 00 ‖ previous ‖ seq ‖ at ‖ event ‖ actor ‖ transfer_id ‖ address ‖ detail)`. Numbers
/// are 8 bytes, big-endian, two's complement. A text is its length in bytes, as a number, and its UTF-8; what may be missing is a
/// byte 00, or 01 and the text. So no two rows have the same encoding.
pub fn derive_hash(previous: &Sha256Digest, row: &Row) -> Sha256Digest {
    let mut hasher = Sha256::new();
    hasher.update(LABEL);
    hasher.update(previous.as_bytes());
    hasher.update(row.seq.to_be_bytes());
    hasher.update(row.at.as_unix().to_be_bytes());
    add_text(&mut hasher, &row.event);
    add_text(&mut hasher, &row.actor);
    for optional in [&row.transfer_id, &row.address] {
        match optional {
            None => hasher.update([0]),
            Some(text) => {
                hasher.update([1]);
                add_text(&mut hasher, text);
            }
        }
    }
    add_text(&mut hasher, &row.detail);
    Sha256Digest::from_bytes(hasher.finalize().into())
}

fn add_text(hasher: &mut Sha256, text: &str) {
    hasher.update((text.len() as u64).to_be_bytes());
    hasher.update(text);
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A row with every field.
    pub(in crate::audit) fn row(seq: i64) -> Row {
        Row {
            seq,
            at: Timestamp::from_unix(1_800_000_000 + seq),
            event: "transfer.opened".to_owned(),
            actor: "recipient".to_owned(),
            transfer_id: Some("AAAAAAAAAAAAAAAAAAAAAA".to_owned()),
            address: Some("203.0.113.7".to_owned()),
            detail: "ä".to_owned(),
        }
    }

    #[test]
    fn the_hash_is_the_documented_one() {
        // Computed with the program of docs/AUDIT.md.
        assert_eq!(derive_hash(&genesis(), &row(1)).to_text(), "it0NjZgfM8K6St938sD8i2OFUaJGOeURZCGb8Gzieq0");
    }

    #[test]
    fn every_field_and_the_row_before_count() {
        let hash = derive_hash(&genesis(), &row(1));
        let changes: [fn(&mut Row); 10] = [
            |row| row.seq = 2,
            |row| row.at = row.at.plus(1),
            |row| row.event.push('x'),
            |row| row.actor.push('x'),
            |row| row.transfer_id = None,
            |row| row.transfer_id = Some(String::new()),
            |row| row.address = None,
            |row| row.address = Some(String::new()),
            |row| row.detail.clear(),
            // The same letters, divided otherwise.
            |row| (row.event, row.actor) = ("transfer.openedr".to_owned(), "ecipient".to_owned()),
        ];
        let mut hashes: Vec<_> = changes
            .iter()
            .map(|change| {
                let mut changed = row(1);
                change(&mut changed);
                derive_hash(&genesis(), &changed)
            })
            .collect();
        hashes.push(derive_hash(&hash, &row(1)));
        hashes.push(hash);
        let count = hashes.len();
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), count);
    }
}
