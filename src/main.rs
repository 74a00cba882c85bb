//! The `filmjacket` command: reads the configuration, builds the server, runs it.

use clap::{Parser, Subcommand};
use filmjacket::app::App;
use filmjacket::clock::Clock;
use filmjacket::config::{Config, LogSettings};
use std::io::IsTerminal as _;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::ExitCode;

/// The sealed envelope for medical images.
#[derive(Parser)]
#[command(version, about)]
struct Command {
    #[command(subcommand)]
    subcommand: Subcommands,
}

#[derive(Subcommand)]
enum Subcommands {
    /// Run the server until it is interrupted.
    Serve {
        /// The configuration file; filmjacket.example.toml explains every key. Without one, the defaults serve this machine only.
        #[arg(long)]
        config: Option<PathBuf>,
    },
}

#[actix_web::main]
async fn main() -> ExitCode {
    let Subcommands::Serve { config } = Command::parse().subcommand;
    match serve(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(file: Option<PathBuf>) -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::read(file.as_deref()).inspect_err(|_| start_log(&LogSettings::default()))?;
    start_log(&config.log);
    let listener = TcpListener::bind(config.listen)
        .map_err(|error| format!("{} cannot be listened on: {error}", config.listen))?;
    let address = config.public_url.origin().to_owned();
    let app = App::build(config, Clock::System).await?;
    tracing::info!("serving {address}");
    app.run(listener).await?;
    Ok(())
}

fn start_log(settings: &LogSettings) {
    let log = tracing_subscriber::fmt()
        .with_env_filter(&settings.filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    if settings.json { log.json().init() } else { log.init() }
}
