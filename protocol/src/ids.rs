//! Names and secrets of fixed length, each its own type so that one can never stand for another.
//!
//! All are written as base64url without padding. Secrets redact their `Debug` and wipe themselves when dropped.

use crate::bytes::{decode_exact, encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The text was not the base64url form of the id or secret expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MalformedId;

impl std::fmt::Display for MalformedId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not a well-formed id")
    }
}

impl std::error::Error for MalformedId {}

/// The parts that a public id and a secret share: a fixed length, one text form, strict parsing.
macro_rules! fixed_bytes {
    ($name:ident, $len:literal) => {
        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// Takes the raw bytes.
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The raw bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// Base64url without padding.
            pub fn to_text(&self) -> String {
                encode(&self.0)
            }

            /// Reads exactly the form that [`Self::to_text`] writes.
            ///
            /// # Errors
            /// [`MalformedId`] for another length, alphabet, padding or stray trailing bits.
            pub fn parse(text: &str) -> Result<Self, MalformedId> {
                decode_exact(text).map(Self).ok_or(MalformedId)
            }
        }

        impl std::str::FromStr for $name {
            type Err = MalformedId;

            fn from_str(text: &str) -> Result<Self, MalformedId> {
                Self::parse(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.to_text())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

/// A name that may be logged, stored and compared freely.
macro_rules! public_id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        fixed_bytes!($name, $len);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.to_text())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.to_text())
            }
        }
    };
}

/// A secret: no `PartialEq` (compare in constant time), no `Display`, redacted `Debug`, wiped when dropped.
macro_rules! secret {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Zeroize, ZeroizeOnDrop)]
        pub struct $name([u8; $len]);

        fixed_bytes!($name, $len);

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(redacted)"))
            }
        }
    };
}

public_id! {
    /// Names one transfer. 16 random bytes made by the sender's client, so that a repeated request is recognised.
    TransferId, 16
}

public_id! {
    /// Names one object (the ciphertext of one file). 16 random bytes made by the sender's client.
    ObjectId, 16
}

public_id! {
    /// The SHA-256 of a part as stored.
    Sha256Digest, 32
}

secret! {
    /// The secret of a mailed link, or an opening right. Of a link's the server keeps only the SHA-256 once the mail is accepted.
    LinkToken, 32
}

secret! {
    /// The right to fetch a transfer's objects after unlocking; it lasts until the transfer ends, 12 h at most.
    Ticket, 32
}

secret! {
    /// What a program shows instead of signing in; written after a prefix (see [`crate::tokens`]).
    AccessToken, 32
}

secret! {
    /// Shows knowledge of the passcode without telling it; derived by the client (docs/FORMAT.md).
    Proof, 32
}

#[cfg(test)]
mod tests {
    use super::{LinkToken, TransferId};

    #[test]
    fn an_id_reads_back_what_it_wrote() {
        let id = TransferId::from_bytes([0xfb; 16]);
        assert_eq!(id.to_text().len(), 22);
        assert_eq!(TransferId::parse(&id.to_text()), Ok(id));
    }

    #[test]
    fn an_id_has_exactly_one_text_form() {
        let text = TransferId::from_bytes([0; 16]).to_text();
        for other in [
            format!("{text}="),
            format!("{text}A"),
            text[1..].to_owned(),
            // The last symbol carries four unused bits; anything but zero there would be a second spelling.
            format!("{}B", &text[..21]),
            text.replace('A', "+"),
            String::new(),
        ] {
            assert!(TransferId::parse(&other).is_err(), "{other:?} was accepted");
        }
    }

    #[test]
    fn a_secret_never_shows_itself_in_debug() {
        assert_eq!(format!("{:?}", LinkToken::from_bytes([7; 32])), "LinkToken(redacted)");
    }
}
