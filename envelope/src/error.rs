//! What can go wrong, and the words for it.
//!
//! Opening has the one error [`Damaged`]; sealing, where the caller holds all the secrets anyway, tells what is wrong.

use std::fmt;

/// An error with a stable name that programs may match on; its `Display` is a sentence for a person.
pub trait Explained: std::error::Error {
    /// Stable, lower case, hyphenated: `"already-sealed"`.
    fn slug(&self) -> &'static str;
}

/// What was to be opened is not what was sealed. It never says which part of it, or how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damaged;

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "This is not what the sender sealed. Nothing of it can be trusted; please ask them to send it again.",
        )
    }
}

impl std::error::Error for Damaged {}

impl Explained for Damaged {
    fn slug(&self) -> &'static str {
        "damaged"
    }
}

/// The platform's random number generator failed, so no key can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RandomUnavailable;

impl fmt::Display for RandomUnavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "This device's random number generator failed, so no secure key can be made. Please try another device.",
        )
    }
}

impl std::error::Error for RandomUnavailable {}

impl Explained for RandomUnavailable {
    fn slug(&self) -> &'static str {
        "no-randomness"
    }
}

/// Why something could not be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealError {
    /// That part was sealed before, or the transfer is finished: a second sealing could reuse a key and counter.
    AlreadySealed,
    /// The transfer has no file of that number.
    NoSuchFile,
    /// The file has no part of that number.
    NoSuchPart,
    /// The part is longer or shorter than the file's announced length says; the file has changed.
    PartLength {
        /// Bytes that the part must have.
        expected: u64,
        /// Bytes given.
        given: u64,
    },
    /// The file would need more than the 10,000 parts that an object may have.
    FileTooLong {
        /// Bytes of the file.
        plain_len: u64,
    },
    /// A part of some file was not sealed and confirmed yet.
    NotComplete,
    /// A part is confirmed that was never given out to be sealed.
    NotClaimed,
    /// The file was not complete when the page was closed: it must start again under a new key.
    Interrupted,
    /// What was kept of an interrupted transfer is not what was kept.
    DamagedDraft,
    /// No files, or details for another number of files than were added.
    FileCount,
    /// The manifest would be longer than its limit.
    ManifestTooLong,
    /// See [`RandomUnavailable`].
    Random(RandomUnavailable),
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadySealed => {
                f.write_str("This part is sealed already. To send other contents, its file must start again.")
            }
            Self::NoSuchFile => f.write_str("The transfer has no such file."),
            Self::NoSuchPart => f.write_str("The file has no such part."),
            Self::PartLength { expected, given } => write!(
                f,
                "The file changed while it was being read: {given} bytes came where {expected} were expected. \
                 Please choose it again."
            ),
            Self::FileTooLong { plain_len } => write!(
                f,
                "This file is {} GB; the format's limit is {} GB. Please split it.",
                plain_len.div_ceil(1 << 30),
                crate::age::MAX_PLAIN_LEN >> 30
            ),
            Self::NotComplete => f.write_str("Not every part of every file has been sealed yet."),
            Self::NotClaimed => f.write_str("This part was never given out to be sealed."),
            Self::Interrupted => f.write_str("This file was interrupted. It must be sent again from its start."),
            Self::DamagedDraft => {
                f.write_str("What this browser kept of the transfer cannot be read. Please start again.")
            }
            Self::FileCount => f.write_str("A transfer needs at least one file, and a name for each."),
            Self::ManifestTooLong => {
                f.write_str("The message is too long to be sealed with the files. Please shorten it.")
            }
            Self::Random(cause) => cause.fmt(f),
        }
    }
}

impl std::error::Error for SealError {}

impl Explained for SealError {
    fn slug(&self) -> &'static str {
        match self {
            Self::AlreadySealed => "already-sealed",
            Self::NoSuchFile => "no-such-file",
            Self::NoSuchPart => "no-such-part",
            Self::PartLength { .. } => "part-length",
            Self::FileTooLong { .. } => "file-too-long",
            Self::NotComplete => "not-complete",
            Self::NotClaimed => "not-claimed",
            Self::Interrupted => "interrupted",
            Self::DamagedDraft => "damaged-draft",
            Self::FileCount => "file-count",
            Self::ManifestTooLong => "manifest-too-long",
            Self::Random(cause) => cause.slug(),
        }
    }
}

/// Only reading an export meets it.
impl From<Damaged> for SealError {
    fn from(_: Damaged) -> Self {
        Self::DamagedDraft
    }
}

impl From<RandomUnavailable> for SealError {
    fn from(cause: RandomUnavailable) -> Self {
        Self::Random(cause)
    }
}
