//! The server key: 32 random bytes that are never in the database, and all that is computed with them.
//!
//! Every use has its own label, so that a value made for one purpose says nothing about another. The key lives in a
//! file that only its owner can read, made at the first start, or comes from the configuration.

mod anchor_key;

pub use anchor_key::{AnchorKey, AnchorPublicKey};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{Key, KeyInit as _, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use protocol::{Proof, Sha256Digest, TransferId};
use sha2::{Digest as _, Sha256};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// Length of the server key and of every key and hash here, in bytes.
pub const KEY_LEN: usize = 32;

/// XChaCha20-Poly1305's nonce: long enough to be drawn at random for every message under one key.
const NONCE_LEN: usize = 24;

/// 32 bytes that wipe themselves.
pub type SecretBytes = Zeroizing<[u8; KEY_LEN]>;

/// The server key.
pub struct ServerKey(SecretBytes);

impl std::fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerKey(redacted)")
    }
}

/// What a value is sealed for. The label separates the keys (HKDF's role of *info*).
#[derive(Debug, Clone, Copy)]
pub enum Purpose {
    /// A link token or mailed code that waits in the outbox.
    Outbox,
    /// A transfer's own key, in the table that backups leave out.
    TransferKey,
    /// A factor: an authenticator app's secret, a passkey's public key.
    Factor,
    /// What is remembered between a question and its answer while a factor is set up or shown.
    Ceremony,
}

/// What a mailed code leads to. A code for one is worth nothing for another.
#[derive(Debug, Clone, Copy)]
pub enum CodePurpose {
    /// A sender's session.
    SignIn,
    /// Opening one transfer.
    Mailbox(TransferId),
    /// All that waits for an address.
    Mine,
}

impl Purpose {
    const fn label(self) -> &'static str {
        match self {
            Self::Outbox => "filmjacket/1/outbox",
            Self::TransferKey => "filmjacket/1/transfer-key",
            Self::Factor => "filmjacket/1/factor",
            Self::Ceremony => "filmjacket/1/ceremony",
        }
    }
}

/// Why the key is not there.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Others than the owner may read it.
    #[error("the key file {0} may be read by others than its owner; run: chmod 600 {0}")]
    Permissions(String),
    /// Not 32 bytes as base64url.
    #[error("the server key is damaged: 43 characters of base64url are expected")]
    Malformed,
    /// The file cannot be read or made.
    #[error("the key file {0}: {1}")]
    Io(String, io::Error),
}

/// A sealed value does not open: other key, other place, or changed.
#[derive(Debug, thiserror::Error)]
#[error("a value sealed under the server key does not open; was the key replaced?")]
pub struct DoesNotOpen;

