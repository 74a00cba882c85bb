//! What an S3 error means for whoever asked: gone for now, no room, or broken.

use crate::blobs::AWAY;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use std::error::Error;
use std::fmt::Debug;
use std::io;

/// Error codes (of Amazon, MinIO and Garage) that mean a quota or a disk is full.
const FULL: [&str; 4] =
    ["QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "EntityTooLargeForQuota"];

/// Error codes below 500 after which another try may succeed: the line or the part was damaged on the way, or two
/// requests met.
const PASSING: [&str; 7] = [
    "RequestTimeout",
    "SlowDown",
    "BadDigest",
    "XAmzContentChecksumMismatch",
    "IncompleteBody",
    "OperationAborted",
    "ConditionalRequestConflict",
];

/// Whether the store answered with this error code.
pub(super) fn is_code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>, codes: &[&str]) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code).is_some_and(|code| codes.contains(&code))
}

/// The HTTP status that the store answered with.
pub(super) fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// An error of kind [`AWAY`] if another try may succeed, `StorageFull` if there is no room, else any other. Its text
/// names the call, for the log; it holds no secret.
pub(super) fn fault<E>(call: &str, error: &SdkError<E>) -> io::Error
where
    E: Error + ProvideErrorMetadata + Debug + 'static,
{
    let text = format!("{call}: {}", DisplayErrorContext(error));
    let kind = match (error, status(error)) {
        (SdkError::ConstructionFailure(_), _) => io::ErrorKind::InvalidInput,
        _ if is_code(error, &FULL) => io::ErrorKind::StorageFull,
        (_, Some(507)) => io::ErrorKind::StorageFull,
        _ if is_code(error, &PASSING) => AWAY,
        // An error inside a 200 counts by its code alone; it is Amazon's way to say 500 late.
        (SdkError::ServiceError(_), Some(400..=499)) if status(error) != Some(429) => io::ErrorKind::Other,
        _ => AWAY,
    };
    io::Error::new(kind, text)
}
