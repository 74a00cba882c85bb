//! Mail to a mail server (RFC 5321), one connection a mail.
//!
//! The conversation is led step by step rather than by lettre's ready-made transport, for two reasons: a refusal
//! counts as the recipient's only once the letter itself is on the table (a wrong password of ours must not end
//! someone's transfer), and once the server has taken a letter over, nothing that follows may count as a failure and
//! send it twice.

use super::words::{Line, Secret};
use super::{MailError, OutgoingMail};
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{Error, response::Severity};
use std::error::Error as _;
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::timeout;

/// How the conversation is kept private.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (RFC 8314), usually port 465.
    Tls,
    /// Plain until `STARTTLS`, usually port 587. A server that does not offer it gets no mail.
    StartTls,
    /// Not at all: to this machine only.
    None,
}

/// Which mail server, and how to talk to it.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// Name or address; the name is checked against the server's certificate.
    pub host: String,
    /// 465, 587 or 25, as the server wants it.
    pub port: u16,
    /// How the conversation is kept private. Certificates are checked against the machine's own trust store, so that
    /// a clinic's own authority works.
    pub security: Security,
    /// User name and password, if the server asks for them.
    pub credentials: Option<(String, Secret)>,
    /// Longest time for one mail, from connecting to being taken over.
    pub deadline: Duration,
}

/// A mail server.
#[derive(Debug)]
pub struct Smtp {
    settings: SmtpSettings,
    tls: Option<Tls>,
}

/// [`TlsParameters`] do not say anything useful in `Debug`.
struct Tls(TlsParameters);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

/// These settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSettings {
    /// Links and codes would cross the network in the open.
    #[error("mail without encryption goes to this machine only, not to {0}: use starttls or tls")]
    Unencrypted(String),
    /// TLS could not be set up.
    #[error("TLS to the mail server cannot be set up: {0}")]
    Tls(String),
}

impl Smtp {
    /// Checks the settings; connects only when there is mail.
    ///
    /// # Errors
    /// [`InvalidSettings`], one sentence for whoever runs the server.
    pub fn new(settings: SmtpSettings) -> Result<Self, InvalidSettings> {
        let tls = match settings.security {
            Security::None if !is_this_machine(&settings.host) => {
                return Err(InvalidSettings::Unencrypted(settings.host));
            }
            Security::None => None,
            Security::Tls | Security::StartTls => Some(Tls(TlsParameters::new_rustls(settings.host.clone())
                .map_err(|error| InvalidSettings::Tls(error.to_string()))?)),
        };
        Ok(Self { settings, tls })
    }

    pub(super) async fn send(&self, mail: &OutgoingMail) -> Result<(), MailError> {
        let message = mail.to_message()?;
        let (envelope, message) = (message.envelope().clone(), message.formatted());
        let conversation = async {
            let mut connection = self.connect().await.map_err(|error| MailError::Temporary(one_line(&error)))?;
            connection.send(&envelope, &message).await.map_err(|error| refusal_or_later(&error))?;
            Ok(connection)
        };
        let mut connection = timeout(self.settings.deadline, conversation).await.map_err(|_| {
            MailError::Temporary(format!("the mail server did not answer within {:?}", self.settings.deadline))
        })??;
        // The letter is the server's now. A good-bye that stays unanswered changes nothing.
        let _ = timeout(GOOD_BYE, connection.abort()).await;
        Ok(())
    }

    /// A connection that may be asked to take mail.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let SmtpSettings { host, port, security, credentials, deadline } = &self.settings;
        let hello = ClientId::default();
        let tls = self.tls.as_ref().map(|tls| tls.0.clone());
        let (from_the_start, later) = if *security == Security::Tls { (tls, None) } else { (None, tls) };
        let server = (host.as_str(), *port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(*deadline), &hello, from_the_start, None).await?;
        if let Some(tls) = later {
            connection.starttls(tls, &hello).await?;
        }
        if let Some((user, password)) = credentials {
            let credentials = Credentials::new(user.clone(), password.expose().to_owned());
            connection.auth(DEFAULT_MECHANISMS, &credentials).await?;
        }
        Ok(connection)
    }
}

/// Time for the server to answer QUIT.
const GOOD_BYE: Duration = Duration::from_secs(2);

/// "Authentication required" (RFC 4954 §6): a fault of the configuration, not of the recipient.
const AUTHENTICATION_REQUIRED: &str = "530";

/// What a negative answer to the letter itself means: 5yz is for good, everything else is worth another try.
fn refusal_or_later(error: &Error) -> MailError {
    let refused = error.status().is_some_and(|code| {
        code.severity == Severity::PermanentNegativeCompletion && code.to_string() != AUTHENTICATION_REQUIRED
    });
    if refused { MailError::Refused(one_line(error)) } else { MailError::Temporary(one_line(error)) }
}

/// The server's own words with its code, or ours if it had none, as one line.
fn one_line(error: &Error) -> String {
    let line = match (error.status(), error.source()) {
        (Some(code), Some(words)) => Line::from(format!("{code} {words}")),
        _ => Line::from(error.to_string()),
    };
    line.to_string()
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
