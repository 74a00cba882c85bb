//! docs/THREATS.md names a test for every attack; each of them must be there.

use std::collections::BTreeSet;
use std::path::Path;

const DOCUMENT: &str = include_str!("../../docs/THREATS.md");

/// The names of all test functions below a folder.
fn functions_below(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = std::fs::read_to_string(&path).unwrap();
            let names = source.split("fn ").skip(1).filter_map(|rest| rest.split_once("()").map(|(name, _)| name));
            found.extend(names.map(str::to_owned));
        }
    }
}

/// The names of all tests that documents may name.
pub(crate) fn tests() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = BTreeSet::new();
    for folder in ["tests", "envelope/src", "envelope/tests"] {
        functions_below(&root.join(folder), &mut tests);
    }
    tests
}

/// The names of tests that a row of a table gives.
pub(crate) fn named_in(row: &str) -> Vec<&str> {
    row.split('`').skip(1).step_by(2).filter(|word| word.matches('_').count() > 2).collect()
}

#[test]
fn every_attack_in_the_document_has_its_test() {
    let tests = tests();
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
