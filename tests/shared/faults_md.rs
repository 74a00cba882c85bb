//! The rows of docs/FAULTS.md: each is held, and on request written, by the test that saw it.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Rows that no row of this test stands in place of yet go before this line.
const END: &str = "<!-- end of what the tests write -->";

/// Tests of one process that write at the same time.
static WRITING: Mutex<()> = Mutex::new(());

/// Holds the document's row of `test` to what it saw: the fault, how it was brought about, and what came of it. With
/// `FILMJACKET_WRITE_DOCS=1` the row is written instead.
#[track_caller]
pub(crate) fn saw(test: &str, fault: &str, how: &str, outcome: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/FAULTS.md");
    let row = format!("| {fault} | {how} | {outcome} | `{test}` |");
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let document = std::fs::read_to_string(&path).unwrap();
    if document.lines().any(|line| line == row) {
        return;
    }
    assert!(
        std::env::var_os("FILMJACKET_WRITE_DOCS").is_some(),
        "docs/FAULTS.md does not say what was seen (FILMJACKET_WRITE_DOCS=1 has the test write it):\n{row}"
    );
    let end = format!("| `{test}` |");
    let mut lines: Vec<&str> = document.lines().collect();
    match lines.iter().position(|line| line.ends_with(&end)) {
        Some(own) => lines[own] = &row,
        None => lines.insert(lines.iter().position(|line| *line == END).expect("the table has its end"), &row),
    }
    std::fs::write(&path, lines.join("\n") + "\n").unwrap();
}
