//! Sealed transfers, suite 1: everything that the server may **not** see (docs/FORMAT.md).
//!
//! Bytes in, bytes out: this room knows no file, no network, no clock and no HTTP, and depends on no other member
//! of the workspace. Randomness comes from the platform's CSPRNG.
//!
//! Which call for which need:
//!
//! - **Send**: [`Sealing::make`], [`Sealing::add_file`], [`Sealing::seal_part`] for every part of every file in any
//!   order, then [`Sealing::finish`], which yields the capsule, the manifest and the proof. With several workers:
//!   [`Sealing::claim_part`] in the one that holds the secrets, [`PartSealer::seal`] in another,
//!   [`Sealing::confirm_part`] when the server has it. Over a reload: [`Sealing::export`] and [`Sealing::import`].
//! - **Open**: [`Link::parse_fragment`], [`Passcode::parse`], [`Opening::derive`], [`Opening::unlock`], then
//!   [`Opened::open_part`] for any part of any file in any order.
//! - **A single age file**: [`age::seal`] and [`age::open`].
//! - **Names of opened files**: [`names`].
//!
//! [`capsule`] and [`manifest`] are public for other readers of the format, its vectors and its fuzz targets.
//!
//! Every failure of opening is the one [`Damaged`]: what differs cannot be told apart, so nothing can be learnt from
//! it. Secrets wipe themselves when dropped and never show themselves in `Debug`.
//!
//! Stays compatible: the bytes of suite 1 and the slugs of the errors.

pub mod aead;
pub mod age;
mod bytes;
pub mod capsule;
mod error;
mod link;
pub mod manifest;
pub mod names;
mod opening;
mod part_opener;
mod part_sealer;
mod passcode;
mod random;
mod sealing;
mod secret;

pub use error::{Damaged, Explained, RandomUnavailable, SealError};
pub use link::{DamagedLink, Link};
pub use opening::{Contents, ObjectEntry, Opened, OpenedFile, Opening};
pub use part_opener::{PART_OPENER_LEN, PartOpener, Voucher};
pub use part_sealer::{PART_SEALER_LEN, PartSealer};
pub use passcode::{Passcode, PasscodeError};
pub use sealing::{FileDetails, Sealed, Sealing, SealingDetails};
pub use secret::Secret;

/// Names one transfer: 16 random bytes.
pub type TransferId = [u8; 16];

/// Names one object, the ciphertext of one file: 16 random bytes.
pub type ObjectId = [u8; 16];
