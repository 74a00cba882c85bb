//! DKIM (RFC 6376): a signature over a mail's headers and body, which receivers check against a key in our DNS.
//!
//! With *ring* rather than a ready-made library: those at hand bring the crate `rsa`, whose private-key operations tell about
//! the key by their timing (RUSTSEC-2023-0071), or a second implementation of everything. What is ours is the
//! canonical form of bytes that we wrote ourselves.

use super::message::OutgoingMail;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What is signed: all that a reader sees and a program acts on. `from` twice: a second one, put before ours on the way,
/// would break the signature (RFC 6376 §5.4.2).
const SIGNED: [&str; 9] =
    ["from", "from", "to", "subject", "date", "message-id", "auto-submitted", "mime-version", "content-type"];

/// Signs mail for a domain.
#[derive(Clone)]
pub struct Dkim {
    domain: String,
    selector: String,
    key: Arc<Key>,
}

enum Key {
    Rsa(RsaKeyPair),
    /// RFC 8463; few receivers check it yet.
    Ed25519(Ed25519KeyPair),
}

impl std::fmt::Debug for Dkim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Dkim({}._domainkey.{})", self.selector, self.domain)
    }
}

/// Mail cannot be signed with this: a sentence for the administrator.
#[derive(Debug, thiserror::Error)]
pub enum DkimError {
    /// The file cannot be read.
    #[error("the DKIM key {0} cannot be read: {1}")]
    File(String, std::io::Error),
    /// Everyone on the machine could take the key.
    #[error("the DKIM key {0} may be read by everyone on this machine; run: chmod o-rwx {0}")]
    Permissions(String),
    /// No key that we can sign with.
    #[error("the DKIM key {0} is neither an RSA key of 2048 to 4096 bits nor an Ed25519 key in PEM form")]
    Key(String),
    /// Not a name that can stand in DNS.
    #[error("{0:?} is not a DNS name, as mail.dkim.domain and mail.dkim.selector must be")]
    Name(String),
}

impl Dkim {
    /// Reads the private key, as `openssl genrsa` or `openssl genpkey` writes it. Its public half is expected in DNS at
    /// `<selector>._domainkey.<domain>`.
    ///
    /// # Errors
    /// [`DkimError`].
    pub fn load(domain: &str, selector: &str, key: &Path) -> Result<Self, DkimError> {
        for name in [domain, selector] {
            let is_label = |label: &str| {
                !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            };
            if !name.split('.').all(is_label) {
                return Err(DkimError::Name(name.to_owned()));
            }
        }
        let failed = |error| DkimError::File(key.display().to_string(), error);
        if std::fs::metadata(key).map_err(failed)?.permissions().mode() & 0o007 != 0 {
            return Err(DkimError::Permissions(key.display().to_string()));
        }
        let pem = Zeroizing::new(std::fs::read(key).map_err(failed)?);
        let key = parse_key(&pem).ok_or_else(|| DkimError::Key(key.display().to_string()))?;
        Ok(Self { domain: domain.to_owned(), selector: selector.to_owned(), key: Arc::new(key) })
    }

    /// The message with its signature before it: the same one at every try. `None` if the system has no random bytes.
    pub(super) fn sign(&self, mail: &OutgoingMail, message: &[u8]) -> Option<Vec<u8>> {
        let split = message.windows(4).position(|end| end == b"\r\n\r\n")?;
        let headers = std::str::from_utf8(&message[..split]).ok()?;
        let body_hash = STANDARD.encode(Sha256::digest(canonical_body(&message[split + 4..])));
        let unsigned = format!(
            "DKIM-Signature: v=1; a={}; c=relaxed/relaxed; d={};\r\n s={}; t={};\r\n h={};\r\n bh={body_hash};\r\n b=",
            self.key.algorithm(),
            self.domain,
            self.selector,
            mail.date.as_unix(),
            SIGNED.join(":"),
        );
        let mut signed = canonical_headers(headers);
        // The signature's own header comes last, without a line end (RFC 6376 §3.7).
        signed.push_str(&canonical_header(&unsigned));
        let signature = STANDARD.encode(self.key.sign(signed.as_bytes())?);
        // Lines of 76, which nobody on the way needs to fold.
        let lines: Vec<&str> =
            signature.as_bytes().chunks(72).filter_map(|line| std::str::from_utf8(line).ok()).collect();
        let header = format!("{unsigned}{}\r\n", lines.join("\r\n  "));
        Some([header.as_bytes(), message].concat())
    }
}

