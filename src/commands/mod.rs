//! What the `filmjacket` command can be told to do: one file a subcommand, each reading as the script it is.
//!
//! A subcommand is given the configuration, builds what it needs, does one thing and says how it went: what it found on
//! standard output, what went wrong as one sentence on standard error. This room must hold no rule, no SQL and no
//! bytes of its own.

mod config;
mod serve;

use crate::config::Reading;
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
