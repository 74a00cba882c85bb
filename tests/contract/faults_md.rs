//! docs/FAULTS.md names a test for every fault; each of them must be there, and each test of tests/faults in the document.

use crate::test_names::{self, named_in};
use std::path::Path;

const DOCUMENT: &str = include_str!("../../docs/FAULTS.md");

fn rows() -> impl Iterator<Item = &'static str> {
    DOCUMENT
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| fault |") && !line.starts_with("| ---"))
}

#[test]
fn every_fault_in_the_document_has_its_test() {
    let tests = test_names::all();
    assert!(rows().count() >= 25, "the tables of faults were not found");
    for row in rows() {
        assert!(!named_in(row).is_empty(), "this fault has no test: {row}");
        for name in named_in(row) {
            assert!(tests.contains(name), "{name} is named in docs/FAULTS.md but is no test");
        }
    }
}

#[test]
fn every_fault_that_a_test_brings_about_stands_in_the_document() {
    let named: Vec<&str> = rows().flat_map(named_in).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults");
    for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        let source = std::fs::read_to_string(&file).unwrap();
        for rest in source.split("#[actix_web::test]\nasync fn ").skip(1) {
            let name = rest.split_once("()").unwrap().0;
            assert!(named.contains(&name), "{name} has no row in docs/FAULTS.md");
        }
    }
}
