//! Where ciphertext is kept.

use super::{ConfigError, Secret};
use serde::{Deserialize, Serialize};

/// Where ciphertext is kept.
#[derive(Debug, Clone)]
pub enum Storage {
    /// The folder `blobs` in the data folder.
    Folder,
    /// A bucket.
    S3(S3Settings),
}

/// An S3 bucket.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct S3Settings {
    /// Its name.
    pub bucket: String,
    /// Where the service is; Amazon's place for the region unless given.
    pub endpoint: Option<String>,
    /// What requests are signed for.
    pub region: String,
    /// Whether the bucket's name is in the path. Unless given: yes with an endpoint, no without.
    pub path_style: Option<bool>,
    /// The key's public half.
    pub access_key_id: String,
    /// The key's secret half.
    pub secret_access_key: Secret,
    /// What every key begins with.
    #[serde(default)]
    pub prefix: String,
    /// What the store is to encrypt with.
    pub server_side_encryption: Option<String>,
}

/// What Amazon knows; others know less.
const ENCRYPTIONS: [&str; 3] = ["AES256", "aws:kms", "aws:kms:dsse"];

impl S3Settings {
    pub(super) fn parse(self) -> Result<Self, ConfigError> {
        let wrong = |name, why: &str| Err(ConfigError::Value(name, why.to_owned()));
        if self.bucket.is_empty() || self.bucket.contains('/') {
            return wrong("storage.s3.bucket", "must be a bucket's name");
        }
        if self.endpoint.as_ref().is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://")) {
            return wrong("storage.s3.endpoint", "must begin with https:// (or http://)");
        }
        if self.prefix.starts_with('/') || !(self.prefix.is_empty() || self.prefix.ends_with('/')) {
            return wrong("storage.s3.prefix", "must end with a slash and not begin with one, such as \"filmjacket/\"");
        }
        if self.server_side_encryption.as_deref().is_some_and(|asked| !ENCRYPTIONS.contains(&asked)) {
            return wrong("storage.s3.server_side_encryption", "must be AES256, aws:kms or aws:kms:dsse");
        }
        Ok(self)
    }

    /// Whether the bucket's name is in the path.
    pub fn is_path_style(&self) -> bool {
        self.path_style.unwrap_or(self.endpoint.is_some())
    }
}
