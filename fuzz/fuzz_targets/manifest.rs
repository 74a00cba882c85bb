//! What parses as a manifest is written and read back the same, and every name in it becomes safe.
#![no_main]

use envelope::manifest::{Manifest, PADDING_LEN};
use envelope::names::{MAX_NAME_LEN, safe_file_name};

libfuzzer_sys::fuzz_target!(|json: &[u8]| {
    let mut padded = json.to_vec();
    padded.resize(json.len().next_multiple_of(PADDING_LEN), b' ');
    if let Ok(manifest) = Manifest::parse(&padded) {
        let written = manifest.to_json().expect("what was read fits");
        assert_eq!(Manifest::parse(&written).as_ref(), Ok(&manifest));
    }
    let name = safe_file_name(&String::from_utf8_lossy(json));
    assert!(name.len() <= MAX_NAME_LEN && !name.contains(['/', '\\', '\0']) && !name.starts_with('.'));
    assert_eq!(safe_file_name(&name), name);
});
