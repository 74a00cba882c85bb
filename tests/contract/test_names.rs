//! The names of all tests there are, for documents that name them.

use std::collections::BTreeSet;
use std::path::Path;

/// Of all functions without arguments in the tests and among the rules, which is what tests are.
pub(crate) fn all() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    for folder in ["tests", "src", "envelope/src", "envelope/tests"] {
        functions_below(&root.join(folder), &mut found);
    }
    found
}

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

/// The names of tests that a row of a table gives.
pub(crate) fn named_in(row: &str) -> Vec<&str> {
    row.split('`').skip(1).step_by(2).filter(|word| word.matches('_').count() > 2).collect()
}
