//! One measured figure.

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// What a program that measures prints before each row's JSON, anywhere in a line (a test harness may have begun it).
pub(crate) const MARK: &str = "bench-row ";

/// One measured figure, perhaps held against another one of the same run, perhaps against a promise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    /// The letter of the question that it answers.
    pub(crate) part: String,
    /// What was measured.
    pub(crate) name: String,
    /// In or on what: a browser with its version, a native program; empty where there is no choice.
    #[serde(default)]
    pub(crate) engine: String,
    pub(crate) value: f64,
    /// Such as `MB/s` (10^6 bytes), `MiB`, `ms`, `calls/s`.
    pub(crate) unit: String,
    /// The value divided by `beside`'s, or the other way round for times: as the target reads.
    #[serde(default)]
    pub(crate) ratio: Option<f64>,
    /// What the ratio compares with.
    #[serde(default)]
    pub(crate) beside: Option<String>,
    /// What is promised of the ratio, or of the value where there is no ratio.
    #[serde(default)]
    pub(crate) target: Option<Target>,
}

impl Row {
    /// The row that a line of output holds, if it holds one.
    pub(crate) fn find_in(line: &str) -> Result<Option<Self>> {
        let Some((_, json)) = line.split_once(MARK) else { return Ok(None) };
        serde_json::from_str(json).map(Some).with_context(|| format!("this row does not read: {json}"))
    }

    /// Whether the promise is kept; `None` without a promise.
    pub(crate) fn is_met(&self) -> Option<bool> {
        self.target.as_ref().map(|target| target.is_met_by(self.ratio.unwrap_or(self.value)))
    }
}

/// A bound: `>= 2`, `<= 1.5`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    fn is_met_by(&self, figure: f64) -> bool {
        match self {
            Self::AtLeast(bound) => figure >= *bound,
            Self::AtMost(bound) => figure <= *bound,
        }
    }
}

impl TryFrom<String> for Target {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no target; write \">= 2\" or \"<= 1.5\"");
        let (relation, bound) = text.split_once(' ').ok_or_else(wrong)?;
        let bound = bound.parse().map_err(|_| wrong())?;
        match relation {
            ">=" => Ok(Self::AtLeast(bound)),
            "<=" => Ok(Self::AtMost(bound)),
            _ => Err(wrong()),
        }
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        match target {
            Target::AtLeast(bound) => format!(">= {bound}"),
            Target::AtMost(bound) => format!("<= {bound}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_found_in_the_middle_of_a_line_and_held_to_its_target() {
        let line = r#"test speed ... bench-row {"part":"a","name":"seal","value":900,"unit":"MB/s","ratio":3.1,"target":">= 2"}"#;
        let row = Row::find_in(line).unwrap().unwrap();
        assert_eq!((row.name.as_str(), row.is_met()), ("seal", Some(true)));
        let slower = Row { ratio: Some(1.9), ..row.clone() };
        assert_eq!(slower.is_met(), Some(false));
        let memory = Row { ratio: None, value: 90.0, target: Some(Target::AtMost(100.0)), ..row };
        assert_eq!(memory.is_met(), Some(true));
    }

    #[test]
    fn other_lines_are_no_rows_and_a_damaged_row_is_an_error() {
        assert_eq!(Row::find_in("running 1 test").unwrap(), None);
        for bad in [r#"bench-row {"#, r#"bench-row {"part":"a","name":"x","value":1,"unit":"s","target":"about 2"}"#] {
            assert!(Row::find_in(bad).is_err(), "{bad}");
        }
    }
}
