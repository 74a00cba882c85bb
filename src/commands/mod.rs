//! What the `filmjacket` command can be told to do: one file a subcommand, each reading as the script it is.
//!
//! A subcommand is given the configuration, builds what it needs, does one thing and says how it went: what it found on
//! standard output, what went wrong as one sentence on standard error. This room must hold no rule, no SQL and no
//! bytes of its own.

mod audit;
mod backup;
mod config;
mod copy;
mod copy_objects;
mod migrate;
mod serve;
mod storage;
mod user;
mod verify;

use crate::config::Reading;
use crate::store::TableDigest;
use clap::{Parser, Subcommand};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// The sealed envelope for medical images.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Command {
    /// The configuration file; filmjacket.example.toml explains every key. Without one, the defaults serve this machine only.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Run the server until it is interrupted.
    Serve,
    /// Look at the configuration.
    #[command(subcommand)]
    Config(config::What),
    /// Look at the bucket where ciphertext is kept, or prepare it.
    #[command(subcommand)]
    Storage(storage::What),
    /// Say who may do what: for scripts, and for the first administrator.
    #[command(subcommand)]
    User(user::What),
    /// Bring the database's tables up to date, as the server does when it starts.
    Migrate,
    /// Copy all rows to another database, and compare both. No server may be running.
    Copy(copy::What),
    /// Copy the ciphertext of all ready transfers between the folder and the bucket. No server may be running.
    CopyObjects(copy_objects::What),
    /// Read every stored byte of all ready transfers again, in both stores, and hold it against its digest.
    Verify(verify::What),
    /// Look at the audit: verify its chain, write it out.
    #[command(subcommand)]
    Audit(audit::What),
    /// Write the database to a new file, without the keys that open transfers.
    Backup {
        /// The file to make.
        file: PathBuf,
    },
    /// Fill the database from a backup. No server may be running.
    Restore(backup::Restore),
}

/// Why a subcommand failed: a sentence for the administrator.
type Failure = Box<dyn std::error::Error>;

impl Command {
    /// Does what was asked. What went wrong has been told when this returns.
    pub async fn run(self) -> ExitCode {
        let reading = Reading::read(self.config.as_deref());
        match self.what {
            What::Serve => told_in_the_log(serve::run(reading).await),
            What::Config(what) => told_on_stderr(config::run(&what, reading)),
            What::Storage(what) => told_on_stderr(storage::run(what, reading).await),
            What::User(what) => told_on_stderr(user::run(what, reading).await),
            What::Migrate => told_on_stderr(migrate::run(reading).await),
            What::Copy(what) => told_on_stderr(copy::run(&what).await),
            What::CopyObjects(what) => told_on_stderr(copy_objects::run(&what, reading).await),
            What::Verify(what) => told_on_stderr(verify::run(&what, reading).await),
            What::Audit(what) => told_on_stderr(audit::run(&what, reading).await),
            What::Backup { file } => told_on_stderr(backup::back_up(reading, &file).await),
            What::Restore(what) => told_on_stderr(backup::restore(reading, &what).await),
        }
    }
}

/// For what runs as a service: the log is what its administrator reads.
fn told_in_the_log(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// For what is run once by a person: one sentence on standard error.
fn told_on_stderr(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Who closed standard error wants to be told nothing.
            let _ = writeln!(std::io::stderr().lock(), "filmjacket: {error}");
            ExitCode::FAILURE
        }
    }
}

/// For what takes minutes on a large installation.
fn tell_progress(what: &str, count: u64) {
    // Nobody may be listening; the work goes on.
    let _ = writeln!(std::io::stderr().lock(), "{what}: {count}");
}

/// One line a table, and one about all.
fn tell_tables(tables: &[TableDigest], outcome: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{:<18} {:>10}  sum of the rows' SHA-256", "table", "rows")?;
    for table in tables {
        writeln!(out, "{table}")?;
    }
    writeln!(out, "all of it {outcome}")?;
    Ok(())
}
