//! What parses as an age header is written back byte for byte, and a head is such a header.
#![no_main]

use envelope::age::{HEAD_LEN, Head, Header};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok((header, rest)) = Header::parse(bytes) {
        assert_eq!(header.to_bytes(), &bytes[..bytes.len() - rest.len()]);
    }
    if let Some(Ok(head)) = bytes.first_chunk::<HEAD_LEN>().map(Head::parse) {
        assert_eq!(head.as_bytes(), &bytes[..HEAD_LEN]);
        assert_eq!(head.header().stanzas().len(), 1);
    }
});
