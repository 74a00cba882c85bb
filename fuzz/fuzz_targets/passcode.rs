//! What parses as a passcode, however it was typed, is shown in one form that parses to the same.
#![no_main]

use envelope::Passcode;

libfuzzer_sys::fuzz_target!(|typed: &str| {
    if let Ok(passcode) = Passcode::parse(typed) {
        let shown = passcode.to_text();
        assert_eq!(Passcode::parse(&shown).expect("what is shown parses").symbols(), passcode.symbols());
    }
});
