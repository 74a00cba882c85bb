//! Requests that others make to the bucket in our name: one part in, or one part out, for a minute.
//!
//! A signature binds the method, the place (bucket, key, upload, number), the end of its time, and the headers that are
//! sent with it: `x-amz-checksum-sha256`, which the store compares with the bytes, and `content-length`, or `range`.
//! Nothing else can be done with it. (Signature version 4 in the query:
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>)

use super::client::make_client;
use super::fault::fault;
use super::{S3, S3Settings, checksum, part_number};
use crate::blobs::{PartKey, SIGNED_FOR, Upload};
use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use protocol::direct::SignedRequest;
use protocol::layout::PART_LEN;
use protocol::{ObjectId, Timestamp};
use std::io;
use std::time::{Duration, SystemTime};

/// What browsers need to be told of a bucket that they talk to themselves.
#[derive(Debug, Clone)]
pub struct DirectSettings {
    /// Where browsers find the service, if elsewhere than this machine does.
    pub endpoint: Option<String>,
    /// The origin of the pages that may talk to it: this server's own.
    pub site: String,
}

/// A bucket that browsers talk to.
#[derive(Debug)]
pub(super) struct Direct {
    /// Signs for the address that browsers use; sends nothing.
    signer: Client,
    /// The origin of our pages.
    pub(super) site: String,
}

impl Direct {
    pub(super) fn new(settings: &S3Settings, direct: &DirectSettings) -> Self {
        let endpoint = direct.endpoint.clone().or_else(|| settings.endpoint.clone());
        Self { signer: make_client(&S3Settings { endpoint, ..settings.clone() }), site: direct.site.clone() }
    }
}

impl S3 {
    pub(super) fn direct(&self) -> io::Result<&Direct> {
        self.direct.as_ref().ok_or_else(|| io::Error::from(io::ErrorKind::Unsupported))
    }

    pub(in crate::blobs) fn is_direct(&self) -> bool {
        self.direct.is_some()
    }

    /// The origin that signed requests go to; taken from one of them, because the client alone knows for certain how it
    /// makes host names of endpoints, regions and buckets.
    pub(in crate::blobs) async fn browser_origin(&self) -> io::Result<Option<String>> {
        if !self.is_direct() {
            return Ok(None);
        }
        let any = self.sign_get(&ObjectId::from_bytes([0; 16]), 0, 1, Timestamp::from_unix(0)).await?;
        let url = url::Url::parse(&any.url).map_err(io::Error::other)?;
        Ok(Some(url.origin().ascii_serialization()))
    }

    pub(in crate::blobs) async fn sign_put(
        &self,
        upload: &Upload,
        key: &PartKey,
        len: u64,
        now: Timestamp,
    ) -> io::Result<SignedRequest> {
        let put = self.direct()?.signer.upload_part().bucket(&self.bucket).key(self.key(&key.object_id));
        let put = put
            .upload_id(upload.as_text())
            .part_number(part_number(key.n))
            .checksum_sha256(checksum(&key.sha256))
            .content_length(i64::try_from(len).map_err(io::Error::other)?);
        let signed = put.presigned(from(now)?).await.map_err(|error| fault("UploadPart", &error))?;
        Ok(as_told(&signed))
    }

    pub(in crate::blobs) async fn sign_get(
        &self,
        object_id: &ObjectId,
        n: u32,
        len: u64,
        now: Timestamp,
    ) -> io::Result<SignedRequest> {
        let begin = u64::from(n) * PART_LEN;
        let get = self.direct()?.signer.get_object().bucket(&self.bucket).key(self.key(object_id));
        let get = get.range(format!("bytes={begin}-{}", begin + len.saturating_sub(1)));
        let signed = get.presigned(from(now)?).await.map_err(|error| fault("GetObject", &error))?;
        Ok(as_told(&signed))
    }
}

fn from(now: Timestamp) -> io::Result<PresigningConfig> {
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(now.as_unix().max(0).cast_unsigned());
    PresigningConfig::builder().start_time(start).expires_in(SIGNED_FOR).build().map_err(io::Error::other)
}

fn as_told(signed: &PresignedRequest) -> SignedRequest {
    // Browsers say the length by themselves, and let no page say it.
    let headers = signed.headers().filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
    SignedRequest {
        url: signed.uri().to_owned(),
        headers: headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect(),
    }
}
