//! The fragment of a mailed link: `base64url(token 32 ‖ transfer_id 16)`, 64 characters.
//!
//! A fragment reaches neither access logs nor scanners that prefetch.

use crate::error::Explained;
use crate::secret::Secret;
use crate::{TransferId, bytes};
use std::fmt;
use zeroize::Zeroizing;

/// What a link carries.
#[derive(Debug, Clone)]
pub struct Link {
    /// The server's secret, by which it recognises the link.
    pub token: Secret<32>,
    /// The transfer that it leads to; the capsule must name the same.
    pub transfer_id: TransferId,
}

impl Link {
    /// Reads a fragment, with or without its `#`.
    ///
    /// # Errors
    /// [`DamagedLink`] for anything but exactly 48 bytes of strict base64url.
    pub fn parse_fragment(fragment: &str) -> Result<Self, DamagedLink> {
        let text = fragment.strip_prefix('#').unwrap_or(fragment);
        let raw = Zeroizing::new(bytes::decode_url::<48>(text).map_err(|_| DamagedLink)?);
        let mut token = Secret::zero();
        let mut transfer_id = [0; 16];
        token.as_mut_bytes().copy_from_slice(&raw[..32]);
        transfer_id.copy_from_slice(&raw[32..]);
        Ok(Self { token, transfer_id })
    }

    /// The fragment, without `#`.
    pub fn to_fragment(&self) -> Zeroizing<String> {
        let mut raw = Zeroizing::new([0; 48]);
        raw[..32].copy_from_slice(self.token.as_bytes());
        raw[32..].copy_from_slice(&self.transfer_id);
        Zeroizing::new(bytes::encode_url(&*raw))
    }
}

/// The link was cut or changed on its way, as mail programs do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DamagedLink;

impl fmt::Display for DamagedLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("This link is not complete. Please open it from the e-mail again, or copy all of it.")
    }
}

impl std::error::Error for DamagedLink {}

impl Explained for DamagedLink {
    fn slug(&self) -> &'static str {
        "damaged-link"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_reads_back_what_it_wrote() {
        let link = Link { token: Secret::from_bytes([0xfe; 32]), transfer_id: [0x17; 16] };
        let fragment = link.to_fragment();
        assert_eq!(fragment.len(), 64);
        for text in [fragment.to_string(), format!("#{}", *fragment)] {
            let read = Link::parse_fragment(&text).unwrap();
            assert!(read.token.equals(&[0xfe; 32]));
            assert_eq!(read.transfer_id, [0x17; 16]);
        }
    }

    #[test]
    fn a_cut_or_changed_link_is_refused() {
        let whole = "A".repeat(64);
        for text in ["", "#", &whole[1..], &format!("{whole}A"), &format!("{whole}="), &whole.replacen('A', "+", 1)] {
            assert_eq!(Link::parse_fragment(text).unwrap_err(), DamagedLink, "{text:?}");
        }
    }

    #[test]
    fn a_token_never_shows_itself_in_debug() {
        let link = Link::parse_fragment(&"A".repeat(64)).unwrap();
        assert!(format!("{link:?}").starts_with("Link { token: Secret(redacted)"));
    }
}
