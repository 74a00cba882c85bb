//! The server of one test: in this process, in a temporary folder, on a port of its own, with a clock the test moves.

use super::client::Client;
use super::log;
use super::postgres::{self, TestDatabase};
use super::proxy::Proxy;
use actix_web::dev::ServerHandle;
use filmjacket::app::App;
use filmjacket::clock::Clock;
use filmjacket::config::{Config, Database, MailWay};
use filmjacket::jobs;
use filmjacket::mail::{Letter, MailError, Mailer, Memory, SentMail};
use futures_util::FutureExt as _;
use protocol::Timestamp;
use protocol::account::SecondStep;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use tempfile::TempDir;

/// When every test begins: 2027-01-15T08:00:00Z.
const START: Timestamp = Timestamp::from_unix(1_800_000_000);

/// What a test may change of the configuration before the server starts.
type Change = Rc<dyn Fn(&mut Config)>;

/// A server that can be stopped and started again on the same folder.
pub(crate) struct Site {
    pub(crate) clock: Clock,
    data: Arc<TempDir>,
    /// None for the SQLite file in the folder.
    database: Option<Arc<TestDatabase>>,
    change: Change,
    app: Arc<App>,
    handle: ServerHandle,
    address: SocketAddr,
    /// What stands before it, if its clients do not come directly.
    pub(crate) proxy: Option<Proxy>,
}

impl Site {
    /// Starts one with the defaults of a newcomer; anyone may sign in.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts one with a changed configuration.
    pub(crate) async fn start_with(change: impl Fn(&mut Config) + 'static) -> Self {
        let database = postgres::is_wanted().then(|| Arc::new(TestDatabase::make()));
        Self::start_on(database, change).await
    }

    /// Starts one on this database; without one, on a SQLite file of its own.
    pub(crate) async fn start_on(database: Option<Arc<TestDatabase>>, change: impl Fn(&mut Config) + 'static) -> Self {
        log::capture("info,filmjacket=trace");
        let data = Arc::new(tempfile::tempdir().unwrap());
        Self::build(data, database, Clock::manual(START), Rc::new(change)).await
    }

    /// Another node of the same installation: the same rows, bytes, key and time.
    pub(crate) async fn another_node(&self) -> Self {
        assert!(self.database.is_some(), "a SQLite file serves one node");
        Self::build(Arc::clone(&self.data), self.database.clone(), self.clock.clone(), Rc::clone(&self.change)).await
    }

