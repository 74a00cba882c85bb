//! The configuration: the only reader of the environment and of the configuration file.
//!
//! `filmjacket.example.toml` lists every key with its default and meaning. Each key may also come from the
//! environment, which wins over the file: `mail.from` is `FILMJACKET_MAIL__FROM` (two underscores for the dot).
//! A value that reads as a TOML list, number or boolean is taken as one; anything else is text.

mod audit;
mod dangers;
mod database;
mod file;
mod mail;
mod patience;
mod public_url;
mod reading;
mod secret;
mod single_sign_on;
mod storage;

pub use audit::AuditSettings;
pub use database::Database;
pub use mail::{DkimSettings, MailSettings, MailWay, SmtpSecurity, SmtpSettings};
pub use patience::{Allowance, Patience};
pub use public_url::PublicUrl;
pub use reading::Reading;
pub use secret::Secret;
pub use single_sign_on::SingleSignOnSettings;
pub use storage::{S3Settings, SecondCopy, Storage};

use self::file::File;
use crate::people::{SecondStepRule, SignInRule};
use crate::transfer::{DepartmentQuotas, RoleLimits};
use ipnet::IpNet;
use protocol::sign_in::{Limits, Policy, Role};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// All settings, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The address in people's browsers; links are made with it.
    pub public_url: PublicUrl,
    /// Folder for the ciphertext, the server key, the mail folder, and the database unless it is on a server.
    pub data: PathBuf,
    /// Where the rows are kept.
    pub database: Database,
    /// The server key, if it is not in the data folder.
    pub server_key: Option<Secret>,
    /// Who may sign in.
    pub sign_in: SignInRule,
    /// Who needs a second step.
    pub second_step: SecondStepRule,
    /// The institution's own sign-in, if there is one.
    pub single_sign_on: Option<SingleSignOnSettings>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The certificate to speak TLS with; without, a proxy does.
    pub tls: Option<TlsSettings>,
    /// How mail leaves.
    pub mail: MailSettings,
    /// Where ciphertext is kept.
    pub storage: Storage,
    /// Where what is ready is kept once more, if anywhere.
    pub second_copy: Option<SecondCopy>,
    /// What a transfer may be.
    pub limits: Limits,
    /// What it may be beyond that for those who hold a role.
    pub role_limits: BTreeMap<Role, RoleLimits>,
    /// What the transfers of a department may hold together.
    pub department_quotas: DepartmentQuotas,
    /// To whom a transfer may go.
    pub policy: Policy,
    /// Who is told of the audit, how long it is kept, and what is unusual.
    pub audit: AuditSettings,
    /// How long a client may take.
    pub patience: Patience,
    /// Where figures are asked for; nowhere unless given.
    pub metrics_listen: Option<SocketAddr>,
    /// How long after SIGTERM it says that it is not ready before it stops.
    pub drain: Duration,
    /// How much is logged and in what form.
    pub log: LogSettings,
}

/// Where the certificate is.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSettings {
    /// File with the chain of certificates, the server's own first, as PEM.
    pub certificate: PathBuf,
    /// File with its private key, as PEM.
    pub key: PathBuf,
}

/// How much is logged and in what form.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// Such as `info` or `filmjacket=debug`.
    pub filter: String,
    /// One JSON object a line instead of text.
    pub json: bool,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { filter: "info,actix_server=warn".to_owned(), json: false }
    }
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration file {0} cannot be read: {1}")]
    File(String, std::io::Error),
    /// The file is not TOML, or has keys or types that are not ours.
    #[error("the configuration does not read: {0}")]
    Syntax(String),
    /// A value makes no sense.
    #[error("the setting {0}: {1}")]
    Value(&'static str, String),
}

impl Config {
    /// The defaults with this data folder and address: what a newcomer gets, and what tests start from.
    ///
    /// # Errors
    /// [`ConfigError`] if `listen` is not a loopback address: then it must be said who may sign in.
    pub fn embedded(data: &Path, listen: SocketAddr) -> Result<Self, ConfigError> {
        Self::check(File { data: Some(data.to_owned()), listen: Some(listen), ..File::default() })
    }

