//! What auditors ask for and are told (docs/API.md, *Audit*).

use crate::{Timestamp, TransferId};
use serde::{Deserialize, Serialize};

/// `GET /api/v1/audit`: every condition must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// Who: an account's address, `recipient` or `system`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// From which network address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// About which transfer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transfer_id: Option<TransferId>,
    /// What happened, by its stable name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// From this moment on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Until before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// Only what stands after this place on an earlier page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<AuditCursor>,
    /// Rows on the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A place in the order of pages: `<at>.<seq>`, seconds since 1970 and the row's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditCursor {
    /// When the last row of the page before happened.
    pub at: Timestamp,
    /// Its number.
    pub seq: i64,
}

impl std::fmt::Display for AuditCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.at.as_unix(), self.seq)
    }
}

impl std::str::FromStr for AuditCursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = text.split_once('.').and_then(|(at, seq)| Some((at.parse().ok()?, seq.parse().ok()?)));
        read.map(|(at, seq)| Self { at: Timestamp::from_unix(at), seq }).ok_or("no place on a page")
    }
}

impl Serialize for AuditCursor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AuditCursor {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A row of the audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditRow {
    /// Its number.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub event: String,
    /// Who.
    pub actor: String,
    /// About which transfer.
    pub transfer_id: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// What else matters.
    pub detail: String,
    /// The chain (docs/AUDIT.md).
    pub hash: String,
}

/// Rows, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditPage {
    /// At most as many as were asked for.
    pub rows: Vec<AuditRow>,
    /// What the next page begins `before`; null if there is none.
    pub next: Option<AuditCursor>,
}

/// A day in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditDay {
    /// Its first moment.
    pub day: Timestamp,
    /// Openings.
    pub opened: u64,
    /// Refused passcodes and sign-in codes.
    pub refused: u64,
    /// Bytes of what was sealed.
    pub bytes: u64,
}

/// `GET /api/v1/audit/state`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditState {
    /// The newest row.
    pub seq: i64,
    /// Rows up to this one are no longer kept; 0 if all are.
    pub cut_seq: i64,
    /// How far the server itself has verified the chain since it started.
    pub verified: Option<AuditVerified>,
    /// What it found wrong.
    pub found: Option<String>,
    /// What the rules found unusual, newest first.
    pub flags: Vec<AuditFlag>,
    /// The rules in force, one sentence each.
    pub rules: Vec<String>,
    /// The last days, oldest first.
    pub days: Vec<AuditDay>,
}

/// How far the chain was verified, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditVerified {
    /// Up to this row.
    pub seq: i64,
    /// Then.
    pub at: Timestamp,
}

/// Something unusual.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditFlag {
    /// When it was found.
    pub at: Timestamp,
    /// The rule's stable name.
    pub rule: String,
    /// Whom or what it is about.
    pub subject: String,
    /// About which transfer.
    pub transfer_id: Option<String>,
    /// One sentence.
    pub detail: String,
}

/// `GET /api/v1/audit/export`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AuditExport {
    /// How rows are written.
    #[serde(default)]
    pub format: AuditFormat,
    /// From this moment on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Until before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
}

/// How rows are written for other programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AuditFormat {
    /// For spreadsheets.
    Csv,
    /// For scripts; what is written unless asked otherwise.
    #[default]
    Ndjson,
    /// For hospital systems.
    Fhir,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_on_a_page_reads_back_and_nonsense_does_not() {
        let place = AuditCursor { at: Timestamp::from_unix(1_800_000_000), seq: 17 };
        assert_eq!(place.to_string(), "1800000000.17");
        assert_eq!("1800000000.17".parse(), Ok(place));
        for nonsense in ["", "17", "a.17", "17.", "1.2.3"] {
            assert!(nonsense.parse::<AuditCursor>().is_err(), "{nonsense}");
        }
    }
}
