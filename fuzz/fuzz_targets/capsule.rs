//! What parses as H is written back byte for byte, and no capsule opens that was not sealed.
#![no_main]

use envelope::Passcode;
use envelope::capsule::{CAPSULE_LEN, H_LEN, Keys, Preamble};
use std::sync::LazyLock;

/// Argon2id runs once; every capsule is tried with these keys.
static KEYS: LazyLock<(Preamble, Keys)> = LazyLock::new(|| {
    let preamble = Preamble { slot: 0, transfer_id: *b"fuzzing transfer", salt: [0; 16], not_after: 0 };
    let passcode = Passcode::parse("0123-4567-89AB-CDEZ").expect("a well-formed passcode");
    (preamble, Keys::derive(&passcode, &preamble))
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (preamble, keys) = &*KEYS;
    if let Ok(parsed) = Preamble::parse(bytes, &preamble.transfer_id) {
        assert_eq!(parsed.to_bytes(), bytes);
    }
    let mut capsule = bytes.to_vec();
    // With the right H in front, and the right length, so that the fuzzer gets past the first comparison.
    capsule.resize(CAPSULE_LEN, 0);
    capsule[..H_LEN].copy_from_slice(&preamble.to_bytes());
    assert!(keys.open(bytes).is_err() && keys.open(&capsule).is_err());
});
