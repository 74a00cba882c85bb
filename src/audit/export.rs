//! Rows for other programs, one line each: CSV for spreadsheets, NDJSON for scripts, FHIR AuditEvent for hospital systems.

mod csv;
mod fhir;

use super::StoredRow;
use serde::Serialize;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180 with a head line; no cell that a spreadsheet would compute.
    Csv,
    /// One JSON object a line, with all that the chain is verified by.
    Ndjson,
    /// One FHIR R4 AuditEvent a line.
    Fhir,
}

impl Format {
    /// What it is called as a content type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Ndjson => "application/x-ndjson",
            // https://hl7.org/fhir/R4/nd-json.html
            Self::Fhir => "application/fhir+ndjson",
        }
    }

    /// What a file with it ends in.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Fhir => "fhir.ndjson",
        }
    }

    /// What stands before the first row.
    pub fn head(self) -> String {
        match self {
            Self::Csv => csv::head(),
            Self::Ndjson | Self::Fhir => String::new(),
        }
    }

    /// One row and its line end. `origin` is the installation's address.
    pub fn line(self, stored: &StoredRow, origin: &str) -> String {
        match self {
            Self::Csv => csv::line(stored),
            Self::Ndjson => json(&Plain::from(stored)),
            Self::Fhir => json(&fhir::event(stored, origin)),
        }
    }
}

/// What we write is made of texts and numbers: it always is JSON.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default() + "\n"
}

/// The fields as they are stored; `at` in both spellings, because one is hashed and the other is read.
#[derive(Serialize)]
struct Plain<'a> {
    seq: i64,
    at: String,
    at_unix: i64,
    event: &'a str,
    actor: &'a str,
    transfer_id: Option<&'a str>,
    address: Option<&'a str>,
    detail: &'a str,
    hash: &'a str,
}

impl<'a> From<&'a StoredRow> for Plain<'a> {
    fn from(StoredRow { row, hash }: &'a StoredRow) -> Self {
        Self {
            seq: row.seq,
            at: row.at.to_rfc3339(),
            at_unix: row.at.as_unix(),
            event: &row.event,
            actor: &row.actor,
            transfer_id: row.transfer_id.as_deref(),
            address: row.address.as_deref(),
            detail: &row.detail,
            hash,
        }
    }
}
