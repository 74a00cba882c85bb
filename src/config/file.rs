//! The configuration file's shape. Every key may be left out.

use super::audit::AuditSection;
use super::database::DatabaseSection;
use super::storage::SecondCopySection;
use super::{ConfigError, DkimSettings, LogSettings, S3Settings, Secret, SmtpSettings, TlsSettings};
use crate::transfer::parse_domain;
use ipnet::IpNet;
use protocol::sign_in::{Limits, MailboxRule, Policy};
use serde::{Deserialize, Serialize};
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
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MailSection {
    pub(super) from: Option<String>,
    pub(super) smtp: Option<SmtpSettings>,
    pub(super) dkim: Option<DkimSettings>,
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
        }
    }
}

impl LimitsSection {
    pub(super) fn parse(&self) -> Result<Limits, ConfigError> {
        let gib = |value: u64| value.saturating_mul(1 << 30);
        // What the parts of one object can hold (protocol::layout::MAX_PARTS); a larger promise could not be kept.
        let largest = (protocol::layout::MAX_PARTS * protocol::layout::PART_LEN) >> 30;
        if self.max_file_gib == 0 || self.max_file_gib > largest {
            return Err(ConfigError::Value("limits.max_file_gib", format!("must be from 1 to {largest}")));
        }
        for (name, value) in [
            ("limits.max_files", self.max_files),
            ("limits.max_lifetime_days", self.max_lifetime_days),
            ("limits.max_openings", self.max_openings),
            ("limits.max_transfers_per_day", self.max_transfers_per_day),
        ] {
            if value == 0 || value > 10_000 {
                return Err(ConfigError::Value(name, "must be from 1 to 10000".to_owned()));
            }
        }
        Ok(Limits {
            max_files: self.max_files,
            max_file_len: gib(self.max_file_gib),
            max_transfer_len: gib(self.max_transfer_gib),
            max_lifetime: i64::from(self.max_lifetime_days) * 24 * 60 * 60,
            max_openings: self.max_openings,
            max_transfers_per_day: self.max_transfers_per_day,
            max_stored: gib(self.max_stored_gib),
        })
    }
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
