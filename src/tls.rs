//! The server's own TLS: version 1.3 only, with a certificate that is read again when its files change.
//!
//! A renewed certificate takes effect for the next connection; those that are open go on. What does not read, or does not
//! fit together, changes nothing: the certificate before it stays in use, and the log says why.
//!
//! This room must not know about requests, rows or mail.

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// A certificate with its key, and the files that they are read from.
#[derive(Debug)]
pub struct Certificate {
    files: Files,
    /// In use for new connections.
    current: RwLock<Arc<CertifiedKey>>,
    /// What the files looked like when they were read last, well or not.
    seen: Mutex<Stamp>,
}

#[derive(Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// What changes when a file is written or replaced: inode, length, time of the last change in nanoseconds.
type Stamp = Vec<(u64, u64, i64, i64)>;

/// Why a certificate cannot be used: a sentence for the administrator.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{0} cannot be read: {1}")]
    File(String, io::Error),
    /// The file holds no certificate or key as PEM.
    #[error("{0} holds no {1} in PEM form")]
    Pem(String, &'static str),
    /// Everyone on the machine could take the key.
    #[error("the key {0} may be read by everyone on this machine; run: chmod o-rwx {0}")]
    Permissions(String),
    /// The key is not the certificate's, or of a kind that is not known.
    #[error("the certificate {0} and the key {1} cannot be used together: {2}")]
    Pair(String, String, rustls::Error),
    /// The pieces of TLS do not fit together: a fault of the program's.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

impl Certificate {
    /// Reads both files: a chain of certificates, the server's own first, and its private key, as PEM.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let files = Files { certificate: certificate.to_owned(), key: key.to_owned() };
        let seen = Mutex::new(files.stamp());
        Ok(Self { current: RwLock::new(Arc::new(files.read()?)), seen, files })
    }

    /// Takes a changed certificate into use; says whether there was one. Two looks at the file system if not.
    ///
    /// # Errors
    /// [`TlsError`], once for each change of the files; the certificate before stays in use.
    pub fn renew(&self) -> Result<bool, TlsError> {
        let stamp = self.files.stamp();
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if *seen == stamp {
                return Ok(false);
            }
            *seen = stamp;
        }
        let renewed = Arc::new(self.files.read()?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = renewed;
        Ok(true)
    }

    /// TLS as this server speaks it: 1.3 and nothing older (every browser that can run the client has it), so that there
    /// is no choice of weak ciphers to be talked into. No early data: it could be replayed (RFC 8446 §8).
    ///
    /// # Errors
    /// [`TlsError::Setup`].
    pub fn server_config(self: &Arc<Self>) -> Result<ServerConfig, TlsError> {
        let config = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_protocol_versions(&[&version::TLS13])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        Ok(config)
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// *ring* is what the mail client uses too; a second implementation would only be more to trust.
fn provider() -> CryptoProvider {
    ring::default_provider()
}

impl Files {
    fn read(&self) -> Result<CertifiedKey, TlsError> {
        let (certificate, key) = (self.certificate.display().to_string(), self.key.display().to_string());
        let chain = read_file(&self.certificate)?;
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&chain)
            .collect::<Result<_, _>>()
            .ok()
            .filter(|chain: &Vec<_>| !chain.is_empty())
            .ok_or_else(|| TlsError::Pem(certificate.clone(), "certificate"))?;
        let mode = metadata(&self.key)?.permissions().mode();
        // A group may: that is how a service account reads a key of root's.
        if mode & 0o007 != 0 {
            return Err(TlsError::Permissions(key));
        }
        let bytes = zeroize::Zeroizing::new(read_file(&self.key)?);
        let private = PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| TlsError::Pem(key.clone(), "private key"))?;
        CertifiedKey::from_der(chain, private, &provider()).map_err(|error| TlsError::Pair(certificate, key, error))
    }

    /// A file that is gone for a moment, because it is being replaced, has changed too.
    fn stamp(&self) -> Stamp {
        let stamp = |path: &PathBuf| {
            let metadata = std::fs::metadata(path).ok();
            metadata.map_or((0, 0, 0, 0), |file| (file.ino(), file.len(), file.ctime(), file.ctime_nsec()))
        };
        [&self.certificate, &self.key].map(stamp).to_vec()
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|error| TlsError::File(path.display().to_string(), error))
}

fn metadata(path: &Path) -> Result<Metadata, TlsError> {
    std::fs::metadata(path).map_err(|error| TlsError::File(path.display().to_string(), error))
}
