//! The running server as a value: tests build one on port 0 in a temporary folder and enter by main's door.

mod admission;
mod alerts;
mod first_administrator;
mod readiness;

pub use readiness::Readiness;

use crate::audit::Watch;
use crate::blobs::{self, Blobs};
use crate::clock::Clock;
use crate::config::{Config, MailSettings, MailWay, S3Settings, SecondCopy, SmtpSecurity, SmtpSettings, Storage};
use crate::keys::{KeyError, ServerKey};
use crate::mail::{self, Dkim, Mailbox, Mailer};
use crate::metrics::Metrics;
use crate::people::Passkeys;
use crate::single_sign_on::SingleSignOn;
use crate::store::{Store, StoreError};
use crate::tls::{Certificate, TlsError};
use crate::transfer::PartsUnderWay;
use actix_web::dev::Server;
use protocol::Timestamp;
use protocol::direct::Way;
use std::net::TcpListener;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, Notify};

/// All that requests and jobs work with.
#[derive(Debug)]
pub struct App {
    /// All settings.
    pub config: Config,
    /// Rows.
    pub store: Store,
    /// Ciphertext bytes.
    pub blobs: Blobs,
    /// The same bytes once more, of what is ready; none unless configured.
    pub second_copy: Option<Arc<Blobs>>,
    /// The one origin that pages talk to beside ours, if ciphertext does not pass through this server.
    pub store_origin: Option<String>,
    /// The way out for mail.
    pub mailer: Mailer,
    /// Whom mail comes from.
    pub mail_from: Mailbox,
    /// What time it is.
    pub clock: Clock,
    /// The server key.
    pub keys: ServerKey,
    /// The rules of this server's passkeys; none where its address is a number.
    pub passkeys: Option<Passkeys>,
    /// The institution's own sign-in, if there is one.
    pub single_sign_on: Option<SingleSignOn>,
    /// With which it speaks TLS; none behind a proxy, and on this machine alone.
    pub certificate: Option<Arc<Certificate>>,
    /// Uploads that are not complete.
    pub parts_under_way: PartsUnderWay,
    /// What is counted.
    pub metrics: Metrics,
    /// Whether the process was told to end: no new requests should come here.
    pub stopping: AtomicBool,
    /// What was found when readiness was asked for last.
    looked: Mutex<Option<(Timestamp, Readiness)>>,
    /// How far the audit was verified since the start.
    pub audit_watch: Mutex<Watch>,
    /// The newest anchor of the audit that this node's file has.
    pub anchors_written: AtomicI64,
    /// Rung when mail was queued, so that a sign-in code does not wait for the next round.
    pub outbox_bell: Notify,
}

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be made or read.
    #[error("the data folder {0} cannot be used: {1}")]
    Folder(String, std::io::Error),
    /// The second store's folder cannot be used.
    #[error("the second copy cannot be kept: {0}")]
    SecondCopy(std::io::Error),
    /// The server key is not there.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The database does not open.
    #[error("the database does not open: {0}")]
    Store(#[from] StoreError),
    /// The bucket's address makes no sense.
    #[error("browsers find no way to the bucket: {0}")]
    Bucket(std::io::Error),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The provider could never be asked.
    #[error("single sign-on cannot be used: {0}")]
    SingleSignOn(std::io::Error),
    /// The operating system gives no random bytes.
    #[error("no random bytes: {0}")]
    Random(std::io::Error),
    /// The mail settings make no sense.
    #[error("mail cannot leave: {0}")]
    Mail(String),
}

