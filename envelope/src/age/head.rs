//! A file's head: header and payload nonce, 184 bytes. `head ‖ object` is the standard age file.

use super::payload::PayloadKey;
use super::{FileKey, HEAD_LEN, Header, Identity, NONCE_LEN, Recipient, x25519};
use crate::error::{Damaged, RandomUnavailable};
use crate::random;

/// A header with exactly one X25519 stanza, and the payload nonce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    bytes: [u8; HEAD_LEN],
    header: Header,
    nonce: [u8; NONCE_LEN],
}

impl Head {
    /// Makes a new file key, and the head that carries it to `recipient`.
    ///
    /// # Errors
    /// [`RandomUnavailable`] if the platform has no randomness.
    pub fn make(recipient: &Recipient) -> Result<(Self, PayloadKey), RandomUnavailable> {
        let file_key: FileKey = random::make_secret()?;
        let nonce = random::make_bytes()?;
        let header = Header::seal(vec![x25519::wrap(recipient, &file_key)?], &file_key);
        let mut bytes = [0; HEAD_LEN];
        bytes[..HEAD_LEN - NONCE_LEN].copy_from_slice(&header.to_bytes());
        bytes[HEAD_LEN - NONCE_LEN..].copy_from_slice(&nonce);
        Ok((Self { bytes, header, nonce }, PayloadKey::derive(&file_key, &nonce)))
    }

    /// Reads a head; its length leaves no room for a second stanza.
    ///
    /// # Errors
    /// [`Damaged`] for anything but one X25519 stanza and a nonce.
    pub fn parse(bytes: &[u8; HEAD_LEN]) -> Result<Self, Damaged> {
        let (header, nonce) = Header::parse(bytes)?;
        match header.stanzas() {
            [stanza] if stanza.args.first().is_some_and(|kind| kind == x25519::TYPE) => {}
            _ => return Err(Damaged),
        }
        let nonce = nonce.try_into().map_err(|_| Damaged)?;
        Ok(Self { bytes: *bytes, header, nonce })
    }

    /// The 184 bytes.
    pub const fn as_bytes(&self) -> &[u8; HEAD_LEN] {
        &self.bytes
    }

    /// The header within.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The key to the file's chunks.
    ///
    /// # Errors
    /// [`Damaged`] if the head is not for `identity` or was changed. The nonce is not covered: a changed nonce
    /// yields a key that opens no chunk.
    pub fn open(&self, identity: &Identity) -> Result<PayloadKey, Damaged> {
        Ok(PayloadKey::derive(&self.header.open(identity)?, &self.nonce))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_opens_to_the_key_it_was_made_with_and_reads_back() {
        let identity = Identity::make().unwrap();
        let (head, _) = Head::make(&identity.derive_recipient()).unwrap();
        let read = Head::parse(head.as_bytes()).unwrap();
        assert_eq!(read, head);
        assert!(read.open(&identity).is_ok());
        assert!(read.open(&Identity::make().unwrap()).is_err());
    }

    #[test]
    fn two_heads_share_nothing() {
        let recipient = Identity::make().unwrap().derive_recipient();
        let (one, _) = Head::make(&recipient).unwrap();
        let (two, _) = Head::make(&recipient).unwrap();
        assert_ne!(one.nonce, two.nonce);
        assert_ne!(one.header.stanzas()[0], two.header.stanzas()[0]);
    }
}
