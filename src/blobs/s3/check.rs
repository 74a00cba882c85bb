//! Whether a bucket can do what this room needs, tried on the bucket itself with an object that nobody else has; and
//! the one rule that a bucket should have of its own.

use super::fault::{fault, is_code, status};
use super::{S3, checksum, part_number};
use crate::blobs::{ObjectParts, PartKey, Upload};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, BucketVersioningStatus, ExpirationStatus,
    LifecycleRule, LifecycleRuleFilter,
};
use bytes::Bytes;
use futures_util::{TryStreamExt as _, stream};
use protocol::layout::PART_LEN;
use protocol::{ObjectId, Sha256Digest, Timestamp};
use sha2::{Digest as _, Sha256};
use std::convert::Infallible;

/// Days after which the bucket aborts an upload by itself: well past the day after which a draft is given up, and only
/// for what the orphan job could not see.
const UNFINISHED_DAYS: i32 = 7;

/// How our rule is known among others.
const RULE_ID: &str = "filmjacket-unfinished-uploads";

/// One thing that was tried.
#[derive(Debug)]
pub struct Finding {
    /// What.
    pub what: &'static str,
    /// What went wrong, and what to do about it.
    pub outcome: Result<(), String>,
}

impl S3 {
    /// Tries everything, in the order in which a transfer needs it. `probe` names an object that is nobody's; nothing of
    /// it is left. `now` is what signed requests are dated with.
    pub async fn check(&self, probe: &ObjectId, now: Timestamp) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut tell = |what, outcome: Result<(), String>| findings.push(Finding { what, outcome });
        tell("send parts and make an object of them", self.try_object(probe).await);
        tell("read ranges", self.try_ranges(probe).await);
        tell("delete, and find it gone", self.delete_object(probe).await.map_err(|error| error.to_string()));
        tell("refuse a part whose SHA-256 is wrong", self.try_wrong_checksum(probe).await);
        if let Some(direct) = &self.direct {
            findings.extend(self.check_direct(direct, probe, now).await);
        }
        let mut tell = |what, outcome: Result<(), String>| findings.push(Finding { what, outcome });
        tell("abort an upload, and find it gone", self.delete_object(probe).await.map_err(|error| error.to_string()));
        tell("list", self.list_objects().await.map(drop).map_err(|error| error.to_string()));
        tell("keep no versions of what was deleted", self.look_at_versions().await);
        tell("abort forgotten uploads by itself", self.look_at_lifecycle().await);
        findings
    }

    async fn try_object(&self, probe: &ObjectId) -> Result<(), String> {
        let upload = self.begin_object(probe).await.map_err(|error| error.to_string())?;
        for (n, part) in (0..).zip(&probe_parts()) {
            let key = PartKey { object_id: *probe, n, sha256: digest_of(part) };
            let body = stream::iter([Ok::<_, Infallible>(part.clone())]);
            let put = self.put_part(&upload, &key.announced(part.len() as u64), body).await;
            put.map_err(|error| error.to_string())?;
        }
        let object = probe_object(probe);
        self.complete_object(&upload, &object).await.map_err(|error| error.to_string())?;
        // As after a crash between completing and writing it down.
        self.complete_object(&upload, &object).await.map_err(|error| format!("the second time: {error}"))
    }

    async fn try_ranges(&self, probe: &ObjectId) -> Result<(), String> {
        for (n, part) in (0..).zip(probe_parts()) {
            let key = PartKey { object_id: *probe, n, sha256: digest_of(&part) };
            let (from, to) = (part.len() / 3, part.len() - 1);
            let read = self.read_part(&key, from as u64..to as u64).await.map_err(|error| error.to_string())?;
            let read = read.try_collect::<Vec<_>>().await.map_err(|error| error.to_string())?.concat();
            if read != part[from..to] {
                return Err("other bytes came back than were sent".to_owned());
            }
        }
        Ok(())
    }

    async fn try_wrong_checksum(&self, probe: &ObjectId) -> Result<(), String> {
        let upload: Upload = self.begin_object(probe).await.map_err(|error| error.to_string())?;
        let sent = self
            .client
            .upload_part()
            .bucket(&self.bucket)
            .key(self.key(probe))
            .upload_id(upload.as_text())
            .part_number(part_number(0))
            .checksum_sha256(checksum(&digest_of(b"other bytes")))
            .body(ByteStream::from_static(b"these bytes"))
            .send()
            .await;
        match sent {
            Err(error) if matches!(status(&error), Some(400..=499)) => Ok(()),
            Err(error) => Err(fault("UploadPart", &error).to_string()),
            Ok(_) => Err("it was stored: this store does not verify what it is sent; do not use it".to_owned()),
        }
    }

    /// Purged means gone. A store that does not know the question keeps no versions.
    async fn look_at_versions(&self) -> Result<(), String> {
        let told = self.client.get_bucket_versioning().bucket(&self.bucket).send().await;
        match told.ok().and_then(|told| told.status) {
            Some(BucketVersioningStatus::Enabled) => {
                Err("the bucket keeps old versions, so that purged transfers stay: switch versioning off".to_owned())
            }
            _ => Ok(()),
        }
    }

    async fn look_at_lifecycle(&self) -> Result<(), String> {
        let rules = self.lifecycle_rules().await?;
        let aborts = |rule: &LifecycleRule| {
            rule.status == ExpirationStatus::Enabled && rule.abort_incomplete_multipart_upload.is_some()
        };
        if rules.iter().any(aborts) {
            Ok(())
        } else {
            Err("it has no rule for them: run `filmjacket storage setup`".to_owned())
        }
    }

    async fn lifecycle_rules(&self) -> Result<Vec<LifecycleRule>, String> {
        match self.client.get_bucket_lifecycle_configuration().bucket(&self.bucket).send().await {
            Ok(told) => Ok(told.rules.unwrap_or_default()),
            Err(error) if is_code(&error, &["NoSuchLifecycleConfiguration"]) => Ok(Vec::new()),
            Err(error) => Err(fault("GetBucketLifecycleConfiguration", &error).to_string()),
        }
    }

    /// Has the bucket abort uploads that nobody finishes, and in direct mode let our pages talk to it. Other rules of the
    /// bucket stay.
    ///
    /// # Errors
    /// A sentence for the administrator.
    pub async fn set_up(&self) -> Result<(), String> {
        if let Some(direct) = &self.direct {
            self.set_up_cors(direct).await?;
        }
        let mut rules = self.lifecycle_rules().await?;
        rules.retain(|rule| rule.id.as_deref() != Some(RULE_ID));
        let abort = AbortIncompleteMultipartUpload::builder().days_after_initiation(UNFINISHED_DAYS).build();
        let ours = LifecycleRule::builder()
            .id(RULE_ID)
            .status(ExpirationStatus::Enabled)
            .filter(LifecycleRuleFilter::builder().prefix(format!("{}objects/", self.prefix)).build())
            .abort_incomplete_multipart_upload(abort)
            .build();
        rules.push(ours.map_err(|error| error.to_string())?);
        let rules = BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build();
        let rules = rules.map_err(|error| error.to_string())?;
        let put = self.client.put_bucket_lifecycle_configuration().bucket(&self.bucket).lifecycle_configuration(rules);
        put.send().await.map(drop).map_err(|error| fault("PutBucketLifecycleConfiguration", &error).to_string())
    }
}

/// A whole part and a short last one, as of a real object.
fn probe_parts() -> [Bytes; 2] {
    let bytes = |len: u64| (0..len).map(|i| (i % 251) as u8).collect();
    [bytes(PART_LEN), bytes(1000)]
}

fn probe_object(probe: &ObjectId) -> ObjectParts {
    let parts = probe_parts();
    ObjectParts {
        object_id: *probe,
        object_len: parts.iter().map(|part| part.len() as u64).sum(),
        digests: parts.iter().map(|part| digest_of(part)).collect(),
    }
}

pub(super) fn digest_of(bytes: &[u8]) -> Sha256Digest {
    Sha256Digest::from_bytes(Sha256::digest(bytes).into())
}