impl App {
    /// Opens everything under the data folder, making what is not there yet.
    ///
    /// # Errors
    /// [`StartError`], a sentence for the administrator.
    pub async fn build(config: Config, clock: Clock) -> Result<Arc<Self>, StartError> {
        let folder = |error| StartError::Folder(config.data.display().to_string(), error);
        // Addresses and times are nobody else's business either.
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&config.data).map_err(folder)?;
        let keys = match &config.server_key {
            Some(key) => ServerKey::parse(key.expose())?,
            None => ServerKey::load_or_make(&config.data.join("server.key"))?,
        };
        let certificate = match &config.tls {
            Some(tls) => Some(Arc::new(Certificate::load(&tls.certificate, &tls.key)?)),
            None => None,
        };
        let store = Store::open(&config.database).await?;
        let blobs = open_blobs(&config).map_err(folder)?;
        let second_copy = open_second_copy(&config).map_err(StartError::SecondCopy)?.map(Arc::new);
        let store_origin = blobs.browser_origin().await.map_err(StartError::Bucket)?;
        let mailer = make_mailer(&config)?;
        let mail_from = config.mail.from.parse().map_err(|error| StartError::Mail(format!("mail.from: {error}")))?;
        let passkeys = Passkeys::for_origin(config.public_url.origin());
        let single_sign_on = match &config.single_sign_on {
            Some(settings) => {
                let provider = SingleSignOn::new(settings.clone(), config.public_url.origin(), clock.clone());
                Some(provider.map_err(StartError::SingleSignOn)?)
            }
            None => None,
        };
        let (parts_under_way, outbox_bell) = (PartsUnderWay::default(), Notify::new());
        Ok(Arc::new(Self {
            config,
            store,
            blobs,
            second_copy,
            store_origin,
            mailer,
            mail_from,
            clock,
            keys,
            passkeys,
            single_sign_on,
            certificate,
            parts_under_way,
            metrics: Metrics::default(),
            stopping: AtomicBool::new(false),
            looked: Mutex::new(None),
            audit_watch: Mutex::default(),
            anchors_written: AtomicI64::new(0),
            outbox_bell,
        }))
    }

    /// Every store that may hold bytes of a transfer.
    pub fn stores(&self) -> impl Iterator<Item = &Blobs> {
        std::iter::once(&self.blobs).chain(self.second_copy.as_deref())
    }

    /// Answers requests on `listener` once the returned server is awaited or spawned; its handle stops it gracefully.
    ///
    /// # Errors
    /// The listener cannot be used.
    pub fn serve(self: &Arc<Self>, listener: TcpListener) -> std::io::Result<Server> {
        crate::http::serve(Arc::clone(self), listener)
    }

    /// Answers `GET /metrics` on a listener of its own.
    ///
    /// # Errors
    /// The listener cannot be used.
    pub fn serve_metrics(self: &Arc<Self>, listener: TcpListener) -> std::io::Result<Server> {
        crate::http::serve_metrics(Arc::clone(self), listener)
    }

    /// Serves, and does what is due without a request, until the process is told to end (SIGINT or SIGTERM). After SIGTERM
    /// it says for `drain_seconds` that it is not ready, so that a load balancer turns elsewhere; a second signal cuts
    /// that short. Requests under way are then finished; a mail under way is sent again after the next start.
    ///
    /// # Errors
    /// The listener cannot be used, or signals cannot be heard.
    pub async fn run(self: &Arc<Self>, listener: TcpListener) -> std::io::Result<()> {
        let server = self.serve(listener)?;
        let handle = server.handle();
        let mut terminate = signal(SignalKind::terminate())?;
        let metrics = match self.config.metrics_listen {
            Some(address) => Some(tokio::spawn(self.serve_metrics(TcpListener::bind(address)?)?)),
            None => None,
        };
        let jobs = tokio::task::spawn_local(crate::jobs::run(Arc::clone(self)));
        let app = Arc::clone(self);
        let stop = tokio::task::spawn_local(async move {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {
                    app.stopping.store(true, Ordering::SeqCst);
                    tracing::info!(seconds = app.config.drain.as_secs(), "draining");
                    tokio::select! {
                        () = tokio::time::sleep(app.config.drain) => {}
                        _ = terminate.recv() => {}
                        _ = tokio::signal::ctrl_c() => {}
                    }
                }
            }
            tracing::info!("stopping");
            handle.stop(true).await;
        });
        let ended = server.await;
        stop.abort();
        jobs.abort();
        if let Some(metrics) = metrics {
            metrics.abort();
        }
        self.store.close().await;
        ended
    }
}

/// Longest time for one try of one request to an S3 service. A part's 8 MiB need a megabit a second for it.
const STORE_DEADLINE: Duration = Duration::from_secs(60);

/// Opens what the settings say that ciphertext is kept in.
///
/// # Errors
/// A folder below the data folder cannot be made, read or written.
pub fn open_blobs(config: &Config) -> std::io::Result<Blobs> {
    match &config.storage {
        Storage::Folder => Ok(Blobs::Dir(blobs::Dir::open(&config.data.join("blobs"))?)),
        Storage::S3(s3) => open_bucket(config, s3, config.data.join("spool")),
    }
}

