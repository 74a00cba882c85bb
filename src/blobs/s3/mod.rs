//! Objects in an S3 bucket, as multipart uploads: one S3 object a file object, one S3 part a part.
//!
//! ```text
//! <prefix>objects/ab/<object id>     complete objects; an upload of the same key while parts come in
//! <spool>/…                          parts on their way in, on this machine; emptied at start
//! ```
//! | file | does |
//! | --- | --- |
//! | `client` | settings → client: time limits, retries, no other source of credentials |
//! | `complete` | the parts → an object, verified before and after |
//! | `read` | ranges |
//! | `sweep` | deleting, and listing what is there |
//! | `direct` | signed requests, with which browsers put and get parts themselves |
//! | `check`, `direct_check` | whether a bucket can do all this, and the rules it should have |
//! | `fault` | what an error means |
//!
//! A part is first taken in whole on this machine, so that a slow or broken client holds up no connection to the store,
//! a failed request can be repeated, and memory use does not grow with the length. The store then verifies the SHA-256
//! that we signed into the request. Whether a part *counts* is said by its row; whether the store has it is asked again
//! when the object is completed, because a later upload of the same number takes an earlier one's place.

mod check;
mod client;
mod complete;
mod direct;
mod direct_check;
mod fault;
mod read;
mod sweep;

pub use check::Finding;
pub use client::S3Settings;
pub use direct::DirectSettings;

use self::direct::Direct;
use self::fault::{fault, is_code};
use super::intake::take_in;
use super::key::{CONTENT_TYPE, object_path};
use super::{Announced, BATCH_LEN, PartKey, PutError, Upload};
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ServerSideEncryption};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::Stream;
use protocol::{ObjectId, Sha256Digest};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

/// A bucket.
#[derive(Debug)]
pub struct S3 {
    client: Client,
    bucket: String,
    prefix: String,
    encryption: Option<ServerSideEncryption>,
    spool: PathBuf,
    /// None if all bytes pass through this server.
    direct: Option<Direct>,
}

impl S3 {
    /// Prepares the client and empties the spool; the store itself is not asked. Blocks; meant for the start.
    ///
    /// # Errors
    /// The spool folder cannot be made, read or written.
    pub fn open(settings: &S3Settings) -> io::Result<Self> {
        let spool = settings.spool.clone();
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&spool)?;
        for stale in std::fs::read_dir(&spool)? {
            std::fs::remove_file(stale?.path())?;
        }
        Ok(Self {
            client: client::make_client(settings),
            bucket: settings.bucket.clone(),
            prefix: settings.prefix.clone(),
            encryption: settings.server_side_encryption.as_deref().map(ServerSideEncryption::from),
            spool,
            direct: settings.direct.as_ref().map(|direct| Direct::new(settings, direct)),
        })
    }

    /// Whether the bucket is there and may be used.
    pub(super) async fn ping(&self) -> io::Result<()> {
        let head = self.client.head_bucket().bucket(&self.bucket).send().await;
        head.map(drop).map_err(|error| fault("HeadBucket", &error))
    }

    fn key(&self, object_id: &ObjectId) -> String {
        format!("{}{}", self.prefix, object_path(object_id))
    }

    pub(super) async fn begin_object(&self, object_id: &ObjectId) -> io::Result<Upload> {
        let begun = self
            .client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(self.key(object_id))
            .content_type(CONTENT_TYPE)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .set_server_side_encryption(self.encryption.clone())
            .send()
            .await
            .map_err(|error| fault("CreateMultipartUpload", &error))?;
        let upload = begun.upload_id.filter(|id| !id.is_empty());
        upload.map(Upload::from).ok_or_else(|| io::Error::other("CreateMultipartUpload: no upload id was given"))
    }

    pub(super) async fn put_part<E>(
        &self,
        upload: &Upload,
        part: &Announced,
        body: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<PartKey, PutError<E>> {
        let (key, file) = take_in(&self.spool, part, body).await?;
        let body = ByteStream::read_from().path(file.path()).buffer_size(BATCH_LEN).build().await;
        let sent = self
            .client
            .upload_part()
            .bucket(&self.bucket)
            .key(self.key(&key.object_id))
            .upload_id(upload.as_text())
            .part_number(part_number(key.n))
            .checksum_sha256(checksum(&key.sha256))
            .body(body.map_err(io::Error::other)?)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(key),
            Err(error) if is_code(&error, &[NO_SUCH_UPLOAD]) => Err(PutError::Gone),
            Err(error) => Err(fault("UploadPart", &error).into()),
        }
    }
}

/// What stores answer when an upload was completed, aborted or never begun.
const NO_SUCH_UPLOAD: &str = "NoSuchUpload";

/// S3 counts parts from 1.
fn part_number(n: u32) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX).saturating_add(1)
}

/// A digest as S3's headers and lists spell it.
fn checksum(sha256: &Sha256Digest) -> String {
    STANDARD.encode(sha256.as_bytes())
}
