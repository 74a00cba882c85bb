//! Reading fixed fields and strict base64.

use crate::error::Damaged;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Reads fields one after another; every read past the end is [`Damaged`].
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn take<const N: usize>(&mut self) -> Result<[u8; N], Damaged> {
        let (field, rest) = self.0.split_first_chunk::<N>().ok_or(Damaged)?;
        self.0 = rest;
        Ok(*field)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Base64url without padding (RFC 4648 §5), as JSON and links carry bytes.
pub(crate) fn encode_url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes of strict base64url: no padding, no other alphabet, no stray trailing bits.
pub(crate) fn decode_url<const N: usize>(text: &str) -> Result<[u8; N], Damaged> {
    decode_exact(&URL_SAFE_NO_PAD, text.as_bytes())
}

/// Base64 without padding (RFC 4648 §4), as age headers carry bytes.
pub(crate) fn encode_age(bytes: &[u8]) -> String {
    STANDARD_NO_PAD.encode(bytes)
}

/// The bytes of canonical unpadded base64, any number.
pub(crate) fn decode_age(text: &[u8]) -> Result<Vec<u8>, Damaged> {
    STANDARD_NO_PAD.decode(text).map_err(|_| Damaged)
}

/// The bytes of canonical unpadded base64, exactly `N`.
pub(crate) fn decode_age_exact<const N: usize>(text: &[u8]) -> Result<[u8; N], Damaged> {
    decode_exact(&STANDARD_NO_PAD, text)
}

fn decode_exact<const N: usize>(engine: &impl base64::Engine, text: &[u8]) -> Result<[u8; N], Damaged> {
    engine.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(Damaged)
}

/// Serde for byte arrays as strict base64url strings: `#[serde(with = "crate::bytes::url")]`.
pub(crate) mod url {
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &impl AsRef<[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::encode_url(bytes.as_ref()))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(deserializer: D) -> Result<[u8; N], D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        super::decode_url(&text).map_err(|_| serde::de::Error::custom("not base64url of the expected length"))
    }
}