/// Opens what the settings say that second copies are kept in. Its folder is made by the administrator, not here: one whose
/// disk is not mounted must not be taken for an empty one. The server runs without it, and says so.
///
/// # Errors
/// The folder, or one below the data folder, cannot be read or written.
fn open_second_copy(config: &Config) -> std::io::Result<Option<Blobs>> {
    Ok(match &config.second_copy {
        None => None,
        Some(SecondCopy::Folder(folder)) if folder.is_dir() => Some(Blobs::Dir(blobs::Dir::open(folder)?)),
        Some(SecondCopy::Folder(folder)) => {
            tracing::error!(folder = %folder.display(), "the second copy's folder is not there; mount or make it, and restart");
            Some(Blobs::Dir(blobs::Dir::beside(folder)))
        }
        Some(SecondCopy::S3(s3)) => Some(open_bucket(config, s3, config.data.join("spool-second-copy"))?),
    })
}

/// Opens both for a command that runs beside a server: nothing that is on its way in is touched, and no folder made but
/// below `spool`.
///
/// # Errors
/// The spool cannot be written.
pub fn open_stores_beside(config: &Config, spool: &Path) -> std::io::Result<(Blobs, Option<Blobs>)> {
    let first = match &config.storage {
        Storage::Folder => Blobs::Dir(blobs::Dir::beside(&config.data.join("blobs"))),
        Storage::S3(s3) => open_bucket(config, s3, spool.join("first"))?,
    };
    let second = match &config.second_copy {
        None => None,
        Some(SecondCopy::Folder(folder)) => Some(Blobs::Dir(blobs::Dir::beside(folder))),
        Some(SecondCopy::S3(s3)) => Some(open_bucket(config, s3, spool.join("second"))?),
    };
    Ok((first, second))
}

fn open_bucket(config: &Config, s3: &S3Settings, spool: PathBuf) -> std::io::Result<Blobs> {
    Ok(Blobs::S3(blobs::S3::open(&blobs::S3Settings {
        bucket: s3.bucket.clone(),
        endpoint: s3.endpoint.clone(),
        region: s3.region.clone(),
        path_style: s3.is_path_style(),
        access_key_id: s3.access_key_id.clone(),
        secret_access_key: s3.secret_access_key.expose().to_owned().into(),
        prefix: s3.prefix.clone(),
        server_side_encryption: s3.server_side_encryption.clone(),
        spool,
        deadline: STORE_DEADLINE,
        direct: (s3.mode == Way::Direct).then(|| blobs::DirectSettings {
            endpoint: s3.public_endpoint.clone(),
            site: config.public_url.origin().to_owned(),
        }),
    })?))
}

/// Longest time for one mail to be handed over.
const MAIL_DEADLINE: Duration = Duration::from_secs(60);

fn make_mailer(config: &Config) -> Result<Mailer, StartError> {
    match &config.mail.way {
        MailWay::Folder(folder) => {
            let failed = |error| StartError::Mail(format!("the folder {}: {error}", folder.display()));
            Ok(Mailer::Folder(mail::Folder::open(folder).map_err(failed)?))
        }
        MailWay::Smtp(smtp) => {
            let settings = mail::SmtpSettings { dkim: load_dkim(&config.mail)?, ..smtp_settings(smtp) };
            let smtp = mail::Smtp::new(settings).map_err(|error| StartError::Mail(error.to_string()))?;
            Ok(Mailer::Smtp(smtp))
        }
        MailWay::Memory => Ok(Mailer::Memory(mail::Memory::default())),
    }
}

fn smtp_settings(smtp: &SmtpSettings) -> mail::SmtpSettings {
    let (security, usual_port) = match smtp.security {
        SmtpSecurity::Tls => (mail::Security::Tls, 465),
        SmtpSecurity::Starttls => (mail::Security::StartTls, 587),
        SmtpSecurity::None => (mail::Security::None, 25),
    };
    let credentials = smtp.username.as_ref().map(|username| {
        let password = smtp.password.as_ref().map_or("", |password| password.expose());
        (username.clone(), mail::Secret::from(password.to_owned()))
    });
    mail::SmtpSettings {
        host: smtp.host.clone(),
        port: smtp.port.unwrap_or(usual_port),
        security,
        authority: smtp.ca.clone(),
        credentials,
        deadline: MAIL_DEADLINE,
        dkim: None,
    }
}

fn load_dkim(mail: &MailSettings) -> Result<Option<Dkim>, StartError> {
    let Some(dkim) = &mail.dkim else { return Ok(None) };
    let load = Dkim::load(&dkim.domain, &dkim.selector, &dkim.key);
    Ok(Some(load.map_err(|error| StartError::Mail(error.to_string()))?))
}
