//! `filmjacket serve`: the server, until it is interrupted.

use super::{Failure, config};
use crate::app::App;
use crate::clock::Clock;
use crate::config::{ConfigError, LogSettings, Reading};
use std::io::{IsTerminal as _, Write as _};
use std::net::TcpListener;

/// Serves until SIGINT or SIGTERM. From here on there is a log, also if the configuration does not read.
pub(super) async fn run(reading: Result<Reading, ConfigError>) -> Result<(), Failure> {
    start_log(reading.as_ref().map_or(&LogSettings::default(), |reading| &reading.config.log));
    let reading = reading?;
    config::refuse_dangers(&reading)?;
    let config = reading.config;
    let listener = TcpListener::bind(config.listen)
        .map_err(|error| format!("{} cannot be listened on: {error}", config.listen))?;
    let address = config.public_url.origin().to_owned();
    let app = App::build(config, Clock::System).await?;
    tracing::info!("serving {address}");
    if let Some(link) = app.make_first_administrator_link().await? {
        // Not into the log, which may go elsewhere. Nobody may be listening.
        let _ = writeln!(
            std::io::stdout().lock(),
            "There is no administrator yet. Whoever opens this link within a day and signs in becomes one:\n  {link}"
        );
    }
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
