//! The one way to the provider: HTTP/1.1 over TLS, by the machine's own authorities and the one that the operator named.
//! No redirect is followed, no answer is waited for or read for ever.

use super::causes;
use http::Uri;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// Longest time for one answer: a person is waiting.
const DEADLINE: Duration = Duration::from_secs(10);

/// Longest answer, in bytes: the keys of a large provider are some ten thousand.
const LONGEST: usize = 1 << 20;

/// Asks the provider.
#[derive(Debug)]
pub(super) struct Line(Client<HttpsConnector<HttpConnector>, Full<bytes::Bytes>>);

/// The provider cannot be asked, or did not answer as anybody can read.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    /// Whoever is on the way could answer in the provider's place.
    #[error("{0} is not protected by TLS")]
    InClear(String),
    /// No connection, or none that can be trusted.
    #[error("no connection: {0}")]
    Connection(String),
    /// It broke off or became too long.
    #[error("the answer could not be read: {0}")]
    Answer(String),
    /// Nothing came in time.
    #[error("no answer in time")]
    TooSlow,
}

impl Line {
    /// Trusts the machine's authorities, and `authority`, a file in PEM form.
    ///
    /// # Errors
    /// The file does not read, or nobody is trusted at all.
    pub(super) fn new(authority: Option<&Path>) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(file) = authority {
            let pem = std::fs::read(file)?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
            }
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let https = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().build();
        Ok(Self(Client::builder(TokioExecutor::new()).build(https)))
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, LineError> {
        if !is_protected(request.uri()) {
            return Err(LineError::InClear(request.uri().host().unwrap_or_default().to_owned()));
        }
        let request = request.map(|body| Full::new(body.into()));
        let answer = self.0.request(request).await.map_err(|error| LineError::Connection(causes(&error)))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, LONGEST).collect().await.map_err(|error| LineError::Answer(error.to_string()))?;
        Ok(HttpResponse::from_parts(head, body.to_bytes().into()))
    }
}

impl<'c> AsyncHttpClient<'c> for Line {
    type Error = LineError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, LineError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(
            async move { tokio::time::timeout(DEADLINE, self.ask(request)).await.unwrap_or(Err(LineError::TooSlow)) },
        )
    }
}

/// By TLS, or without leaving this machine.
fn is_protected(address: &Uri) -> bool {
    let host = address.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_here = || host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    address.scheme_str() == Some("https") || is_here()
}

#[cfg(test)]
mod tests {
    use super::is_protected;

    #[test]
    fn nothing_is_asked_in_clear_beyond_this_machine() {
        for (address, protected) in [
            ("https://login.clinic.example/token", true),
            ("http://login.clinic.example/token", false),
            ("http://127.0.0.1:1/token", true),
            ("http://[::1]:1/token", true),
            ("http://127.0.0.1.evil.example/token", false),
        ] {
            assert_eq!(is_protected(&address.parse().unwrap()), protected, "{address}");
        }
    }
}
