//! From parts to an object: what the store says it holds is held against the rows, before and after.

use super::fault::{fault, is_code, status};
use super::{NO_SUCH_UPLOAD, S3, checksum, part_number};
use crate::blobs::{CompleteError, ObjectParts, Upload};
use aws_sdk_s3::types::{ChecksumMode, CompletedMultipartUpload, CompletedPart, Part};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io;

/// What stores answer when an upload cannot be completed with parts that they have just listed: one of them was being
/// replaced when its upload broke off.
const UNFIT: [&str; 3] = ["InvalidPart", "InvalidPartOrder", "InvalidDigest"];

/// The upload was completed before and the object is there, `If-None-Match` says.
const THERE_ALREADY: &str = "PreconditionFailed";

impl S3 {
    /// Lists the parts, holds them against the rows, completes, and looks at the result. A repetition finds the upload
    /// gone and the object there, which is never replaced.
    pub(in crate::blobs) async fn complete_object(
        &self,
        upload: &Upload,
        object: &ObjectParts,
    ) -> Result<(), CompleteError> {
        self.complete(upload, object, Some("*")).await
    }

    /// The same, whatever is there already.
    pub(in crate::blobs) async fn replace_object(
        &self,
        upload: &Upload,
        object: &ObjectParts,
    ) -> Result<(), CompleteError> {
        self.complete(upload, object, None).await
    }

    async fn complete(
        &self,
        upload: &Upload,
        object: &ObjectParts,
        if_none_match: Option<&str>,
    ) -> Result<(), CompleteError> {
        let Some(held) = self.list_parts(upload, object).await? else { return self.check_object(object).await };
        let parts = choose_parts(&held, object)?;
        let completed = self
            .client
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(self.key(&object.object_id))
            .upload_id(upload.as_text())
            .set_if_none_match(if_none_match.map(str::to_owned))
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
            .send()
            .await;
        match completed {
            Ok(_) => {}
            Err(error) if is_code(&error, &[NO_SUCH_UPLOAD, THERE_ALREADY]) => {}
            Err(error) if is_code(&error, &UNFIT) => {
                tracing::warn!(error = %fault("CompleteMultipartUpload", &error), "an upload must be begun again");
                self.abandon_upload(&object.object_id, upload).await?;
                return Err(CompleteError::Gone);
            }
            Err(error) => return Err(fault("CompleteMultipartUpload", &error).into()),
        }
        self.check_object(object).await
    }

    /// What the store holds of an upload, by number; `None` if it does not know it.
    async fn list_parts(&self, upload: &Upload, object: &ObjectParts) -> io::Result<Option<BTreeMap<i32, Part>>> {
        if upload.as_text().is_empty() {
            return Ok(None);
        }
        let list = self.client.list_parts().bucket(&self.bucket).key(self.key(&object.object_id));
        let mut pages = list.upload_id(upload.as_text()).into_paginator().send();
        let mut held = BTreeMap::new();
        while let Some(page) = pages.next().await {
            match page {
                Ok(page) => {
                    held.extend(page.parts.into_iter().flatten().filter_map(|part| Some((part.part_number?, part))));
                }
                Err(error) if is_code(&error, &[NO_SUCH_UPLOAD]) => return Ok(None),
                Err(error) => return Err(fault("ListParts", &error)),
            }
        }
        Ok(Some(held))
    }

    /// The object is there with its length, and with the digest of its parts' digests if the store tells that.
    async fn check_object(&self, object: &ObjectParts) -> Result<(), CompleteError> {
        let key = self.key(&object.object_id);
        let head = self.client.head_object().bucket(&self.bucket).key(&key).checksum_mode(ChecksumMode::Enabled);
        let head = match head.send().await {
            Ok(head) => head,
            Err(error) if status(&error) == Some(404) => return Err(CompleteError::Gone),
            Err(error) => return Err(fault("HeadObject", &error).into()),
        };
        let has_len = head.content_length.and_then(|len| u64::try_from(len).ok()) == Some(object.object_len);
        let has_digest = head.checksum_sha256.is_none_or(|told| told == composite_checksum(object));
        if has_len && has_digest {
            return Ok(());
        }
        let what = format!("{key} is not what was put together: length {:?}", head.content_length);
        Err(io::Error::new(io::ErrorKind::InvalidData, what).into())
    }
}

/// The parts as the completing request names them, each with the tag that the store gave it and the digest that the row
/// has; or the numbers of those that are not there as the rows say.
fn choose_parts(held: &BTreeMap<i32, Part>, object: &ObjectParts) -> Result<Vec<CompletedPart>, CompleteError> {
    let mut chosen = Vec::with_capacity(object.digests.len());
    let mut missing = Vec::new();
    for (key, len) in object.parts() {
        let (number, sha256) = (part_number(key.n), checksum(&key.sha256));
        let fits = |part: &&Part| {
            part.size.and_then(|size| u64::try_from(size).ok()) == Some(len)
                // A store that keeps it to itself compares it with the request's.
                && part.checksum_sha256.as_ref().is_none_or(|told| *told == sha256)
        };
        match held.get(&number).filter(fits) {
            Some(part) => chosen.push(
                CompletedPart::builder()
                    .part_number(number)
                    .set_e_tag(part.e_tag.clone())
                    .checksum_sha256(sha256)
                    .build(),
            ),
            None => missing.push(key.n),
        }
    }
    if missing.is_empty() { Ok(chosen) } else { Err(CompleteError::Parts(missing)) }
}

/// S3's checksum of a multipart object: the SHA-256 of its parts' SHA-256s, and how many they are.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>
fn composite_checksum(object: &ObjectParts) -> String {
    let mut sha256 = Sha256::new();
    object.digests.iter().for_each(|digest| sha256.update(digest.as_bytes()));
    format!("{}-{}", STANDARD.encode(sha256.finalize()), object.digests.len())
}
