//! docs/THREATS.md names a test for every attack; each of them must be there.

use crate::test_names::{self, named_in};

const DOCUMENT: &str = include_str!("../../docs/THREATS.md");

#[test]
fn every_attack_in_the_document_has_its_test() {
    let tests = test_names::all();
    let rows: Vec<&str> = DOCUMENT.lines().filter(|line| line.starts_with("| ") && line.contains('`')).collect();
    assert!(rows.len() >= 16, "the table of attacks was not found");
    for row in rows {
        let named = named_in(row);
        assert!(!named.is_empty(), "this attack has no test: {row}");
        for name in named {
            assert!(tests.contains(name), "{name} is named in docs/THREATS.md but is no test");
        }
    }
}
