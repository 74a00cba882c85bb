//! Identities, recipients and the X25519 stanza (C2SP age, "The X25519 recipient type").

use super::header::Stanza;
use super::payload::derive_key;
use crate::aead::{self, ChaCha20Poly1305};
use crate::error::{Damaged, RandomUnavailable};
use crate::secret::Secret;
use crate::{bytes, random};
use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32, Hrp};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

/// The key of one file: 16 random bytes.
pub type FileKey = Secret<16>;

pub(super) const TYPE: &str = "X25519";
const INFO: &[u8] = b"age-encryption.org/v1/X25519";
const IDENTITY_PREFIX: Hrp = Hrp::parse_unchecked("age-secret-key-");

/// Bytes of a wrapped file key: key and tag. Checked before decrypting (partitioning oracles).
const BODY_LEN: usize = 32;

/// Each wrapping key is used once.
const WRAP_NONCE: [u8; aead::NONCE_LEN] = [0; aead::NONCE_LEN];

/// An age identity: an X25519 secret.
#[derive(Debug, Clone)]
pub struct Identity(Secret<32>);

/// An age recipient: the public key of an identity.
///
/// age files are not signed: whoever knows the recipient can forge. Within a transfer it therefore stays secret.
#[derive(Clone)]
pub struct Recipient([u8; 32]);

impl std::fmt::Debug for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recipient(redacted)")
    }
}

impl Identity {
    /// Draws an identity.
    ///
    /// # Errors
    /// [`RandomUnavailable`] if the platform has no randomness.
    pub fn make() -> Result<Self, RandomUnavailable> {
        random::make_secret().map(Self)
    }

    /// Takes the 32 secret bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Secret::from_bytes(bytes))
    }

    /// The 32 secret bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The public key.
    pub fn derive_recipient(&self) -> Recipient {
        Recipient(PublicKey::from(&self.to_dalek()).to_bytes())
    }

    /// `AGE-SECRET-KEY-1…`, as the `age` tool reads it from an identity file.
    pub fn to_text(&self) -> Zeroizing<String> {
        // Bech32 holds 32 bytes within its limit, so this is never empty.
        Zeroizing::new(bech32::encode_upper::<Bech32>(IDENTITY_PREFIX, self.as_bytes()).unwrap_or_default())
    }

    /// Reads `AGE-SECRET-KEY-1…`.
    ///
    /// # Errors
    /// [`Damaged`] for anything else.
    pub fn parse(text: &str) -> Result<Self, Damaged> {
        let parsed = CheckedHrpstring::new::<Bech32>(text).map_err(|_| Damaged)?;
        let raw = Zeroizing::new(parsed.byte_iter().collect::<Vec<u8>>());
        if parsed.hrp() != IDENTITY_PREFIX {
            return Err(Damaged);
        }
        raw.as_slice().try_into().map(Self::from_bytes).map_err(|_| Damaged)
    }

    fn to_dalek(&self) -> StaticSecret {
        StaticSecret::from(*self.0.as_bytes())
    }
}

/// Wraps `file_key` for `recipient` in a new stanza.
pub(super) fn wrap(recipient: &Recipient, file_key: &FileKey) -> Result<Stanza, RandomUnavailable> {
    // A new ephemeral secret for each stanza and file: the wrapping nonce is fixed.
    let ephemeral = Identity::make()?;
    let share = ephemeral.derive_recipient().0;
    let shared = ephemeral.to_dalek().diffie_hellman(&PublicKey::from(recipient.0));
    let mut body = [0; BODY_LEN];
    body[..16].copy_from_slice(file_key.as_bytes());
    let (key, tag) = body.split_at_mut(16);
    let cipher = wrap_cipher(shared.as_bytes(), &share, recipient);
    tag.copy_from_slice(&cipher.seal(&WRAP_NONCE, &[], key));
    Ok(Stanza { args: vec![TYPE.to_owned(), bytes::encode_age(&share)], body: body.to_vec() })
}

/// The file key from the first X25519 stanza that `identity` opens.
pub(super) fn unwrap(identity: &Identity, stanzas: &[Stanza]) -> Result<FileKey, Damaged> {
    for stanza in stanzas.iter().filter(|stanza| stanza.args.first().is_some_and(|kind| kind == TYPE)) {
        if let Some(file_key) = unwrap_one(identity, stanza)? {
            return Ok(file_key);
        }
    }
    Err(Damaged)
}

/// `None` if the stanza is well-formed but for someone else.
fn unwrap_one(identity: &Identity, stanza: &Stanza) -> Result<Option<FileKey>, Damaged> {
    let [_, share] = stanza.args.as_slice() else { return Err(Damaged) };
    let share = bytes::decode_age_exact::<32>(share.as_bytes())?;
    let body: &[u8; BODY_LEN] = stanza.body.as_slice().try_into().map_err(|_| Damaged)?;
    let shared = identity.to_dalek().diffie_hellman(&PublicKey::from(share));
    // A low-order share gives the all-zero secret, which anyone knows.
    if !shared.was_contributory() {
        return Err(Damaged);
    }
    let mut file_key = FileKey::zero();
    file_key.as_mut_bytes().copy_from_slice(&body[..16]);
    let tag = body.last_chunk::<16>().ok_or(Damaged)?;
    let cipher = wrap_cipher(shared.as_bytes(), &share, &identity.derive_recipient());
    let opened = cipher.open(&WRAP_NONCE, &[], file_key.as_mut_bytes(), tag);
    Ok(opened.is_ok().then_some(file_key))
}

/// `HKDF(ikm = shared secret, salt = share ‖ recipient, info)` keys ChaCha20-Poly1305 with the all-zero nonce.
fn wrap_cipher(shared: &[u8; 32], share: &[u8; 32], recipient: &Recipient) -> ChaCha20Poly1305 {
    let mut salt = [0; 64];
    salt[..32].copy_from_slice(share);
    salt[32..].copy_from_slice(&recipient.0);
    ChaCha20Poly1305::new(&derive_key(shared, &salt, INFO))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the C2SP age specification.
    const TEXT: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";

    #[test]
    fn the_specification_s_identity_reads_back() {
        let identity = Identity::parse(TEXT).unwrap();
        assert_eq!(identity.as_bytes(), &[0x42; 32]);
        assert_eq!(identity.to_text().as_str(), TEXT);
    }

    #[test]
    fn an_identity_with_a_wrong_prefix_or_checksum_is_refused() {
        let other = bech32::encode_upper::<Bech32>(Hrp::parse("age").unwrap(), &[0x42; 32]).unwrap();
        let short = bech32::encode_upper::<Bech32>(IDENTITY_PREFIX, &[0x42; 31]).unwrap();
        let modern = bech32::encode_upper::<bech32::Bech32m>(IDENTITY_PREFIX, &[0x42; 32]).unwrap();
        for text in ["", &TEXT[1..], &TEXT.replace("GAEX", "GAEY"), &other, &short, &modern] {
            assert!(Identity::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_low_order_share_is_refused() {
        let identity = Identity::from_bytes([0x42; 32]);
        for share in [[0; 32], {
            let mut one = [0; 32];
            one[0] = 1;
            one
        }] {
            let stanza = Stanza { args: vec![TYPE.to_owned(), bytes::encode_age(&share)], body: vec![0; BODY_LEN] };
            assert!(unwrap_one(&identity, &stanza).is_err());
        }
    }
}
