//! The names of stored things. These types alone know what a part is called and how it is typed in every store.

use protocol::layout::{PART_LEN, part_len};
use protocol::{ContentDigest, ObjectId, Sha256Digest};

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

    /// The part that comes again, or from another store: of `len` bytes with this digest.
    pub fn announced(&self, len: u64) -> Announced {
        Announced { object_id: self.object_id, n: self.n, len, digest: ContentDigest::Sha256(self.sha256) }
    }
}

/// A part before its bytes have come: its place, and what they must be like. Taking them in gives its [`PartKey`].
#[derive(Debug, Clone, Copy)]
pub struct Announced {
    /// The object that the part belongs to.
    pub object_id: ObjectId,
    /// Its number, from 0.
    pub n: u32,
    /// How many bytes will come, no more and no fewer.
    pub len: u64,
    /// What they must have.
    pub digest: ContentDigest,
}

/// A whole object: what its row and its parts' rows say that the store holds.
#[derive(Debug, Clone)]
pub struct ObjectParts {
    /// Which object.
    pub object_id: ObjectId,
    /// Bytes of all its parts.
    pub object_len: u64,
    /// The SHA-256 of each part, in order.
    pub digests: Vec<Sha256Digest>,
}

impl ObjectParts {
    /// Each part's key and length, in order.
    pub fn parts(&self) -> impl Iterator<Item = (PartKey, u64)> {
        (0..).zip(&self.digests).map(|(n, sha256)| {
            let len = part_len(self.object_len, u64::from(n)).unwrap_or(PART_LEN);
            (PartKey { object_id: self.object_id, n, sha256: *sha256 }, len)
        })
    }
}

/// What a store calls an object that is being put together. The object's row keeps its text; it is no secret.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Upload(String);

impl Upload {
    /// As the row keeps it. Empty for a store that puts nothing together.
    pub fn as_text(&self) -> &str {
        &self.0
    }
}

impl From<String> for Upload {
    fn from(text: String) -> Self {
        Self(text)
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
