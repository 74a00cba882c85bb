//! What parses as a link's fragment is written back the same.
#![no_main]

libfuzzer_sys::fuzz_target!(|fragment: &str| {
    if let Ok(link) = envelope::Link::parse_fragment(fragment) {
        assert_eq!(link.to_fragment().as_str(), fragment.trim_start_matches('#'));
    }
});
