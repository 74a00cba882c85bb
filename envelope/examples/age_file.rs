//! Seals a file to an identity's own recipient, or opens it, from a file to standard output, as `age -i` does.
//!
//! ```sh
//! age_file seal identity.txt plain.bin > sealed.age
//! age_file open identity.txt sealed.age > plain.bin
//! ```
//!
//! One part after the other in one buffer, on one core: what `cargo xtask bench b` measures beside age and rage.

use envelope::age::{Head, Header, Identity, MAX_HEADER_LEN, NONCE_LEN, PART_LEN, Payload, PayloadKey};
use std::error::Error;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [verb, identity, path] = args.as_slice() else {
        return Err("age_file seal|open <identity file> <file>".into());
    };
    let identity = fs::read_to_string(identity)?;
    let secret = identity.lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).ok_or("no identity in the file")?;
    let identity = Identity::parse(secret)?;
    let (file, out) = (File::open(path)?, std::io::stdout().lock());
    match verb.as_str() {
        "seal" => seal(&identity, file, out),
        "open" => open(&identity, file, out),
        _ => Err("seal or open?".into()),
    }
}

fn seal(identity: &Identity, mut file: File, mut out: impl Write) -> Result<(), Box<dyn Error>> {
    let (head, key) = Head::make(&identity.derive_recipient())?;
    let payload = Payload::new(&key, file.metadata()?.len())?;
    out.write_all(head.as_bytes())?;
    let mut part = Vec::with_capacity(PART_LEN);
    for n in 0..payload.part_count() {
        part.resize(payload.part_plain_len(n).ok_or("no such part")?, 0);
        file.read_exact(&mut part)?;
        payload.seal_part(n, &mut part)?;
        out.write_all(&part)?;
    }
    Ok(())
}

fn open(identity: &Identity, mut file: File, mut out: impl Write) -> Result<(), Box<dyn Error>> {
    let len = file.metadata()?.len();
    let mut start = Vec::new();
    Read::by_ref(&mut file).take((MAX_HEADER_LEN + NONCE_LEN) as u64).read_to_end(&mut start)?;
    let (header, rest) = Header::parse(&start)?;
    let nonce = rest.first_chunk().ok_or("the file ends in its header")?;
    let at = (start.len() - rest.len() + NONCE_LEN) as u64;
    let object_len = len - at;
    let plain_len = envelope::age::plain_len(object_len).ok_or("no payload has this length")?;
    let payload = Payload::new(&PayloadKey::derive(&header.open(identity)?, nonce), plain_len)?;
    file.seek(SeekFrom::Start(at))?;
    let mut part = Vec::with_capacity(PART_LEN);
    for n in 0..payload.part_count() {
        part.clear();
        Read::by_ref(&mut file).take(PART_LEN as u64).read_to_end(&mut part)?;
        payload.open_part(n, &mut part)?;
        out.write_all(&part)?;
    }
    Ok(())
}
