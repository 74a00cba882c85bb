//! The part of a capsule that the server may read: its header H (docs/FORMAT.md, "Capsule").
//!
//! The server cannot open a capsule. It checks what it can, so that a transfer that no client would open, or a file
//! that was never sealed, is refused before it is mailed.

use super::size::size_text;
use protocol::{Problem, Timestamp, TransferId};

/// Bytes of a capsule.
pub const CAPSULE_LEN: usize = 220;

/// Bytes of H: magic 8, suite 1, mode 1, slot 2, transfer id 16, salt 16, end 8.
pub const H_LEN: usize = 52;

/// Longest sealed manifest in bytes: five names, a message and the padding fit many times over.
pub const MAX_MANIFEST_LEN: usize = 96 * 1024;

const MAGIC: &[u8; 8] = b"FILMJKT1";
const SUITE: u8 = 1;
/// The passcode is the whole secret.
const MODE: u8 = 1;

/// The first line of every age v1 file (C2SP age, "Header").
const AGE_INTRO: &[u8] = b"age-encryption.org/v1\n";

/// What the server keeps of H.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapsuleHeader {
    /// Which of a transfer's capsules; goes into the verifier.
    pub slot: u16,
}

impl CapsuleHeader {
    /// Reads a capsule's header and holds it against the transfer that it is for.
    ///
    /// # Errors
    /// [`protocol::ProblemKind::InvalidField`] for `capsule`.
    pub fn parse(capsule: &[u8], transfer_id: &TransferId, expires_at: Timestamp) -> Result<Self, Problem> {
        let refused = |detail: &str| Problem::invalid("capsule", detail);
        let capsule: &[u8; CAPSULE_LEN] =
            capsule.try_into().map_err(|_| refused("A capsule has exactly 220 bytes."))?;
        let [m0, m1, m2, m3, m4, m5, m6, m7, suite, mode, slot0, slot1, rest @ ..] = capsule;
        if [*m0, *m1, *m2, *m3, *m4, *m5, *m6, *m7] != *MAGIC || (*suite, *mode) != (SUITE, MODE) {
            return Err(refused("This server knows capsules of suite 1 and mode 1 only. Please reload the page."));
        }
        let (id, rest) = rest.split_at(TransferId::LEN);
        if id != transfer_id.as_bytes() {
            return Err(refused("The capsule was made for another transfer."));
        }
        // The salt is the client's affair.
        let not_after = rest.get(16..24).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
        if not_after != u64::try_from(expires_at.as_unix()).ok() {
            return Err(refused("The capsule names another end than the transfer."));
        }
        Ok(Self { slot: u16::from_be_bytes([*slot0, *slot1]) })
    }
}

/// Holds a sealed manifest against what can be known of it from outside.
///
/// # Errors
/// [`protocol::ProblemKind::InvalidField`] for `manifest`.
pub fn check_manifest(manifest: &[u8]) -> Result<(), Problem> {
    if manifest.len() > MAX_MANIFEST_LEN {
        let limit = size_text(MAX_MANIFEST_LEN as u64);
        return Err(Problem::invalid(
            "manifest",
            format!(
                "The list of files and the message are too long; they may have {limit}. Please shorten the message."
            ),
        ));
    }
    if !manifest.starts_with(AGE_INTRO) {
        return Err(Problem::invalid("manifest", "The manifest is not sealed. Please reload the page and try again."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: TransferId = TransferId::from_bytes([9; 16]);
    const END: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn capsule() -> Vec<u8> {
        let mut capsule = b"FILMJKT1\x01\x01\x00\x00".to_vec();
        capsule.extend([9; 16]);
        capsule.extend([4; 16]);
        capsule.extend(1_800_000_000_u64.to_be_bytes());
        capsule.resize(CAPSULE_LEN, 5);
        capsule
    }

    #[test]
    fn a_capsule_for_this_transfer_is_taken() {
        assert_eq!(CapsuleHeader::parse(&capsule(), &ID, END), Ok(CapsuleHeader { slot: 0 }));
    }

    #[test]
    fn a_change_of_any_byte_that_the_server_can_check_is_refused() {
        for index in (0..10).chain(12..28).chain(44..52) {
            let mut changed = capsule();
            changed[index] ^= 1;
            assert!(CapsuleHeader::parse(&changed, &ID, END).is_err(), "byte {index}");
        }
        for len in [0, 52, 219, 221] {
            let mut cut = capsule();
            cut.resize(len, 0);
            assert!(CapsuleHeader::parse(&cut, &ID, END).is_err(), "length {len}");
        }
    }

    #[test]
    fn a_manifest_is_an_age_file_of_bounded_length() {
        let mut manifest = AGE_INTRO.to_vec();
        assert!(check_manifest(&manifest).is_ok());
        manifest.resize(MAX_MANIFEST_LEN, 0);
        assert!(check_manifest(&manifest).is_ok());
        manifest.push(0);
        assert!(check_manifest(&manifest).is_err());
        assert!(check_manifest(b"{\"v\":1}").is_err());
    }
}