    async fn build(data: Arc<TempDir>, database: Option<Arc<TestDatabase>>, clock: Clock, change: Change) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let mut config = Config::embedded(data.path(), address).unwrap();
        config.mail.way = MailWay::Memory;
        if let Some(database) = &database {
            config.database = database.settings();
        }
        // Tests come from other networks by saying so, as if through a proxy.
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        // Tests of what administrators do are not about how they sign in.
        config.second_step.administrator = SecondStep::Offered;
        change(&mut config);
        let app = App::build(config, clock.clone()).await.unwrap();
        let server = app.serve(listener).unwrap();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { clock, data, database, change, app, handle, address, proxy: None }
    }

    /// Ends the server at once, as a power cut would for its clients, and starts another on the same folder. Mail that
    /// was taken over is not remembered.
    pub(crate) async fn restart(&mut self) {
        self.restart_on(|| {}).await;
    }

    /// Restarts, with something done to the folder while no server is there.
    pub(crate) async fn restart_on(&mut self, meanwhile: impl FnOnce()) {
        self.handle.stop(false).await;
        self.app.store.close().await;
        meanwhile();
        let (data, change) = (Arc::clone(&self.data), Rc::clone(&self.change));
        *self = Self::build(data, self.database.clone(), self.clock.clone(), change).await;
    }

    /// Restarts with another configuration, as an administrator would.
    pub(crate) async fn restart_with(&mut self, change: impl Fn(&mut Config) + 'static) {
        self.change = Rc::new(change);
        self.restart().await;
    }

    /// Restarts on another database that holds the same rows.
    pub(crate) async fn move_to(&mut self, database: TestDatabase) {
        self.database = Some(Arc::new(database));
        self.restart().await;
    }

    /// What the server works with.
    pub(crate) fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The folder with the database, the ciphertext and the key.
    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    /// As sqlx connects to it.
    pub(crate) fn database_url(&self) -> String {
        match &self.app.config.database {
            Database::File(path) => format!("sqlite://{}", path.display()),
            Database::Server { url, .. } => url.expose().to_owned(),
        }
    }

    /// The origin that browsers know it by.
    pub(crate) fn origin(&self) -> &str {
        self.app.config.public_url.origin()
    }

    /// A browser that has never been here.
    pub(crate) fn client(&self) -> Client {
        match &self.proxy {
            Some(proxy) => proxy.client(self.origin()),
            None => Client::new(self.address, self.origin()),
        }
    }

    /// Moves the clock.
    pub(crate) fn wait(&self, seconds: i64) {
        self.clock.advance(seconds);
    }

    /// Everything mailed since the server started.
    pub(crate) fn mail(&self) -> Vec<SentMail> {
        self.memory().sent()
    }

    /// Makes the next mail fail.
    pub(crate) fn fail_next_mail(&self, error: MailError) {
        self.memory().fail_next(error);
    }

    fn memory(&self) -> &Memory {
        match &self.app.mailer {
            Mailer::Memory(memory) => memory,
            _ => unreachable!("tests mail into memory"),
        }
    }

    /// Hands over all mail that is due.
    pub(crate) async fn send_mail(&self) {
        jobs::send_outbox(&self.app).await.unwrap();
    }

    /// Does all that is due by time, mail included.
    pub(crate) async fn tidy(&self) {
        jobs::settle(&self.app).await.unwrap();
    }

    /// The newest letter to `address` that `wanted` recognises, after handing over what is due.
    pub(crate) async fn newest<T>(&self, address: &str, wanted: impl Fn(Letter) -> Option<T>) -> Option<T> {
        self.send_mail().await;
        self.mail().into_iter().rev().filter(|mail| mail.to == address).find_map(|mail| wanted(mail.letter))
    }

    /// The sign-in code mailed to `address` last.
    pub(crate) async fn code_for(&self, address: &str) -> String {
        let code = |letter| match letter {
            Letter::SignInCode(letter) => Some(letter.code.expose().to_owned()),
            _ => None,
        };
        self.newest(address, code).await.expect("a code was mailed")
    }

    /// The code mailed last to `address`, whose owner is to open something.
    pub(crate) async fn mailbox_code_for(&self, address: &str) -> String {
        let code = |letter| match letter {
            Letter::MailboxCode(letter) => Some(letter.code.expose().to_owned()),
            _ => None,
        };
        self.newest(address, code).await.expect("a mailbox code was mailed")
    }

    /// The link mailed to `address` last.
    pub(crate) async fn link_for(&self, address: &str) -> String {
        let link = |letter| match letter {
            Letter::TransferLink(letter) => Some(letter.link.expose().to_owned()),
            _ => None,
        };
        self.newest(address, link).await.expect("a link was mailed")
    }

    /// What `address` was told of their account, oldest first, after handing over what is due.
    pub(crate) async fn notices(&self, address: &str) -> Vec<String> {
        self.send_mail().await;
        let what = |letter| match letter {
            Letter::AccountNotice(letter) => Some(letter.what.to_string()),
            _ => None,
        };
        self.mail().into_iter().filter(|mail| mail.to == address).filter_map(|mail| what(mail.letter)).collect()
    }

    /// Each mail since the start as `recipient: kind`, sorted, sign-in codes left out.
    pub(crate) fn mail_kinds(&self) -> Vec<String> {
        let kind = |letter: &Letter| match letter {
            // What signing in brings with it is not what tests of transfers count.
            Letter::SignInCode(_) | Letter::AccountNotice(_) => None,
            Letter::MailboxCode(_) => Some("mailbox code"),
            Letter::WrongPasscodes(_) => Some("wrong passcodes"),
            Letter::Invitation(_) => Some("invitation"),
            Letter::TransferLink(_) => Some("link"),
            Letter::Opened(_) => Some("opened"),
            Letter::Refused(_) => Some("refused"),
            Letter::ExpiringUnopened(_) => Some("expires soon"),
            Letter::ExpiredUnopened(_) => Some("expired"),
            Letter::AuditAnchor(_) => Some("anchor"),
            Letter::AuditFlag(_) => Some("unusual"),
        };
        let mut kinds: Vec<String> =
            self.mail().iter().filter_map(|mail| Some(format!("{}: {}", mail.to, kind(&mail.letter)?))).collect();
        kinds.sort();
        kinds
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // Its threads end by themselves; a test does not wait for them, only for their having no way to the database.
        drop(self.handle.stop(false));
        let _ = self.app.store.close().now_or_never();
    }
}
