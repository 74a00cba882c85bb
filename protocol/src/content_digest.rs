//! What a sender says of a part's bytes before they come: the HTTP field `Content-Digest` (RFC 9530).
//!
//! Either digest finds what a line, a proxy or a program spoilt. Neither is asked to do more: what a part is called and whether
//! it is the same again goes by the SHA-256 that the server takes of what arrived, and what protects the reader is the seal.

use crate::Sha256Digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

/// One member of the field; written, it is the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentDigest {
    /// `sha-256`.
    Sha256(Sha256Digest),
    /// `crc32c` (RFC 9260, appendix A): four bytes, the highest first, as S3 writes it too. A browser takes it in a quarter of
    /// the time that its SHA-256 would cost.
    Crc32c([u8; 4]),
}

impl ContentDigest {
    /// The best that a field, or several, offer. What cannot be read and what other algorithms say is ignored.
    pub fn find_best<'a>(fields: impl Iterator<Item = &'a str>) -> Option<Self> {
        let members = fields.flat_map(|field| field.split(',')).filter_map(Self::parse);
        members.min_by_key(|member| matches!(member, Self::Crc32c(_)))
    }

    fn parse(member: &str) -> Option<Self> {
        let (algorithm, value) = member.trim().split_once('=')?;
        let bytes = STANDARD.decode(value.strip_prefix(':')?.strip_suffix(':')?).ok()?;
        match algorithm {
            "sha-256" => bytes.try_into().ok().map(|bytes| Self::Sha256(Sha256Digest::from_bytes(bytes))),
            "crc32c" => bytes.try_into().ok().map(Self::Crc32c),
            _ => None,
        }
    }
}

impl fmt::Display for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(digest) => write!(f, "sha-256=:{}:", STANDARD.encode(digest.as_bytes())),
            Self::Crc32c(bytes) => write!(f, "crc32c=:{}:", STANDARD.encode(bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ContentDigest;

    // RFC 9530's own example (appendix B.1).
    const SHA_256: &str = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
    // Of `123456789`, the check value E3069283.
    const CRC32C: &str = "crc32c=:4waSgw==:";

    fn find(field: &str) -> Option<ContentDigest> {
        ContentDigest::find_best([field].into_iter())
    }

    #[test]
    fn a_digest_reads_as_rfc_9530_writes_it_and_is_written_so() {
        assert_eq!(find(SHA_256).unwrap().to_string(), SHA_256);
        assert_eq!(find(CRC32C), Some(ContentDigest::Crc32c([0xe3, 0x06, 0x92, 0x83])));
        assert_eq!(find(CRC32C).unwrap().to_string(), CRC32C);
    }

    #[test]
    fn what_is_no_digest_is_none() {
        for bad in [
            "",
            "sha-256=::",
            "sha-256=RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=",
            "sha-512=:AAAA:",
            "sha-256=:AAAA:",
            "sha-256=:4waSgw==:",
            "crc32c=::",
            "crc32c=:4waSgw:",
            "crc32c=4waSgw==",
            "crc32c=:4waSgwA=:",
            "CRC32C=:4waSgw==:",
        ] {
            assert!(find(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn the_stronger_digest_counts_wherever_it_stands() {
        for field in [format!("{CRC32C}, {SHA_256}"), format!("md5=:AAAA:,{SHA_256},{CRC32C}")] {
            assert!(matches!(find(&field), Some(ContentDigest::Sha256(_))), "{field}");
        }
        let apart = ContentDigest::find_best([CRC32C, SHA_256].into_iter());
        assert!(matches!(apart, Some(ContentDigest::Sha256(_))));
    }
}