impl ServerKey {
    /// Reads the key from its text form: base64url without padding.
    ///
    /// # Errors
    /// [`KeyError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.trim()).map_err(|_| KeyError::Malformed)?);
        let bytes: [u8; KEY_LEN] = bytes.as_slice().try_into().map_err(|_| KeyError::Malformed)?;
        Ok(Self(Zeroizing::new(bytes)))
    }

    /// Reads the key file, or makes it if there is none.
    ///
    /// # Errors
    /// [`KeyError`]; a file that others may read is refused, because the key may be known to them already.
    pub fn load_or_make(path: &Path) -> Result<Self, KeyError> {
        let name = || path.display().to_string();
        match std::fs::File::open(path) {
            Ok(file) => Self::read(file, path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = Self(make_secret().map_err(|error| KeyError::Io(name(), error))?);
                key.write_new(path).map_err(|error| KeyError::Io(name(), error))?;
                Ok(key)
            }
            Err(error) => Err(KeyError::Io(name(), error)),
        }
    }

    /// Reads the key file.
    ///
    /// # Errors
    /// [`KeyError`]; also if there is none.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let file = std::fs::File::open(path).map_err(|error| KeyError::Io(path.display().to_string(), error))?;
        Self::read(file, path)
    }

    /// Whether this very key still lies in the file, so that the next start will have it.
    pub fn is_kept_in(&self, path: &Path) -> bool {
        let kept = std::fs::File::open(path).ok().and_then(|file| Self::read(file, path).ok());
        kept.is_some_and(|kept| kept.0.ct_eq(self.0.as_slice()).into())
    }

    fn read(mut file: std::fs::File, path: &Path) -> Result<Self, KeyError> {
        let failed = |error| KeyError::Io(path.display().to_string(), error);
        if file.metadata().map_err(failed)?.permissions().mode() & 0o077 != 0 {
            return Err(KeyError::Permissions(path.display().to_string()));
        }
        let mut text = Zeroizing::new(String::new());
        file.read_to_string(&mut text).map_err(failed)?;
        Self::parse(&text)
    }

    /// Durable before it is used: whatever is sealed under a key that a power cut took away is lost.
    fn write_new(&self, path: &Path) -> io::Result<()> {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(*self.0) + "\n");
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        path.parent().map_or(Ok(()), |folder| std::fs::File::open(folder)?.sync_all())
    }

    /// What the server keeps to check a proof (docs/FORMAT.md):
    /// `HMAC-SHA256(server key, "filmjacket/1/verifier" ‖ 00 ‖ transfer_id ‖ slot ‖ proof)`.
    pub fn derive_verifier(&self, transfer_id: &TransferId, slot: u16, proof: &Proof) -> [u8; KEY_LEN] {
        *self.mac("filmjacket/1/verifier", &[transfer_id.as_bytes(), &slot.to_be_bytes(), proof.as_bytes()])
    }

    /// What the server keeps to check a mailed code. Eight digits fall to guessing in no time, so a hash alone
    /// would not do; bound to the purpose, the browser and the address, so that a code works nowhere else.
    pub fn derive_code_mac(
        &self,
        purpose: CodePurpose,
        browser_hash: &[u8; KEY_LEN],
        email: &str,
        code: &str,
    ) -> [u8; KEY_LEN] {
        let rest: &[&[u8]] = &[email.as_bytes(), &[0], code.as_bytes()];
        match purpose {
            CodePurpose::SignIn => *self.mac("filmjacket/1/sign-in-code", &[&[browser_hash.as_slice()], rest].concat()),
            CodePurpose::Mine => *self.mac("filmjacket/1/mine-code", &[&[browser_hash.as_slice()], rest].concat()),
            CodePurpose::Mailbox(id) => {
                *self.mac("filmjacket/1/mailbox-code", &[&[browser_hash.as_slice(), id.as_bytes()], rest].concat())
            }
        }
    }

    /// The right to open one transfer that a browser has, once it proved the recipient's address. Kept nowhere: it is what it is
    /// for this session and this transfer, and the session's end is its end.
    pub fn derive_opening_right(&self, session_hash: &[u8; KEY_LEN], transfer_id: &TransferId) -> SecretBytes {
        self.mac("filmjacket/1/opening-right", &[session_hash, transfer_id.as_bytes()])
    }

    /// What the server keeps to check a recovery code; bound to the account, so that it works for no other.
    pub fn derive_recovery_mac(&self, account_id: &str, code: &str) -> [u8; KEY_LEN] {
        *self.mac("filmjacket/1/recovery-code", &[account_id.as_bytes(), &[0], code.as_bytes()])
    }

    /// The key under which a link's token is kept for a repeated seal request. Only who knows the proof gets it back,
    /// so the database and the server key together do not tell the token.
    pub fn derive_repeat_key(&self, transfer_id: &TransferId, proof: &Proof) -> SecretBytes {
        self.mac("filmjacket/1/repeated-seal", &[transfer_id.as_bytes(), proof.as_bytes()])
    }

    /// Seals `plain` for `purpose`; `place` names where it is kept, so that it opens nowhere else.
    ///
    /// # Errors
    /// The operating system gives no random bytes.
    pub fn seal(&self, purpose: Purpose, place: &str, plain: &[u8]) -> io::Result<String> {
        seal_under(&self.mac(purpose.label(), &[]), place, plain)
    }

    /// Opens what [`Self::seal`] sealed for the same purpose and place.
    ///
    /// # Errors
    /// [`DoesNotOpen`].
    pub fn unseal(&self, purpose: Purpose, place: &str, sealed: &str) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
        unseal_under(&self.mac(purpose.label(), &[]), place, sealed)
    }

    /// `HMAC-SHA256(server key, label ‖ 00 ‖ parts…)`. Callers keep `parts` unambiguous: all but the last of a fixed
    /// length, or ended by a byte that they cannot contain.
    fn mac(&self, label: &str, parts: &[&[u8]]) -> SecretBytes {
        // RFC 2104 §2: a key shorter than SHA-256's block of 64 bytes is followed by zeros.
        let mut block = Zeroizing::new([0; 64]);
        block[..KEY_LEN].copy_from_slice(self.0.as_slice());
        let mut mac = Hmac::<Sha256>::new(&(*block).into());
        mac.update(label.as_bytes());
        mac.update(&[0]);
        for part in parts {
            mac.update(part);
        }
        Zeroizing::new(mac.finalize().into_bytes().into())
    }
}

