//! The key that signs anchors of the audit: Ed25519 (RFC 8032), derived from the server key, so that all nodes have it and
//! none has one more file to lose.

use super::{KEY_LEN, ServerKey};
use crate::audit::{Anchor, AnchorError, SignedAnchor};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

/// What stands before an Ed25519 key in its DER form (RFC 8410 §4): an algorithm without parameters, then the bits.
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Signs anchors.
pub struct AnchorKey(Ed25519KeyPair);

impl std::fmt::Debug for AnchorKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AnchorKey({:?})", self.public())
    }
}

/// Checks anchors. It names the installation, and anyone may know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnchorPublicKey([u8; KEY_LEN]);

impl ServerKey {
    /// The key that signs anchors: its seed is `HMAC-SHA256(server key, "filmjacket/1/audit-anchor" ‖ 00)`.
    ///
    /// # Errors
    /// None in fact: every 32 bytes are a seed.
    pub fn derive_anchor_key(&self) -> std::io::Result<AnchorKey> {
        let seed = self.mac("filmjacket/1/audit-anchor", &[]);
        Ed25519KeyPair::from_seed_unchecked(seed.as_slice())
            .map(AnchorKey)
            .map_err(|_| std::io::Error::other("no key can be made of this seed"))
    }
}

impl AnchorKey {
    /// Its public half.
    pub fn public(&self) -> AnchorPublicKey {
        let mut public = [0; KEY_LEN];
        public.copy_from_slice(self.0.public_key().as_ref());
        AnchorPublicKey(public)
    }

    /// The line to be written and mailed.
    pub fn sign(&self, anchor: &Anchor) -> String {
        let sign = |text: &[u8]| {
            let mut signature = [0; 64];
            signature.copy_from_slice(self.0.sign(text).as_ref());
            signature
        };
        SignedAnchor::make(anchor, &self.public().0, sign).to_line()
    }
}

impl AnchorPublicKey {
    /// Reads what [`Self::to_text`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text.trim()).ok()?.try_into().ok().map(Self)
    }

    /// 43 characters of base64url.
    pub fn to_text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// As openssl and others read it (RFC 8410).
    pub fn to_pem(self) -> String {
        let der = [SPKI_PREFIX.as_slice(), &self.0].concat();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
    }

    /// Reads a line and checks its signature.
    ///
    /// # Errors
    /// [`AnchorError`].
    pub fn check(&self, line: &str) -> Result<Anchor, AnchorError> {
        let key = UnparsedPublicKey::new(&ED25519, self.0);
        SignedAnchor::parse(line, &self.0, |text, signature| key.verify(text, signature).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Sha256Digest, Timestamp};
    use zeroize::Zeroizing;

    fn key(byte: u8) -> AnchorKey {
        ServerKey(Zeroizing::new([byte; KEY_LEN])).derive_anchor_key().unwrap()
    }

    fn anchor() -> Anchor {
        Anchor { seq: 7, hash: Sha256Digest::from_bytes([1; 32]), cut_seq: 2, at: Timestamp::from_unix(1_800_000_000) }
    }

    #[test]
    fn an_anchor_reads_back_and_is_checked_with_the_public_key_alone() {
        let line = key(7).sign(&anchor());
        let public = AnchorPublicKey::parse(&key(7).public().to_text()).unwrap();
        assert_eq!(public.check(&line), Ok(anchor()));
        assert!(public.to_pem().contains("\nMCowBQYDK2VwAyEA"));
    }

    #[test]
    fn a_forged_or_foreign_anchor_is_refused() {
        let (line, public) = (key(7).sign(&anchor()), key(7).public());
        for (from, to) in
            [("\"seq\":7", "\"seq\":8"), ("\"cut_seq\":2", "\"cut_seq\":3"), ("AQEB", "AQEC"), ("2027", "2028")]
        {
            let forged = line.replacen(from, to, 1);
            assert_ne!(forged, line);
            assert_eq!(public.check(&forged), Err(AnchorError::Forged), "{forged}");
        }
        assert!(matches!(public.check(&key(8).sign(&anchor())), Err(AnchorError::OtherKey(_))));
        // Another's signature under our name.
        let stolen = key(8).sign(&anchor()).replace(&key(8).public().to_text(), &public.to_text());
        assert_eq!(public.check(&stolen), Err(AnchorError::Forged));
        assert_eq!(public.check("{}"), Err(AnchorError::Malformed));
    }
}
