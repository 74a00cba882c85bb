//! Where ciphertext is kept, and where it is kept once more.

use super::{ConfigError, Secret};
use protocol::direct::Way;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Where ciphertext is kept.
#[derive(Debug, Clone)]
pub enum Storage {
    /// The folder `blobs` in the data folder.
    Folder,
    /// A bucket.
    S3(S3Settings),
}

/// Where what is ready is kept once more.
#[derive(Debug, Clone)]
pub enum SecondCopy {
    /// A folder, best on another machine's or at least another disk.
    Folder(PathBuf),
    /// A bucket.
    S3(S3Settings),
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SecondCopySection {
    folder: Option<PathBuf>,
    s3: Option<S3Settings>,
}

impl SecondCopySection {
    /// Refuses what is no second place.
    pub(super) fn parse(self, storage: &Storage, data: &Path) -> Result<Option<SecondCopy>, ConfigError> {
        let wrong = |why: &str| Err(ConfigError::Value("second_copy", why.to_owned()));
        match (self.folder, self.s3) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => wrong("must be a folder or a bucket, not both"),
            (Some(folder), None)
                if folder.as_os_str().is_empty() || folder == data || folder.starts_with(data.join("blobs")) =>
            {
                wrong("must be another folder than the one for the ciphertext itself")
            }
            (Some(folder), None) => Ok(Some(SecondCopy::Folder(folder))),
            (None, Some(s3)) => match storage {
                Storage::S3(first) if first.is_same_place(&s3) => {
                    wrong("must be another bucket than that of [storage.s3]")
                }
                _ if s3.mode == Way::Direct => wrong("is for this server only: it has no mode"),
                _ => Ok(Some(SecondCopy::S3(s3.parse("second_copy.s3")?))),
            },
        }
    }
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
    /// Whether browsers talk to the bucket themselves.
    #[serde(default = "proxied")]
    pub mode: Way,
    /// Where browsers find the service, if elsewhere than this machine does.
    pub public_endpoint: Option<String>,
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

const fn proxied() -> Way {
    Way::Proxied
}

/// What Amazon knows; others know less.
const ENCRYPTIONS: [&str; 3] = ["AES256", "aws:kms", "aws:kms:dsse"];

impl S3Settings {
    /// `section` is where the settings stand.
    pub(super) fn parse(self, section: &'static str) -> Result<Self, ConfigError> {
        let wrong = |name, why: &str| Err(ConfigError::Value(section, format!("{name} {why}")));
        if self.bucket.is_empty() || self.bucket.contains('/') {
            return wrong("bucket", "must be a bucket's name");
        }
        for (name, url) in [("endpoint", &self.endpoint), ("public_endpoint", &self.public_endpoint)] {
            if url.as_ref().is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://")) {
                return wrong(name, "must begin with https:// (or http://)");
            }
        }
        if self.public_endpoint.is_some() && self.mode == Way::Proxied {
            return wrong("public_endpoint", "is of use with mode = \"direct\" only");
        }
        if self.prefix.starts_with('/') || !(self.prefix.is_empty() || self.prefix.ends_with('/')) {
            return wrong("prefix", "must end with a slash and not begin with one, such as \"filmjacket/\"");
        }
        if self.server_side_encryption.as_deref().is_some_and(|asked| !ENCRYPTIONS.contains(&asked)) {
            return wrong("server_side_encryption", "must be AES256, aws:kms or aws:kms:dsse");
        }
        Ok(self)
    }

    fn is_same_place(&self, other: &Self) -> bool {
        (&self.bucket, &self.endpoint, &self.prefix) == (&other.bucket, &other.endpoint, &other.prefix)
    }

    /// Where browsers find the service in direct mode; `None` if at Amazon.
    pub fn browser_endpoint(&self) -> Option<&str> {
        self.public_endpoint.as_deref().or(self.endpoint.as_deref())
    }

    /// Whether the bucket's name is in the path.
    pub fn is_path_style(&self) -> bool {
        self.path_style.unwrap_or(self.endpoint.is_some())
    }
}