/// `base64url(nonce 24 ‖ XChaCha20-Poly1305(key, nonce, aad = place, plain))`.
///
/// # Errors
/// The operating system gives no random bytes.
pub fn seal_under(key: &SecretBytes, place: &str, plain: &[u8]) -> io::Result<String> {
    let mut sealed = vec![0; NONCE_LEN];
    getrandom::fill(&mut sealed).map_err(|error| io::Error::other(error.to_string()))?;
    let cipher = XChaCha20Poly1305::new(&Key::from(**key));
    let nonce = XNonce::try_from(sealed.as_slice()).map_err(io::Error::other)?;
    let payload = Payload { msg: plain, aad: place.as_bytes() };
    sealed.extend(cipher.encrypt(&nonce, payload).map_err(|_| io::Error::other("too long to be sealed"))?);
    Ok(URL_SAFE_NO_PAD.encode(sealed))
}

/// Opens what [`seal_under`] sealed with the same key and place.
///
/// # Errors
/// [`DoesNotOpen`].
pub fn unseal_under(key: &SecretBytes, place: &str, sealed: &str) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
    let sealed = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| DoesNotOpen)?;
    let (nonce, cipher_text) = sealed.split_at_checked(NONCE_LEN).ok_or(DoesNotOpen)?;
    let nonce = XNonce::try_from(nonce).map_err(|_| DoesNotOpen)?;
    XChaCha20Poly1305::new(&Key::from(**key))
        .decrypt(&nonce, Payload { msg: cipher_text, aad: place.as_bytes() })
        .map(Zeroizing::new)
        .map_err(|_| DoesNotOpen)
}

/// 32 bytes from the operating system's generator.
///
/// # Errors
/// The operating system gives none.
pub fn make_secret() -> io::Result<SecretBytes> {
    let mut bytes = Zeroizing::new([0; KEY_LEN]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(bytes)
}

/// A random name of 16 bytes as base64url.
///
/// # Errors
/// The operating system gives no random bytes.
pub fn make_name() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Compares a stored hash with a computed one in constant time. Text that is no hash equals nothing.
pub fn is_same_hash(stored: &str, computed: &[u8; KEY_LEN]) -> bool {
    Sha256Digest::parse(stored).is_ok_and(|stored| stored.as_bytes().ct_eq(computed).into())
}

/// What is stored of a cookie, token or ticket. These are 256 random bits, so a plain SHA-256 hides them.
pub fn hash_secret(secret: &[u8; KEY_LEN]) -> [u8; KEY_LEN] {
    Sha256::digest(secret).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ServerKey {
        ServerKey(Zeroizing::new([7; KEY_LEN]))
    }

    #[test]
    fn the_key_file_is_made_once_and_only_for_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.key");
        let made = ServerKey::load_or_make(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(*ServerKey::load_or_make(&path).unwrap().0, *made.0);
    }

    #[test]
    fn a_key_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.key");
        ServerKey::load_or_make(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(ServerKey::load_or_make(&path), Err(KeyError::Permissions(_))));
    }

    #[test]
    fn a_damaged_key_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.key");
        ServerKey::load_or_make(&path).unwrap();
        std::fs::write(&path, "short").unwrap();
        assert!(matches!(ServerKey::load_or_make(&path), Err(KeyError::Malformed)));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "short");
    }

    #[test]
    fn a_sealed_value_opens_only_in_its_place_and_for_its_purpose() {
        let sealed = key().seal(Purpose::Outbox, "mail-1", b"token").unwrap();
        assert_eq!(key().unseal(Purpose::Outbox, "mail-1", &sealed).unwrap().as_slice(), b"token");
        assert!(key().unseal(Purpose::Outbox, "mail-2", &sealed).is_err());
        assert!(key().unseal(Purpose::TransferKey, "mail-1", &sealed).is_err());
        assert!(key().unseal(Purpose::Outbox, "mail-1", "").is_err());
    }

    #[test]
    fn the_verifier_is_the_documented_hmac() {
        // Computed with Python: hmac.new(b"\x07"*32, b"filmjacket/1/verifier\0" + b"\1"*16 + b"\0\0" + b"\2"*32, "sha256")
        let verifier = key().derive_verifier(&TransferId::from_bytes([1; 16]), 0, &Proof::from_bytes([2; 32]));
        assert_eq!(URL_SAFE_NO_PAD.encode(verifier), "9vH5pvqRZO_PXH-JHX8YvtiINKHNA1hdhvUCHtujyKY");
    }
}
