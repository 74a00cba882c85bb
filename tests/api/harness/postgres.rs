//! A PostgreSQL of the tests' own: one private server a test process, one database a test.
//!
//! Making a database takes PostgreSQL longer than most tests take, so they are emptied and used again.

#![allow(dead_code, reason = "each test binary uses its part of this")]

#[path = "../../shared/postgres.rs"]
mod server;

use self::server::Server;
use super::rows;
use filmjacket::config::Database;
use filmjacket::store::Store;
use sqlx::AssertSqlSafe;
use std::sync::{Arc, OnceLock, mpsc};

/// Nothing is synced: what a test wrote need not outlive the machine.
const SETTINGS: &str = "
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 300
jit = off";

/// Ends what the last test left running and empties the tables, whatever depends on what.
const CLEAN: &str = "
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
SET session_replication_role = replica;
DROP FUNCTION IF EXISTS fault CASCADE;
DO $$ DECLARE name TEXT; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '_sqlx%' LOOP
        EXECUTE 'DELETE FROM ' || name;
    END LOOP;
END $$";

/// Connections of one node: several nodes of several tests share the server.
const CONNECTIONS: u32 = 10;

struct Cluster {
    server: Arc<Server>,
    orders: mpsc::Sender<Order>,
}

enum Order {
    /// A database with all tables and no row; its name is told.
    Take(mpsc::Sender<String>),
    /// It may be used again.
    GiveBack(String),
    /// A database without tables.
    TakeBare(mpsc::Sender<String>),
}

static CLUSTER: OnceLock<Cluster> = OnceLock::new();

/// Whether this run of the tests is the one on PostgreSQL: `cargo xtask test` makes both.
pub(crate) fn is_wanted() -> bool {
    std::env::var_os("TEST_DATABASE").is_some_and(|name| name == "postgres")
}

/// A database of one test, without rows.
#[derive(Debug)]
pub(crate) struct TestDatabase {
    name: String,
    is_bare: bool,
}

impl TestDatabase {
    /// With all tables.
    pub(crate) fn make() -> Self {
        Self { name: cluster().order(Order::Take), is_bare: false }
    }

    /// Without any table.
    pub(crate) fn make_bare() -> Self {
        Self { name: cluster().order(Order::TakeBare), is_bare: true }
    }

    pub(crate) fn url(&self) -> String {
        cluster().server.url(&self.name)
    }

    /// As the configuration names it.
    pub(crate) fn settings(&self) -> Database {
        settings_of(&self.url())
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // What a failed test left behind would fail the next one too.
        if !self.is_bare && !std::thread::panicking() {
            cluster().orders.send(Order::GiveBack(std::mem::take(&mut self.name))).unwrap();
        }
    }
}

fn settings_of(url: &str) -> Database {
    match Database::parse(url).unwrap() {
        Database::Server { url, .. } => Database::Server { url, connections: CONNECTIONS },
        file @ Database::File(_) => file,
    }
}

fn cluster() -> &'static Cluster {
    CLUSTER.get_or_init(Cluster::start)
}

/// A server of a test's own.
pub(crate) fn start() -> Server {
    Server::start(SETTINGS)
}

impl Cluster {
    fn start() -> Self {
        let server = Arc::new(start());
        let (orders, inbox) = mpsc::channel();
        let shared = Arc::clone(&server);
        // A thread of its own: the first test's runtime ends with that test.
        std::thread::spawn(move || actix_web::rt::System::new().block_on(serve(&shared, &inbox)));
        Self { server, orders }
    }

    fn order(&self, order: impl FnOnce(mpsc::Sender<String>) -> Order) -> String {
        let (reply, name) = mpsc::channel();
        self.orders.send(order(reply)).unwrap();
        name.recv().unwrap()
    }
}

/// Makes, empties and lends databases, one order after the other.
async fn serve(server: &Server, inbox: &mpsc::Receiver<Order>) {
    let mut admin = rows::connect_to(&server.url("postgres")).await;
    let mut free = Vec::new();
    let mut names = (1..).map(|n| format!("test_{n}"));
    let mut make = async || {
        let name = names.next().unwrap();
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut admin).await.unwrap();
        name
    };
    while let Ok(order) = inbox.recv() {
        match order {
            Order::GiveBack(name) => {
                sqlx::raw_sql(CLEAN).execute(&mut rows::connect_to(&server.url(&name)).await).await.unwrap();
                free.push(name);
            }
            Order::TakeBare(reply) => reply.send(make().await).unwrap(),
            Order::Take(reply) => {
                let name = match free.pop() {
                    Some(name) => name,
                    None => {
                        let name = make().await;
                        Store::open(&settings_of(&server.url(&name))).await.unwrap().close().await;
                        name
                    }
                };
                reply.send(name).unwrap();
            }
        }
    }
}
