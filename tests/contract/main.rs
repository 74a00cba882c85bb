//! What every store and every mailer must do, whichever it is; and what the documents say of the program.
//!
//! Each suite is written once against the closed enum and run on every back end, so that choosing another one in the
//! configuration changes nothing but where the bytes are.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "../shared/faulty_line.rs"]
mod faulty_line;
#[path = "../shared/garage.rs"]
mod garage;

mod api_md;
mod asvs_md;
mod blobs;
mod blobs_copies;
mod blobs_dir;
mod blobs_s3;
mod blobs_s3_direct;
mod blobs_s3_faults;
mod commands;
mod exim;
mod faults_md;
mod mail;
mod mail_exim;
mod mail_smtp;
mod mail_words;
mod openapi;
mod test_names;
mod threats_md;
