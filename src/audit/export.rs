//! Rows for other programs, one line each: CSV for spreadsheets, NDJSON for scripts, FHIR AuditEvent for hospital systems.

mod csv;
mod fhir;

use super::StoredRow;
use protocol::audit::AuditFormat;
use serde::Serialize;

/// What a format is called as a content type.
pub const fn content_type(format: AuditFormat) -> &'static str {
    match format {
        AuditFormat::Csv => "text/csv; charset=utf-8; header=present",
        AuditFormat::Ndjson => "application/x-ndjson",
        // https://hl7.org/fhir/R4/nd-json.html
        AuditFormat::Fhir => "application/fhir+ndjson",
    }
}

/// What a file with it ends in.
pub const fn extension(format: AuditFormat) -> &'static str {
    match format {
        AuditFormat::Csv => "csv",
        AuditFormat::Ndjson => "ndjson",
        AuditFormat::Fhir => "fhir.ndjson",
    }
}

/// What stands before the first row.
pub fn head(format: AuditFormat) -> String {
    match format {
        AuditFormat::Csv => csv::head(),
        AuditFormat::Ndjson | AuditFormat::Fhir => String::new(),
    }
}

/// One row and its line end: as CSV (RFC 4180) without a cell that a spreadsheet would compute, as a JSON object with all that
/// the chain is verified by, or as a FHIR R4 AuditEvent. `origin` is the installation's address.
pub fn line(format: AuditFormat, stored: &StoredRow, origin: &str) -> String {
    match format {
        AuditFormat::Csv => csv::line(stored),
        AuditFormat::Ndjson => json(&Plain::from(stored)),
        AuditFormat::Fhir => json(&fhir::event(stored, origin)),
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
