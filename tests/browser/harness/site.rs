//! The server of one test: in this process, in a temporary folder, on a port of its own, with a clock the test moves.

use std::net::TcpListener;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use filmjacket::app::App;
use filmjacket::clock::Clock;
use filmjacket::config::{Config, MailWay};
use filmjacket::jobs;
use filmjacket::mail::{Letter, Mailer, SentMail};
use tempfile::TempDir;

use super::relay::Relay;

/// How long a mail may take to be made, given that every step is asked for at once.
const MAIL_PATIENCE: Duration = Duration::from_secs(10);

/// How often mail is asked for that is not there yet.
const INTERVAL: Duration = Duration::from_millis(10);

/// A server that can be stopped and started again.
pub(crate) struct Site {
    pub(crate) clock: Clock,
    data: TempDir,
    port: u16,
    /// Under which browsers know it.
    host: &'static str,
    /// The port that browsers are told: this server's own, or a relay's before it.
    public_port: u16,
    /// TOML, beside what every site has.
    settings: String,
    running: Option<Running>,
    mail_before_restart: Vec<SentMail>,
}

struct Running {
    app: Arc<App>,
    handle: ServerHandle,
    thread: JoinHandle<()>,
}

impl Site {
    /// Starts one. The clock begins at the real time, which browsers go by, and stands still.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        Self::start_on(listener, port, "", standing_clock())
    }

    /// Starts one whose address has a name, as passkeys need it, with more settings than the usual.
    pub(crate) fn start_named(settings: &str) -> Self {
        Self::start_named_at(settings, standing_clock())
    }

    /// The same with the real time, which other servers go by, too.
    pub(crate) fn start_named_by_real_time(settings: &str) -> Self {
        Self::start_named_at(settings, Clock::System)
    }

    fn start_named_at(settings: &str, clock: Clock) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut site = Self::make(&listener, port, settings, clock);
        site.host = "localhost";
        site.run_on(listener);
        site
    }

    /// Starts one with more settings than the usual, and the real time, which other servers go by, too.
    pub(crate) fn start_with(settings: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        Self::start_on(listener, port, settings, Clock::System)
    }

    /// Starts one that browsers reach only through a relay.
    pub(crate) async fn start_relayed() -> (Self, Relay) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let relay = Relay::start(listener.local_addr().unwrap().port()).await;
        (Self::start_on(listener, relay.port(), "", standing_clock()), relay)
    }

    /// The same with more settings and the real time, as [`Self::start_with`].
    pub(crate) async fn start_relayed_with(settings: &str) -> (Self, Relay) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let relay = Relay::start(listener.local_addr().unwrap().port()).await;
        (Self::start_on(listener, relay.port(), settings, Clock::System), relay)
    }

    fn start_on(listener: TcpListener, public_port: u16, settings: &str, clock: Clock) -> Self {
        let mut site = Self::make(&listener, public_port, settings, clock);
        site.run_on(listener);
        site
    }

    /// One that does not run yet.
    fn make(listener: &TcpListener, public_port: u16, settings: &str, clock: Clock) -> Self {
        super::log::capture("info,filmjacket=trace,sqlx=debug");
        Self {
            clock,
            data: tempfile::tempdir().unwrap(),
            port: listener.local_addr().unwrap().port(),
            host: "127.0.0.1",
            public_port,
            settings: settings.to_owned(),
            running: None,
            mail_before_restart: Vec::new(),
        }
    }

    fn run_on(&mut self, listener: TcpListener) {
        let settings = format!(
            "listen = \"127.0.0.1:{}\"\npublic_url = \"{}\"\ndata = \"{}\"\n{}",
            self.port,
            self.origin(),
            self.data.path().display(),
            self.settings
        );
        let mut config = Config::parse(&settings, std::iter::empty()).unwrap();
        config.mail.way = MailWay::Memory;
        let clock = self.clock.clone();
        let (tell, told) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = App::build(config, clock).await.unwrap();
                let server = app.serve(listener).unwrap();
                tell.send((Arc::clone(&app), server.handle())).unwrap();
                server.await.unwrap();
                app.store.close().await;
            });
        });
        let (app, handle) = told.recv().expect("the server starts");
        self.running = Some(Running { app, handle, thread });
    }

    /// Ends the server at once, as a power cut would for its clients.
    pub(crate) async fn stop(&mut self) {
        self.mail_before_restart = self.mail();
        if let Some(Running { app, handle, thread }) = self.running.take() {
            drop(app);
            handle.stop(false).await;
            tokio::task::spawn_blocking(|| thread.join().unwrap()).await.unwrap();
        }
    }

    /// Starts it again on the same port and folder.
    pub(crate) fn start_again(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).expect("the port is still free");
        self.run_on(listener);
    }

    /// What the server works with.
    pub(crate) fn app(&self) -> &Arc<App> {
        &self.running.as_ref().expect("the server runs").app
    }

    /// Its own port; see [`Relay`] for another in front of it.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Scheme, host and port as browsers know them.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}:{}", self.host, self.public_port)
    }

    /// A page's address.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin())
    }

    /// The folder with the database, the ciphertext and the key.
    pub(crate) fn data(&self) -> &std::path::Path {
        self.data.path()
    }

    /// Everything mailed so far.
    pub(crate) fn mail(&self) -> Vec<SentMail> {
        let Mailer::Memory(memory) = &self.app().mailer else { unreachable!("tests mail into memory") };
        [self.mail_before_restart.clone(), memory.sent()].concat()
    }

    /// Does what the server would do by itself, until a mail to `address` that `wanted` recognises has left; the newest of them counts.
    pub(crate) async fn mail_to<T>(&self, address: &str, wanted: impl Fn(&Letter) -> Option<T>) -> T {
        let deadline = Instant::now() + MAIL_PATIENCE;
        loop {
            jobs::send_outbox(self.app()).await.unwrap();
            // What the server's own round is handing over at this moment may be newer than all that has left.
            let (on_their_way, _) = self.app().store.measure_outbox().await.unwrap();
            let mail = self.mail();
            let found = mail.iter().rev().filter(|mail| mail.to == address).find_map(|mail| wanted(&mail.letter));
            if let (0, Some(found)) = (on_their_way, found) {
                return found;
            }
            assert!(Instant::now() < deadline, "no such mail to {address} among {}", mail.len());
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// The sign-in code mailed to `address`.
    pub(crate) async fn code_for(&self, address: &str) -> String {
        let code = |letter: &Letter| match letter {
            Letter::SignInCode(letter) => Some(letter.code.expose().to_owned()),
            _ => None,
        };
        self.mail_to(address, code).await
    }

    /// The code mailed to `address`, whose owner is to open something.
    pub(crate) async fn mailbox_code_for(&self, address: &str) -> String {
        let code = |letter: &Letter| match letter {
            Letter::MailboxCode(letter) => Some(letter.code.expose().to_owned()),
            _ => None,
        };
        self.mail_to(address, code).await
    }

    /// The link mailed to `address`.
    pub(crate) async fn link_for(&self, address: &str) -> String {
        let link = |letter: &Letter| match letter {
            Letter::TransferLink(letter) => Some(letter.link.expose().to_owned()),
            _ => None,
        };
        self.mail_to(address, link).await
    }
}

fn standing_clock() -> Clock {
    Clock::manual(Clock::System.now())
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            // The thread ends by itself; a test that fails does not wait for it.
            drop(running.handle.stop(false));
        }
    }
}
