//! `[audit]`: who is told, how long rows are kept, and what counts as unusual.

use super::ConfigError;
use crate::audit::{Hours, Rules};
use crate::people::EmailAddress;
use protocol::DAY;
use serde::{Deserialize, Serialize};

/// Nothing is removed before this age, whatever is asked for: today's questions are about last month.
const SHORTEST_KEEP: i64 = 30 * DAY;

/// Who is told of the audit, how long it is kept, and what is unusual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditSettings {
    /// Who is mailed the day's anchor.
    pub anchor_mail: Vec<String>,
    /// Who is mailed what is unusual.
    pub alert_mail: Vec<String>,
    /// Seconds after which rows are removed; never, unless given.
    pub keep: Option<i64>,
    /// What is unusual.
    pub rules: Rules,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AuditSection {
    anchor_mail: Vec<String>,
    alert_mail: Vec<String>,
    keep: String,
    rules: RulesSection,
}

impl Default for AuditSection {
    fn default() -> Self {
        Self {
            anchor_mail: Vec::new(),
            alert_mail: Vec::new(),
            keep: "for ever".to_owned(),
            rules: RulesSection::default(),
        }
    }
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
struct RulesSection {
    refused_passcodes: u32,
    networks: u32,
    volume_times: u32,
    volume_gib: u64,
    hours: String,
    utc_offset: String,
}

impl Default for RulesSection {
    fn default() -> Self {
        let usual = Rules::default();
        Self {
            refused_passcodes: usual.refused_passcodes,
            networks: usual.networks,
            volume_times: usual.volume_times,
            volume_gib: usual.volume_least >> 30,
            hours: String::new(),
            utc_offset: "+00:00".to_owned(),
        }
    }
}

impl AuditSection {
    pub(super) fn parse(self) -> Result<AuditSettings, ConfigError> {
        for (name, addresses) in [("audit.anchor_mail", &self.anchor_mail), ("audit.alert_mail", &self.alert_mail)] {
            for address in addresses {
                EmailAddress::parse(address, "address")
                    .map_err(|_| ConfigError::Value(name, format!("{address:?} is no mail address")))?;
            }
        }
        let keep = parse_keep(&self.keep).ok_or_else(|| {
            let why = format!(
                "{:?} is neither \"for ever\" nor a time such as \"6 years\", \"18 months\" or \"90 days\" (30 days or more)",
                self.keep
            );
            ConfigError::Value("audit.keep", why)
        })?;
        let rules = self.rules;
        let hours = Hours::parse(&rules.hours, &rules.utc_offset).ok_or_else(|| {
            let why = "must be empty or such as hours = \"06:00-22:00\" with utc_offset = \"+01:00\"";
            ConfigError::Value("audit.rules.hours", why.to_owned())
        })?;
        let rules = Rules {
            refused_passcodes: rules.refused_passcodes,
            networks: rules.networks,
            volume_times: rules.volume_times,
            volume_least: rules.volume_gib.saturating_mul(1 << 30),
            hours,
        };
        Ok(AuditSettings { anchor_mail: self.anchor_mail, alert_mail: self.alert_mail, keep, rules })
    }
}

/// A number and a unit: a month is 31 days here and a year 366, so that nothing goes too early. `None` if it does not read.
#[allow(clippy::option_option, reason = "for ever is one of the answers")]
fn parse_keep(text: &str) -> Option<Option<i64>> {
    if text == "for ever" {
        return Some(None);
    }
    let (number, unit) = text.split_once(' ')?;
    let days = match unit {
        "day" | "days" => 1,
        "month" | "months" => 31,
        "year" | "years" => 366,
        _ => return None,
    };
    let keep = number.parse::<u32>().ok().and_then(|number| i64::from(number).checked_mul(days * DAY))?;
    (keep >= SHORTEST_KEEP).then_some(Some(keep))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_rows_are_kept_is_said_in_words() {
        assert_eq!(parse_keep("for ever"), Some(None));
        assert_eq!(parse_keep("6 years"), Some(Some(6 * 366 * DAY)));
        assert_eq!(parse_keep("30 days"), Some(Some(30 * DAY)));
        assert_eq!(parse_keep("1 month"), Some(Some(31 * DAY)));
        for wrong in ["", "6", "six years", "29 days", "-1 years", "6 weeks", "0 years"] {
            assert_eq!(parse_keep(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_does_not_read_is_told_by_its_key() {
        let told = |section: AuditSection| section.parse().unwrap_err().to_string();
        let usual = AuditSection::default;
        assert!(told(AuditSection { anchor_mail: vec!["nobody".into()], ..usual() }).contains("audit.anchor_mail"));
        assert!(told(AuditSection { keep: "soon".into(), ..usual() }).contains("audit.keep"));
        let rules = RulesSection { hours: "6-22".into(), ..RulesSection::default() };
        assert!(told(AuditSection { rules, ..usual() }).contains("audit.rules.hours"));
    }
}
