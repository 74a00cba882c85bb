//! RFC 4180, for spreadsheets, which take a cell that begins like a formula for one and compute it.

use super::super::StoredRow;
use std::borrow::Cow;

const COLUMNS: [&str; 8] = ["seq", "at", "event", "actor", "transfer_id", "address", "detail", "hash"];

/// What a formula begins with (OWASP, *CSV Injection*), in the full-width forms too that some spreadsheets take for the same.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// The names of the columns.
pub(super) fn head() -> String {
    record(&COLUMNS.map(Cow::Borrowed))
}

/// A row.
pub(super) fn line(StoredRow { row, hash }: &StoredRow) -> String {
    record(&[
        Cow::Owned(row.seq.to_string()),
        Cow::Owned(row.at.to_rfc3339()),
        harmless(&row.event),
        harmless(&row.actor),
        harmless(row.transfer_id.as_deref().unwrap_or_default()),
        harmless(row.address.as_deref().unwrap_or_default()),
        harmless(&row.detail),
        harmless(hash),
    ])
}

/// An apostrophe before it makes a text of it; NDJSON has the cell as it is.
fn harmless(cell: &str) -> Cow<'_, str> {
    if cell.starts_with(FORMULA) { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
}

/// Writing to memory does not fail, and all cells are UTF-8.
fn record(cells: &[Cow<'_, str>; 8]) -> String {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let written = writer.write_record(cells.iter().map(|cell| cell.as_bytes()));
    let bytes = written.ok().and_then(|()| writer.into_inner().ok()).unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::super::chain::tests::row;
    use super::*;

    #[test]
    fn no_cell_begins_like_a_formula_and_quotes_and_line_ends_stay_within_theirs() {
        for evil in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"] {
            let mut evil_row = row(1);
            (evil_row.actor, evil_row.detail) = (evil.to_owned(), format!("{evil}\",\"=1\n"));
            let text = head() + &line(&StoredRow { row: evil_row, hash: "-hash".to_owned() });
            let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
            let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
            assert_eq!(records.len(), 1);
            assert_eq!(&records[0][3], format!("'{evil}"));
            assert_eq!(&records[0][6], format!("'{evil}\",\"=1\n"));
            assert!(records[0].iter().all(|cell| !cell.starts_with(FORMULA)), "{records:?}");
        }
    }

    #[test]
    fn what_is_no_formula_stays_as_it_is() {
        let text = line(&StoredRow { row: row(1), hash: "h".to_owned() });
        assert!(text.starts_with("1,2027-01-15T08:00:01Z,transfer.opened,recipient,AAAA"), "{text}");
        assert!(text.ends_with(",203.0.113.7,ä,h\r\n"), "{text}");
    }
}
