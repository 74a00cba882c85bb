//! The server of one test: a process of its own on a port and in a folder of its own, by the machine's clock.

use super::client::Client;
use super::postgres::TestDatabase;
use super::until;
use crate::mail_server::MailServer;
use crate::server_process::ServerProcess;
use filmjacket::clock::Clock;
use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

/// What a test may ask for.
#[derive(Default)]
pub(crate) struct Setup {
    /// None for the SQLite file in the folder.
    pub(crate) database: Option<TestDatabase>,
    /// The address of a server of the test's own instead.
    pub(crate) database_url: Option<String>,
    /// TOML beyond what every server here has.
    pub(crate) settings: String,
    /// The data folder is a disk of so many bytes.
    pub(crate) disk: Option<u64>,
}

impl Setup {
    fn url(&self) -> Option<String> {
        self.database_url.clone().or_else(|| self.database.as_ref().map(TestDatabase::url))
    }
}

/// A server that can be killed and started again on the same folder and port.
pub(crate) struct Site {
    pub(crate) clock: Clock,
    pub(crate) mail: MailServer,
    pub(crate) process: ServerProcess,
    setup: Setup,
    folder: TempDir,
    origin: String,
}

impl Site {
    /// One with the defaults of a newcomer, but for its mail server.
    pub(crate) fn start() -> Self {
        Self::start_with(Setup::default())
    }

    /// The same with the rows in a PostgreSQL database.
    pub(crate) fn start_on_postgres() -> Self {
        Self::start_with(Setup { database: Some(TestDatabase::make()), ..Setup::default() })
    }

    pub(crate) fn start_with(setup: Setup) -> Self {
        let (folder, mail) = (tempfile::tempdir().unwrap(), MailServer::start());
        let mut settings = format!("{}\n{}", setup.settings, mail.settings());
        if let Some(url) = setup.url() {
            write!(settings, "[database]\nurl = {url:?}\nconnections = 10\n").unwrap();
        }
        let process = ServerProcess::start(folder.path(), &settings, setup.disk);
        let origin = format!("http://127.0.0.1:{}", process.port());
        Self { clock: Clock::System, mail, process, setup, folder, origin }
    }

    /// kill -9
    pub(crate) fn kill(&self) {
        self.process.kill();
    }

    /// Starts it again on what it left.
    pub(crate) fn start_again(&self) {
        self.process.start_again();
    }

    /// The folder with the database, the ciphertext and the key.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.process.port()).into()
    }

    /// The origin that browsers know it by.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// A browser that has never been here. It comes on a new connection each time: one that was kept may have died with
    /// the process at its other end.
    pub(crate) fn client(&self) -> Client {
        let connector = awc::Connector::new().conn_keep_alive(Duration::ZERO);
        let http = awc::Client::builder().connector(connector).timeout(Duration::from_secs(60)).disable_redirects();
        Client::through(http.finish(), format!("http://{}", self.address()), &self.origin)
    }

    /// As sqlx connects to it.
    pub(crate) fn database_url(&self) -> String {
        self.setup.url().unwrap_or_else(|| format!("sqlite://{}/filmjacket.sqlite", self.data().display()))
    }

    /// The sign-in code mailed to `address`.
    pub(crate) async fn code_for(&self, address: &str) -> String {
        until("a sign-in code", async || self.mail.code_for(address)).await
    }

    /// The links mailed to `address`, one for each mail.
    pub(crate) fn links_for(&self, address: &str) -> Vec<String> {
        self.mail.links_for(address)
    }

    /// Parts on their way into the folder.
    pub(crate) fn unfinished_files(&self) -> Vec<u64> {
        let files = fs::read_dir(self.data().join("blobs/tmp")).into_iter().flatten().flatten();
        files.filter_map(|file| Some(file.metadata().ok()?.len())).collect()
    }
}
