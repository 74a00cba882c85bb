//! The name of a stored part. This type alone knows what a part is called and how it is typed in every store.

use protocol::{ObjectId, Sha256Digest};

/// Media type of every stored part: the store sees nothing but ciphertext.
pub const CONTENT_TYPE: &str = "application/octet-stream";

/// Names one part of one object by its number *and* its digest.
///
/// The digest is part of the name so that two uploads of different bytes for the same place, racing each other,
/// land side by side instead of one over the other. Which of them counts is the database row's to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartKey {
    /// The object that the part belongs to.
    pub object_id: ObjectId,
    /// Its number, from 0.
    pub n: u32,
    /// SHA-256 of its bytes.
    pub sha256: Sha256Digest,
}

impl PartKey {
    /// `objects/ab/<object id>/<n>-<digest>`, relative to the store's root; unique and the same in every store.
    pub fn path(&self) -> String {
        format!("{}/{}-{}", object_path(&self.object_id), self.n, self.sha256)
    }
}

/// `objects/ab/<object id>`: where all parts of an object are. `ab` (the id's first two symbols) keeps any one
/// folder from growing to millions of entries.
pub(super) fn object_path(object_id: &ObjectId) -> String {
    let id = object_id.to_text();
    format!("objects/{}/{id}", &id[..2])
}

#[cfg(test)]
mod tests {
    use super::PartKey;
    use protocol::{ObjectId, Sha256Digest};

    #[test]
    fn a_key_spells_object_number_and_digest() {
        let key =
            PartKey { object_id: ObjectId::from_bytes([0; 16]), n: 17, sha256: Sha256Digest::from_bytes([0xff; 32]) };
        assert_eq!(key.path(), "objects/AA/AAAAAAAAAAAAAAAAAAAAAA/17-__________________________________________8");
    }
}
