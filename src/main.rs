//! The `filmjacket` command.

use clap::Parser as _;
use filmjacket::commands::Command;
use std::process::ExitCode;

#[actix_web::main]
async fn main() -> ExitCode {
    Command::parse().run().await
}
