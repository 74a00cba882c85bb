//! How mail leaves: as whom, by which server, signed with which key.

use super::{ConfigError, PublicUrl, Secret};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MailSection {
    pub(super) from: Option<String>,
    pub(super) smtp: Option<SmtpSettings>,
    pub(super) dkim: Option<DkimSettings>,
}

impl MailSection {
    pub(super) fn parse(self, public_url: &PublicUrl, data: &Path) -> Result<MailSettings, ConfigError> {
        let from = self.from.unwrap_or_else(|| format!("Filmjacket <filmjacket@{}>", public_url.mail_domain()));
        if let Some(dkim) = &self.dkim {
            let domain = from.rsplit('@').next().unwrap_or_default().trim_end_matches('>');
            // DMARC compares the two (RFC 7489 §3.1.1): a signature of another domain's proves nothing to receivers.
            if domain != dkim.domain && !domain.ends_with(&format!(".{}", dkim.domain)) {
                let why = format!("must be {domain}, where mail comes from (mail.from), or a domain above it");
                return Err(ConfigError::Value("mail.dkim.domain", why));
            }
        }
        let way = self.smtp.map_or_else(|| MailWay::Folder(data.join("mail")), MailWay::Smtp);
        Ok(MailSettings { from, way, dkim: self.dkim })
    }
}

/// How mail leaves, and as whom.
#[derive(Debug, Clone)]
pub struct MailSettings {
    /// `Name <address>` or an address.
    pub from: String,
    /// By which way.
    pub way: MailWay,
    /// With which key mail to a mail server is signed.
    pub dkim: Option<DkimSettings>,
}

/// With which key mail is signed, and where receivers find its public half.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DkimSettings {
    /// That of `mail.from`, or one above it.
    pub domain: String,
    /// Which of the domain's keys.
    pub selector: String,
    /// File with the private key, as PEM.
    pub key: PathBuf,
}

/// By which way mail leaves.
#[derive(Debug, Clone)]
pub enum MailWay {
    /// Written to a folder and told on the console.
    Folder(PathBuf),
    /// Handed to a mail server.
    Smtp(SmtpSettings),
    /// Kept in memory, for tests.
    Memory,
}

/// A mail server.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpSettings {
    /// Its name.
    pub host: String,
    /// Its port; 465 for TLS, 587 for STARTTLS, 25 for none unless given.
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub security: SmtpSecurity,
    /// File with another authority's certificate to trust, as PEM.
    pub ca: Option<PathBuf>,
    /// Name to log in with, if it wants one.
    pub username: Option<String>,
    /// Password to log in with.
    pub password: Option<Secret>,
}

/// How a connection to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SmtpSecurity {
    /// TLS from the first byte.
    #[default]
    Tls,
    /// Begins in clear and must change to TLS before anything is said.
    Starttls,
    /// None: only for a mail server on this machine.
    None,
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, ConfigError};

    #[test]
    fn mail_is_signed_for_the_domain_that_it_comes_from() {
        let signed = |from: &str, domain: &str| {
            let text = format!(
                "[mail]\nfrom = \"{from}\"\n[mail.dkim]\ndomain = \"{domain}\"\nselector = \"s\"\nkey = \"k\"\n"
            );
            Config::parse(&text, std::iter::empty())
        };
        assert!(signed("Clinic <post@clinic.example>", "clinic.example").is_ok());
        assert!(signed("post@films.clinic.example", "clinic.example").is_ok());
        for (from, domain) in [("post@clinic.example", "other.example"), ("post@evilclinic.example", "clinic.example")]
        {
            assert!(matches!(signed(from, domain), Err(ConfigError::Value("mail.dkim.domain", _))), "{from}");
        }
    }
}
