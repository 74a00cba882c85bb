//! The textual header (C2SP age, "Header"): any stanzas in, exactly the same bytes out.

use super::payload::derive_key;
use super::{FileKey, Identity, MAX_HEADER_LEN, x25519};
use crate::bytes;
use crate::error::Damaged;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

const VERSION_LINE: &[u8] = b"age-encryption.org/v1\n";

/// Columns of a full line of a stanza's body; a shorter line ends the body.
const COLUMNS: usize = 64;

/// One way to the file key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stanza {
    /// Type and arguments, one or more, visible ASCII.
    pub args: Vec<String>,
    /// What the type makes of it, usually the wrapped file key.
    pub body: Vec<u8>,
}

/// A parsed header. Nothing in it is authentic before [`Header::open`] succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    stanzas: Vec<Stanza>,
    mac: [u8; 32],
}

impl Header {
    /// Makes the header that carries `file_key` in `stanzas`.
    pub(super) fn seal(stanzas: Vec<Stanza>, file_key: &FileKey) -> Self {
        let mut header = Self { stanzas, mac: [0; 32] };
        header.mac = header.keyed_mac(file_key).finalize().into_bytes().into();
        header
    }

    /// Reads a header and yields what follows it.
    ///
    /// # Errors
    /// [`Damaged`] for anything but the one canonical form, or if it does not end within [`MAX_HEADER_LEN`] bytes.
    pub fn parse(file: &[u8]) -> Result<(Self, &[u8]), Damaged> {
        let mut lines = Lines(&file[..file.len().min(MAX_HEADER_LEN)]);
        if lines.next()? != &VERSION_LINE[..VERSION_LINE.len() - 1] {
            return Err(Damaged);
        }
        let mut stanzas = Vec::new();
        loop {
            let line = lines.next()?;
            if let Some(args) = line.strip_prefix(b"-> ") {
                stanzas.push(Stanza { args: parse_args(args)?, body: parse_body(&mut lines)? });
            } else if let Some(mac) = line.strip_prefix(b"--- ") {
                if stanzas.is_empty() {
                    return Err(Damaged);
                }
                let header_len = file.len().min(MAX_HEADER_LEN) - lines.0.len();
                return Ok((Self { stanzas, mac: bytes::decode_age_exact(mac)? }, &file[header_len..]));
            } else {
                return Err(Damaged);
            }
        }
    }

    /// The stanzas in their order.
    pub fn stanzas(&self) -> &[Stanza] {
        &self.stanzas
    }

    /// Exactly the bytes that [`Header::parse`] reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.authenticated_bytes();
        out.push(b' ');
        out.extend_from_slice(bytes::encode_age(&self.mac).as_bytes());
        out.push(b'\n');
        out
    }

    /// The file key, from the first X25519 stanza that `identity` opens, once the header's MAC is verified with it.
    ///
    /// # Errors
    /// [`Damaged`] if no stanza is for this identity, an X25519 stanza is malformed, or the header was changed.
    pub fn open(&self, identity: &Identity) -> Result<FileKey, Damaged> {
        let file_key = x25519::unwrap(identity, &self.stanzas)?;
        self.keyed_mac(&file_key).verify(&self.mac.into()).map_err(|_| Damaged)?;
        Ok(file_key)
    }

    /// `HMAC-SHA256(HKDF(file key, salt empty, "header"), header up to and including "---")`.
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    fn keyed_mac(&self, file_key: &FileKey) -> Hmac<Sha256> {
        let key = derive_key(file_key.as_bytes(), &[], b"header");
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes any key");
        mac.update(&self.authenticated_bytes());
        mac
    }

    fn authenticated_bytes(&self) -> Vec<u8> {
        let mut out = VERSION_LINE.to_vec();
        for stanza in &self.stanzas {
            out.extend_from_slice(b"-> ");
            out.extend_from_slice(stanza.args.join(" ").as_bytes());
            out.push(b'\n');
            let body = bytes::encode_age(&stanza.body);
            let mut lines = body.as_bytes().chunks_exact(COLUMNS);
            for line in &mut lines {
                out.extend_from_slice(line);
                out.push(b'\n');
            }
            out.extend_from_slice(lines.remainder());
            out.push(b'\n');
        }
        out.extend_from_slice(b"---");
        out
    }
}

/// Lines that end in LF; whatever lacks one is [`Damaged`].
struct Lines<'a>(&'a [u8]);

impl<'a> Lines<'a> {
    fn next(&mut self) -> Result<&'a [u8], Damaged> {
        let end = self.0.iter().position(|byte| *byte == b'\n').ok_or(Damaged)?;
        let (line, rest) = self.0.split_at(end);
        self.0 = &rest[1..];
        Ok(line)
    }
}

/// One or more arguments of visible ASCII, one space between.
fn parse_args(line: &[u8]) -> Result<Vec<String>, Damaged> {
    let parse_arg = |arg: &[u8]| {
        let visible = !arg.is_empty() && arg.iter().all(u8::is_ascii_graphic);
        visible.then(|| arg.iter().copied().map(char::from).collect()).ok_or(Damaged)
    };
    line.split(|byte| *byte == b' ').map(parse_arg).collect()
}

/// Full lines of 64 columns and a shorter one, possibly empty.
fn parse_body(lines: &mut Lines<'_>) -> Result<Vec<u8>, Damaged> {
    let mut text = Vec::new();
    loop {
        let line = lines.next()?;
        if line.len() > COLUMNS {
            return Err(Damaged);
        }
        text.extend_from_slice(line);
        if line.len() < COLUMNS {
            return bytes::decode_age(&text);
        }
    }
}
