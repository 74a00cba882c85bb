//! The configuration file's shape. Every key may be left out.

use super::audit::AuditSection;
use super::database::DatabaseSection;
use super::mail::MailSection;
use super::storage::SecondCopySection;
use super::{ConfigError, LogSettings, S3Settings, Secret, SingleSignOnSettings, TlsSettings};
use crate::people::SecondStepRule;
use crate::transfer::{DepartmentQuotas, RoleLimits, parse_domain};
use ipnet::IpNet;
use protocol::DAY;
use protocol::sign_in::{Limits, MailboxRule, Policy, Role};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub(super) listen: Option<SocketAddr>,
    pub(super) public_url: Option<String>,
    pub(super) data: Option<PathBuf>,
    pub(super) database: DatabaseSection,
    pub(super) server_key: Option<Secret>,
    pub(super) trusted_proxies: Vec<IpNet>,
    pub(super) metrics_listen: Option<SocketAddr>,
    pub(super) drain_seconds: u64,
    pub(super) sign_in: SignInSection,
    pub(super) single_sign_on: Option<SingleSignOnSettings>,
    pub(super) tls: Option<TlsSettings>,
    pub(super) mail: MailSection,
    pub(super) storage: StorageSection,
    pub(super) second_copy: SecondCopySection,
    pub(super) limits: LimitsSection,
    pub(super) policy: PolicySection,
    pub(super) audit: AuditSection,
    pub(super) log: LogSettings,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SignInSection {
    pub(super) allow: Vec<String>,
    pub(super) second_step: SecondStepRule,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct StorageSection {
    pub(super) s3: Option<S3Settings>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LimitsSection {
    pub(super) max_files: u32,
    pub(super) max_file_gib: u64,
    pub(super) max_transfer_gib: u64,
    pub(super) max_lifetime_days: u32,
    pub(super) max_openings: u32,
    pub(super) max_transfers_per_day: u32,
    pub(super) max_stored_gib: u64,
    pub(super) max_department_gib: u64,
    pub(super) by_role: BTreeMap<Role, RoleLimitsSection>,
    /// GiB by the department's name.
    pub(super) by_department: BTreeMap<String, u64>,
}

/// What is wider for those who hold a role.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RoleLimitsSection {
    pub(super) max_file_gib: Option<u64>,
    pub(super) max_transfer_gib: Option<u64>,
    pub(super) max_lifetime_days: Option<u32>,
    pub(super) max_openings: Option<u32>,
}

impl Default for LimitsSection {
    fn default() -> Self {
        Self {
            max_files: 5,
            max_file_gib: 20,
            max_transfer_gib: 50,
            max_lifetime_days: 30,
            max_openings: 100,
            max_transfers_per_day: 200,
            max_stored_gib: 500,
            max_department_gib: 0,
            by_role: BTreeMap::new(),
            by_department: BTreeMap::new(),
        }
    }
}

impl LimitsSection {
    pub(super) fn parse(&self) -> Result<Limits, ConfigError> {
        check_file_gib("limits.max_file_gib", self.max_file_gib)?;
        for (name, value) in [
            ("limits.max_files", self.max_files),
            ("limits.max_lifetime_days", self.max_lifetime_days),
            ("limits.max_openings", self.max_openings),
            ("limits.max_transfers_per_day", self.max_transfers_per_day),
        ] {
            check_count(name, value)?;
        }
        Ok(Limits {
            max_files: self.max_files,
            max_file_len: gib(self.max_file_gib),
            max_transfer_len: gib(self.max_transfer_gib),
            max_lifetime: days(self.max_lifetime_days),
            max_openings: self.max_openings,
            max_transfers_per_day: self.max_transfers_per_day,
            max_stored: gib(self.max_stored_gib),
        })
    }

    pub(super) fn parse_roles(&self) -> Result<BTreeMap<Role, RoleLimits>, ConfigError> {
        let read = |(role, section): (&Role, &RoleLimitsSection)| Ok((*role, section.parse()?));
        self.by_role.iter().map(read).collect()
    }

    pub(super) fn parse_departments(&self) -> DepartmentQuotas {
        let read = |value: u64| (value > 0).then(|| gib(value));
        let named = self.by_department.iter().map(|(name, value)| (name.trim().to_owned(), read(*value)));
        DepartmentQuotas { everyones: read(self.max_department_gib), named: named.collect() }
    }
}

impl RoleLimitsSection {
    fn parse(&self) -> Result<RoleLimits, ConfigError> {
        self.max_file_gib.map_or(Ok(()), |value| check_file_gib("limits.by_role.max_file_gib", value))?;
        self.max_lifetime_days.map_or(Ok(()), |value| check_count("limits.by_role.max_lifetime_days", value))?;
        self.max_openings.map_or(Ok(()), |value| check_count("limits.by_role.max_openings", value))?;
        Ok(RoleLimits {
            max_file_len: self.max_file_gib.map(gib),
            max_transfer_len: self.max_transfer_gib.map(gib),
            max_lifetime: self.max_lifetime_days.map(days),
            max_openings: self.max_openings,
        })
    }
}

const fn gib(value: u64) -> u64 {
    value.saturating_mul(1 << 30)
}

fn days(value: u32) -> i64 {
    i64::from(value) * DAY
}

/// What the parts of one object can hold (`protocol::layout::MAX_PARTS`): a larger promise could not be kept.
fn check_file_gib(name: &'static str, value: u64) -> Result<(), ConfigError> {
    let largest = (protocol::layout::MAX_PARTS * protocol::layout::PART_LEN) >> 30;
    if value == 0 || value > largest {
        return Err(ConfigError::Value(name, format!("must be from 1 to {largest}")));
    }
    Ok(())
}

fn check_count(name: &'static str, value: u32) -> Result<(), ConfigError> {
    if value == 0 || value > 10_000 {
        return Err(ConfigError::Value(name, "must be from 1 to 10000".to_owned()));
    }
    Ok(())
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PolicySection {
    pub(super) allowed_domains: Vec<String>,
    pub(super) blocked_domains: Vec<String>,
    pub(super) mailbox_code: MailboxRule,
}

impl PolicySection {
    pub(super) fn parse(&self) -> Result<Policy, ConfigError> {
        let read = |name: &'static str, entries: &[String]| {
            let domains = entries.iter().map(|entry| parse_domain(entry)).collect::<Result<Vec<_>, _>>();
            domains.map_err(|entry| ConfigError::Value(name, format!("{entry:?} is no domain")))
        };
        Ok(Policy {
            allowed_domains: read("policy.allowed_domains", &self.allowed_domains)?,
            blocked_domains: read("policy.blocked_domains", &self.blocked_domains)?,
            mailbox_code: self.mailbox_code,
        })
    }
}
