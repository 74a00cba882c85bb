//! What every store and every mailer must do, whichever it is.
//!
//! Each suite is written once against the closed enum and run on every back end, so that choosing another one in the
//! configuration changes nothing but where the bytes are.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod api_md;
mod blobs;
mod blobs_dir;
mod mail;
mod mail_smtp;
mod mail_words;