    /// Reads the text of a file and the variables of an environment.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn parse(text: &str, environment: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        Reading::parse(text, environment).map(|reading| reading.config)
    }

    fn check(file: File) -> Result<Self, ConfigError> {
        let listen = file.listen.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)));
        let scheme = if file.tls.is_some() { "https" } else { "http" };
        let public_url = PublicUrl::parse(&file.public_url.unwrap_or_else(|| format!("{scheme}://{listen}")))?;
        let data = file.data.unwrap_or_else(|| PathBuf::from("data"));
        let sign_in = if file.sign_in.allow.is_empty() {
            if !listen.ip().is_loopback() || !public_url.is_loopback() {
                let why = "say who may sign in, such as allow = [\"clinic.example\"]; only on this machine's own address may anyone";
                return Err(ConfigError::Value("sign_in.allow", why.to_owned()));
            }
            SignInRule::Anyone
        } else {
            SignInRule::parse(&file.sign_in.allow).map_err(|problem| {
                let entry = problem.field.unwrap_or_default();
                ConfigError::Value("sign_in.allow", format!("{entry:?} is neither an address nor a domain"))
            })?
        };
        let mail = file.mail.parse(&public_url, &data)?;
        let storage = match file.storage.s3 {
            Some(s3) => Storage::S3(s3.parse("storage.s3")?),
            None => Storage::Folder,
        };
        Ok(Self {
            listen,
            public_url,
            database: file.database.parse(&data)?,
            second_copy: file.second_copy.parse(&storage, &data)?,
            data,
            server_key: file.server_key,
            sign_in,
            second_step: file.sign_in.second_step,
            single_sign_on: file.single_sign_on.map(SingleSignOnSettings::check).transpose()?,
            trusted_proxies: file.trusted_proxies,
            tls: file.tls,
            mail,
            storage,
            role_limits: file.limits.parse_roles()?,
            department_quotas: file.limits.parse_departments(),
            limits: file.limits.parse()?,
            policy: file.policy.parse()?,
            audit: file.audit.parse()?,
            patience: Patience::default(),
            metrics_listen: file.metrics_listen,
            drain: Duration::from_secs(file.drain_seconds),
            log: file.log,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::parse(text, environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn without_a_file_a_newcomer_gets_a_loopback_server() {
        let config = parse("", &[]).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.public_url.origin(), "http://127.0.0.1:8080");
        assert_eq!(config.sign_in, SignInRule::Anyone);
        assert!(matches!(config.mail.way, MailWay::Folder(folder) if folder == Path::new("data/mail")));
    }

    #[test]
    fn the_example_file_reads_and_says_the_defaults() {
        let text = include_str!("../filmjacket.example.toml");
        let example = parse(text, &[]).unwrap();
        let defaults = parse("", &[]).unwrap();
        assert_eq!(format!("{example:?}"), format!("{defaults:?}"));
    }

    #[test]
    fn every_key_that_the_example_explains_is_a_key() {
        // A commented line `# key = value` is an example too; with its mark taken away the file must still read.
        let text: String = include_str!("../filmjacket.example.toml")
            .lines()
            .map(|line| line.strip_prefix("#: ").unwrap_or(line).to_owned() + "\n")
            .collect();
        let config = parse(&text, &[]).unwrap();
        assert!(matches!(config.mail.way, MailWay::Smtp(_)));
        assert!(matches!(config.database, Database::Server { connections: 20, .. }));
        assert!(config.server_key.is_some() && !config.trusted_proxies.is_empty());
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let config = parse(
            "listen = \"127.0.0.1:1\"\n[limits]\nmax_files = 3\n",
            &[
                ("FILMJACKET_LISTEN", "127.0.0.1:2"),
                ("FILMJACKET_LIMITS__MAX_FILES", "4"),
                ("FILMJACKET_SIGN_IN__ALLOW", "[\"clinic.example\"]"),
                ("PATH", "/bin"),
            ],
        )
        .unwrap();
        assert_eq!((config.listen.port(), config.limits.max_files), (2, 4));
        assert!(matches!(config.sign_in, SignInRule::Listed { .. }));
    }

    #[test]
    fn a_server_that_others_reach_must_say_who_may_sign_in() {
        for text in [
            "listen = \"0.0.0.0:80\"\npublic_url = \"http://localhost\"",
            "public_url = \"https://send.clinic.example\"",
        ] {
            assert!(matches!(parse(text, &[]), Err(ConfigError::Value("sign_in.allow", _))), "{text}");
        }
        let open = "public_url = \"https://send.clinic.example\"\nsign_in.allow = [\"clinic.example\"]";
        assert!(parse(open, &[]).unwrap().public_url.is_https());
    }

    #[test]
    fn a_second_copy_is_in_another_place_or_refused() {
        let bucket = |section: &str, prefix: &str| {
            format!(
                "[{section}.s3]\nbucket = \"b\"\nregion = \"r\"\naccess_key_id = \"k\"\nsecret_access_key = \"s\"\nprefix = \"{prefix}\"\n"
            )
        };
        let folder = |path: &str| format!("data = \"/d\"\nsecond_copy.folder = \"{path}\"\n");
        let (first, second) = (bucket("storage", "a/"), bucket("second_copy", "b/"));
        assert!(matches!(parse(&second, &[]).unwrap().second_copy, Some(SecondCopy::S3(_))));
        assert!(matches!(parse(&(first.clone() + &second), &[]).unwrap().second_copy, Some(SecondCopy::S3(_))));
        assert!(matches!(parse(&folder("/second"), &[]).unwrap().second_copy, Some(SecondCopy::Folder(_))));
        for bad in [
            first + &bucket("second_copy", "a/"),
            folder("/second") + &second,
            folder("/d/blobs"),
            folder("/d/blobs/../blobs"),
            folder("/d"),
            bucket("second_copy", "/"),
        ] {
            let refused = parse(&bad, &[]);
            let Err(ConfigError::Value(name, _)) = refused else { panic!("{bad}: {refused:?}") };
            assert!(name.starts_with("second_copy"), "{bad}: {name}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused_and_a_secret_is_never_shown() {
        assert!(parse("listne = \"127.0.0.1:1\"", &[]).unwrap_err().to_string().contains("listne"));
        let config = parse("server_key = \"very-secret\"", &[]).unwrap();
        assert!(!format!("{config:?}").contains("very-secret"));
        let config = parse("database.url = \"postgres://u:very-secret@localhost/x\"", &[]).unwrap();
        assert!(!format!("{config:?}").contains("very-secret"));
        assert!(matches!(config.database, Database::Server { .. }));
    }
}
