//! Mail to a mail server (RFC 5321), one after the other over a connection that is kept while there is more.
//!
//! The conversation is led step by step rather than by lettre's ready-made transport, for two reasons: a refusal
//! counts as the recipient's only once the letter itself is on the table (a wrong password of ours must not end
//! someone's transfer), and once the server has taken a letter over, nothing that follows may count as a failure and
//! send it twice.

use super::words::{Line, Secret};
use super::{Dkim, MailError, OutgoingMail};
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{Error, response::Severity};
use std::error::Error as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
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
    /// How the conversation is kept private. Certificates are checked against the machine's own trust store.
    pub security: Security,
    /// File with another authority's certificate to trust, as PEM.
    pub authority: Option<PathBuf>,
    /// User name and password, if the server asks for them.
    pub credentials: Option<(String, Secret)>,
    /// Longest time for one mail, from connecting to being taken over.
    pub deadline: Duration,
    /// Signs every mail, if mail is signed here.
    pub dkim: Option<Dkim>,
}

/// A mail server.
pub struct Smtp {
    settings: SmtpSettings,
    tls: Option<TlsParameters>,
    /// Kept for the next mail, with how many it has taken.
    kept: Mutex<Option<(AsyncSmtpConnection, u32)>>,
}

/// Mail over one connection; servers end those that bring many (Postfix after 100) with what looks like a fault.
const MAILS_A_CONNECTION: u32 = 50;

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Smtp").field("settings", &self.settings).finish_non_exhaustive()
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
            Security::Tls | Security::StartTls => Some(make_tls(&settings)?),
        };
        Ok(Self { settings, tls, kept: Mutex::new(None) })
    }

    pub(super) async fn send(&self, mail: &OutgoingMail) -> Result<(), MailError> {
        let message = mail.to_message()?;
        let (envelope, message) = (message.envelope().clone(), self.sign(mail, message.formatted())?);
        let conversation = async {
            let (mut connection, mails) = self.connection().await?;
            connection.send(&envelope, &message).await.map_err(|error| refusal_or_later(&error))?;
            Ok((connection, mails + 1))
        };
        let connection = timeout(self.settings.deadline, conversation).await.map_err(|_| {
            MailError::Temporary(format!("the mail server did not answer within {:?}", self.settings.deadline))
        })??;
        // The letter is the server's now, whatever becomes of the connection.
        *self.kept.lock().await = Some(connection);
        Ok(())
    }

    fn sign(&self, mail: &OutgoingMail, message: Vec<u8>) -> Result<Vec<u8>, MailError> {
        let Some(dkim) = &self.settings.dkim else { return Ok(message) };
        dkim.sign(mail, &message).ok_or_else(|| MailError::Temporary("the mail could not be signed".to_owned()))
    }

    /// Whether anybody listens there.
    pub(super) async fn ping(&self) -> std::io::Result<()> {
        let server = (self.settings.host.as_str(), self.settings.port);
        timeout(GOOD_BYE, TcpStream::connect(server)).await.map_err(std::io::Error::other)?.map(drop)
    }

    /// Says good-bye, if a connection was kept. One that stays unanswered changes nothing.
    pub(super) async fn rest(&self) {
        if let Some((mut connection, _)) = self.kept.lock().await.take() {
            let _ = timeout(GOOD_BYE, connection.abort()).await;
        }
    }

    /// The connection that was kept, if it is still alive, or a new one. A mail never finds out that the line is dead
    /// while the server already has it in hand.
    async fn connection(&self) -> Result<(AsyncSmtpConnection, u32), MailError> {
        if let Some((mut connection, mails)) = self.kept.lock().await.take() {
            if mails < MAILS_A_CONNECTION && timeout(GOOD_BYE, connection.test_connected()).await == Ok(true) {
                return Ok((connection, mails));
            }
            let _ = timeout(GOOD_BYE, connection.abort()).await;
        }
        let connection = self.connect().await.map_err(|error| MailError::Temporary(one_line(&error)))?;
        Ok((connection, 0))
    }

    /// A connection that may be asked to take mail.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let SmtpSettings { host, port, security, credentials, deadline, .. } = &self.settings;
        let hello = ClientId::default();
        let tls = self.tls.clone();
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

fn make_tls(settings: &SmtpSettings) -> Result<TlsParameters, InvalidSettings> {
    let mut tls = TlsParameters::builder(settings.host.clone());
    if let Some(file) = &settings.authority {
        let failed = |why: String| InvalidSettings::Tls(format!("{}: {why}", file.display()));
        let pem = std::fs::read(file).map_err(|error| failed(error.to_string()))?;
        tls = tls.add_root_certificate(Certificate::from_pem(&pem).map_err(|error| failed(error.to_string()))?);
    }
    tls.build_rustls().map_err(|error| InvalidSettings::Tls(error.to_string()))
}

/// Time for the server to answer QUIT, or whether it is still there.
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
