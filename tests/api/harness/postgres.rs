//! A PostgreSQL of the tests' own: one private server a test process, one database a test.
//!
//! The server listens on a socket in a temporary folder only. It ends, and its folder with it, when the pipe that the
//! test process holds closes, however that process ended. Making a database takes PostgreSQL longer than most tests take,
//! so they are emptied and used again.

#![allow(dead_code, reason = "each test binary uses its part of this")]

use super::rows;
use filmjacket::config::Database;
use filmjacket::store::Store;
use sqlx::AssertSqlSafe;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{OnceLock, mpsc};

/// Makes a server in a folder of its own, tells the folder, and carries out orders for pg_ctl until standard input ends.
/// Nothing is synced: what a test wrote need not outlive the machine. Text sorts as English does, which is as unlike bytes
/// as it gets.
const SCRIPT: &str = r#"
trap '' INT
set -e
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$1/initdb" -D "$dir/db" -U filmjacket --auth=trust --no-sync -E UTF8 --locale=C --locale-provider=icu --icu-locale=en >/dev/null
cat >>"$dir/db/postgresql.conf" <<END
listen_addresses = ''
unix_socket_directories = '$dir'
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 300
jit = off
END
"$1/pg_ctl" -D "$dir/db" -w -l "$dir/log" start >/dev/null || { cat "$dir/log" >&2; exit 1; }
echo "$dir"
while read -r order; do "$1/pg_ctl" -D "$dir/db" -w -l "$dir/log" $order >/dev/null; echo "$order"; done
"$1/pg_ctl" -D "$dir/db" -m immediate stop >/dev/null
"#;

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

/// A server; it ends with this, and with this process.
pub(crate) struct Server {
    /// Holds the pipe.
    script: Child,
    told: BufReader<ChildStdout>,
    folder: String,
}

struct Cluster {
    server: Server,
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
        if !self.is_bare {
            cluster().orders.send(Order::GiveBack(std::mem::take(&mut self.name))).unwrap();
        }
    }
}

fn url_of(folder: &str, name: &str) -> String {
    format!("postgres://filmjacket@localhost/{name}?host={folder}")
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

impl Server {
    pub(crate) fn start() -> Self {
        let mut command = Command::new("sh");
        // PostgreSQL refuses to run as root.
        if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
            command = Command::new("runuser");
            command.args(["-u", "postgres", "--", "sh"]);
        }
        command.args(["-c", SCRIPT, "sh"]).arg(programs()).current_dir("/").env_remove("TMPDIR");
        let mut script = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut told = BufReader::new(script.stdout.take().unwrap());
        let mut folder = String::new();
        told.read_line(&mut folder).unwrap();
        let folder = folder.trim().to_owned();
        assert!(!folder.is_empty(), "PostgreSQL did not start");
        Self { script, told, folder }
    }

    /// Has pg_ctl do something, such as `-m immediate stop`, and waits until it is done.
    pub(crate) fn order(&mut self, order: &str) {
        writeln!(self.script.stdin.as_mut().unwrap(), "{order}").unwrap();
        let mut done = String::new();
        self.told.read_line(&mut done).unwrap();
        assert_eq!(done.trim(), order, "pg_ctl could not");
    }

    pub(crate) fn url(&self, name: &str) -> String {
        url_of(&self.folder, name)
    }
}

impl Cluster {
    fn start() -> Self {
        let server = Server::start();
        let (orders, inbox) = mpsc::channel();
        let place = server.folder.clone();
        // A thread of its own: the first test's runtime ends with that test.
        std::thread::spawn(move || actix_web::rt::System::new().block_on(serve(&place, &inbox)));
        Self { server, orders }
    }

    fn order(&self, order: impl FnOnce(mpsc::Sender<String>) -> Order) -> String {
        let (reply, name) = mpsc::channel();
        self.orders.send(order(reply)).unwrap();
        name.recv().unwrap()
    }
}

/// Makes, empties and lends databases, one order after the other.
async fn serve(folder: &str, inbox: &mpsc::Receiver<Order>) {
    let mut admin = rows::connect_to(&url_of(folder, "postgres")).await;
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
                sqlx::raw_sql(CLEAN).execute(&mut rows::connect_to(&url_of(folder, &name)).await).await.unwrap();
                free.push(name);
            }
            Order::TakeBare(reply) => reply.send(make().await).unwrap(),
            Order::Take(reply) => {
                let name = match free.pop() {
                    Some(name) => name,
                    None => {
                        let name = make().await;
                        Store::open(&settings_of(&url_of(folder, &name))).await.unwrap().close().await;
                        name
                    }
                };
                reply.send(name).unwrap();
            }
        }
    }
}

/// The folder of `initdb` and the server: Debian keeps each version's beside PATH.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&path));
    folders
        .into_iter()
        .find(|folder| folder.join("initdb").is_file() && folder.join("pg_ctl").is_file())
        .expect("PostgreSQL is needed; `cargo xtask test` installs it")
}
