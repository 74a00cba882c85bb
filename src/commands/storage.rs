//! `filmjacket storage check` and `storage setup`: whether ciphertext can be kept where the settings say.

use super::Failure;
use crate::app::open_blobs;
use crate::blobs::{Blobs, S3};
use crate::clock::Clock;
use crate::config::{ConfigError, Reading};
use crate::keys::make_secret;
use clap::Subcommand;
use protocol::ObjectId;
use std::io::Write as _;

/// What can be done about the store of ciphertext.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(super) enum What {
    /// Try on the bucket itself all that is needed of it, and say what is wrong. Nothing is left in it.
    Check,
    /// Give the bucket the rule that it aborts uploads that nobody finishes, and in direct mode the one that lets our pages
    /// talk to it (CORS). Its other rules stay.
    Setup,
}

/// Prints one line for each thing that was tried.
pub(super) async fn run(what: What, reading: Result<Reading, ConfigError>) -> Result<(), Failure> {
    // A folder of this command's own: the server may be running, and empties its spool when it starts.
    let spool = tempfile::tempdir()?;
    let mut config = reading?.config;
    config.data = spool.path().to_owned();
    let Blobs::S3(s3) = open_blobs(&config)? else {
        return Err("ciphertext is kept in the data folder, where there is nothing to check: set [storage.s3]".into());
    };
    match what {
        What::Check => check(&s3).await,
        What::Setup => Ok(s3.set_up().await?),
    }
}

async fn check(s3: &S3) -> Result<(), Failure> {
    let secret = make_secret()?;
    let probe = ObjectId::from_bytes(std::array::from_fn(|i| secret[i]));
    let mut failed = 0;
    let findings = s3.check(&probe, Clock::System.now()).await;
    let mut out = std::io::stdout().lock();
    for finding in &findings {
        match &finding.outcome {
            Ok(()) => writeln!(out, "ok     {}", finding.what)?,
            Err(why) => {
                failed += 1;
                writeln!(out, "wrong  {}: {why}", finding.what)?;
            }
        }
    }
    if failed == 0 {
        return Ok(());
    }
    Err(format!("the bucket failed {failed} of {} trials", findings.len()).into())
}