fn parse_key(pem: &[u8]) -> Option<Key> {
    match PrivateKeyDer::from_pem_slice(pem).ok()? {
        PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()).ok().map(Key::Rsa),
        PrivateKeyDer::Pkcs8(key) => {
            let key = key.secret_pkcs8_der();
            let edwards = || Ed25519KeyPair::from_pkcs8_maybe_unchecked(key).ok().map(Key::Ed25519);
            RsaKeyPair::from_pkcs8(key).ok().map(Key::Rsa).or_else(edwards)
        }
        _ => None,
    }
}

impl Key {
    const fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "rsa-sha256",
            Self::Ed25519(_) => "ed25519-sha256",
        }
    }

    fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).ok()?;
                Some(signature)
            }
            // Over the digest (RFC 8463 §3).
            Self::Ed25519(key) => Some(key.sign(&Sha256::digest(text)).as_ref().to_vec()),
        }
    }
}

/// The signed headers in the order of [`SIGNED`], each ended by CRLF; one that is not there counts as nothing.
fn canonical_headers(headers: &str) -> String {
    let mut fields: Vec<String> = Vec::new();
    for line in headers.split("\r\n") {
        match fields.last_mut() {
            Some(field) if line.starts_with([' ', '\t']) => field.push_str(line),
            _ => fields.push(line.to_owned()),
        }
    }
    let mut signed = String::new();
    for name in SIGNED {
        let is_it =
            |field: &String| field.split(':').next().is_some_and(|found| found.trim().eq_ignore_ascii_case(name));
        if let Some(place) = fields.iter().rposition(is_it) {
            signed.push_str(&canonical_header(&fields.remove(place)));
            signed.push_str("\r\n");
        }
    }
    signed
}

/// RFC 6376 §3.4.2: name in lower case, unfolded, runs of white space as one, none around the colon or at the end.
fn canonical_header(field: &str) -> String {
    let (name, value) = field.split_once(':').unwrap_or((field, ""));
    format!("{}:{}", name.trim().to_ascii_lowercase(), value.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
}

/// RFC 6376 §3.4.4: runs of white space as one, none at a line's end, no empty lines at the end.
fn canonical_body(body: &[u8]) -> Vec<u8> {
    let mut canonical = Vec::with_capacity(body.len());
    let mut held_lines = 0;
    for line in body.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line).trim_ascii_end();
        if line.is_empty() {
            held_lines += 1;
            continue;
        }
        canonical.extend(b"\r\n".repeat(held_lines));
        held_lines = 0;
        let mut space = false;
        for byte in line {
            let blank = matches!(byte, b' ' | b'\t');
            match (blank, space) {
                (true, true) => {}
                (true, false) => canonical.push(b' '),
                (false, _) => canonical.push(*byte),
            }
            space = blank;
        }
        canonical.extend(b"\r\n");
    }
    canonical
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_body_take_the_form_of_the_rfcs_example() {
        // RFC 6376 §3.4.5.
        assert_eq!(canonical_header("A: X"), "a:X");
        assert_eq!(canonical_header("B : Y\t\r\n\tZ  "), "b:Y Z");
        assert_eq!(canonical_body(b" C \r\nD \t E\r\n\r\n\r\n"), b" C\r\nD E\r\n");
        assert_eq!(canonical_body(b"\r\n\r\n"), b"");
        assert_eq!(canonical_body(b"a\r\n\r\nb"), b"a\r\n\r\nb\r\n");
    }

    #[test]
    fn names_that_would_break_out_of_the_header_are_refused() {
        for bad in ["", "a b", "clinic.example;", "a\r\nb", "clinic..example"] {
            let refused = Dkim::load(bad, "s", Path::new("/nowhere")).unwrap_err();
            assert!(matches!(refused, DkimError::Name(_)), "{bad:?}: {refused}");
        }
    }
}
