//! From settings to a client. Whatever is not said here is not asked for: no profile files, no instance metadata, no
//! single sign-on.

use super::DirectSettings;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::interceptors::InterceptorContext;
use aws_sdk_s3::config::retry::{ClassifyRetry, RetryAction, RetryConfig};
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    StalledStreamProtectionConfig,
};
use aws_smithy_http_client::Builder as HttpBuilder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use std::path::PathBuf;
use std::time::Duration;
use zeroize::Zeroizing;

/// How often a request is tried before its failure is told; between two tries lies a random time, at most a second for
/// the first and twice that for the next.
const TRIES: u32 = 3;

/// Longest time for a connection to stand.
const CONNECT: Duration = Duration::from_secs(5);

/// A bucket, and the right to it.
#[derive(Clone)]
pub struct S3Settings {
    /// Its name.
    pub bucket: String,
    /// Where the service is, if not at Amazon.
    pub endpoint: Option<String>,
    /// The region that requests are signed for.
    pub region: String,
    /// Whether the bucket's name is in the path rather than in the host name.
    pub path_style: bool,
    /// The key's public half.
    pub access_key_id: String,
    /// The key's secret half.
    pub secret_access_key: Zeroizing<String>,
    /// What every key begins with.
    pub prefix: String,
    /// What the store is to encrypt with: `AES256`, `aws:kms` or `aws:kms:dsse`; its own default if not said.
    pub server_side_encryption: Option<String>,
    /// A folder of this machine for parts on their way, emptied at start. One process at a time may use it.
    pub spool: PathBuf,
    /// Longest time for one try of one request, the body of a download apart.
    pub deadline: Duration,
    /// If browsers talk to the bucket themselves.
    pub direct: Option<DirectSettings>,
}

impl std::fmt::Debug for S3Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { bucket, endpoint, region, .. } = self;
        write!(f, "S3Settings({bucket} in {region} at {})", endpoint.as_deref().unwrap_or("Amazon"))
    }
}

/// A connection lives in the thread of the server that opened it, and dies with it when the server stops, also under a request of
/// another thread that is still to be finished. The SDK takes that for a mistake of its caller's and would not try again.
#[derive(Debug)]
struct ConnectionGone;

impl ClassifyRetry for ConnectionGone {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context.output_or_error().and_then(Result::err).and_then(|error| error.as_connector_error());
        match error {
            Some(error) if error.is_user() => RetryAction::transient_error(),
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "connection gone"
    }
}

pub(super) fn make_client(settings: &S3Settings) -> Client {
    let credentials = Credentials::new(
        settings.access_key_id.clone(),
        settings.secret_access_key.to_string(),
        None,
        None,
        "filmjacket's configuration",
    );
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT.min(settings.deadline))
        .operation_attempt_timeout(settings.deadline)
        .build();
    let http = HttpBuilder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let mut config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http)
        .region(Region::new(settings.region.clone()))
        .credentials_provider(credentials)
        .force_path_style(settings.path_style)
        .retry_config(RetryConfig::standard().with_max_attempts(TRIES))
        .retry_classifier(ConnectionGone)
        .timeout_config(timeouts)
        // Downloads are held to `super::read`'s own patience, uploads to the deadline.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        // Ours are SHA-256, named beforehand; not every store knows the SDK's own choice.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    if let Some(endpoint) = &settings.endpoint {
        config = config.endpoint_url(endpoint);
    }
    Client::from_conf(config.build())
}
