//! (j) An audit of a million rows: how long `filmjacket audit verify` takes, and any page of `/audit`.

use super::fill::{self, id, numbers};
use super::postgres::Server as Postgres;
use super::row;
use super::server::Server;
use awc::Client;
use filmjacket::config::Database;
use filmjacket::store::Store;
use protocol::Timestamp;
use serde_json::json;
use sqlx::{AnyConnection, AssertSqlSafe, Executor as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Rows, unless quick.
const ROWS: u64 = 1_000_000;

/// Seconds over which they are spread: 500 days, of which the page's charts show the last 30.
const SPAN: i64 = 43_200_000;

/// The slowest pages, which are asked for again.
const AGAIN: usize = 20;

/// Fills an audit, chains it as the first start after an update does, verifies it, and asks for its pages.
pub(crate) fn run(binary: &Path, data: &Path, postgres: bool, quick: bool) {
    let rows = if quick { ROWS / 100 } else { ROWS };
    let server_of_rows = postgres.then(|| Postgres::start(""));
    let (database, settings) = match &server_of_rows {
        Some(server) => (Database::parse(&server.url("postgres")).unwrap(), vec![server.url("postgres")]),
        None => (Database::File(data.join("filmjacket.sqlite")), Vec::new()),
    };
    let settings: Vec<(&str, &str)> = settings.iter().map(|url| ("FILMJACKET_DATABASE__URL", url.as_str())).collect();
    let bench = Bench { engine: if postgres { "PostgreSQL" } else { "SQLite" }, rows };
    let runtime = actix_web::rt::System::new();
    let session = runtime.block_on(bench.fill(&database));
    let server = Server::start(binary, data, &settings);
    bench.verify(binary, data, &settings);
    runtime.block_on(bench.ask_for_pages(&server, &session));
}

struct Bench {
    engine: &'static str,
    rows: u64,
}

impl Bench {
    fn tell(&self, what: &str, value: f64, unit: &str, target: Option<&str>) {
        row::print("j", what, value, unit, json!({ "engine": self.engine, "target": target }));
    }

    /// The cookie of an auditor.
    async fn fill(&self, database: &Database) -> String {
        let filled = fill::fill(database, self.rows / 4).await;
        let mut connection = fill::connect(database).await;
        let senders = filled.sessions.len();
        let rows = format!(
            "{} INSERT INTO audit (seq, at, event, actor, transfer_id, address, detail, hash)
             SELECT i + 1, {}, CASE i % 4 WHEN 0 THEN 'transfer.created' WHEN 1 THEN 'transfer.sealed' WHEN 3 THEN 'transfer.received'
                     ELSE CASE WHEN i % 40 = 2 THEN 'transfer.refused' ELSE 'transfer.opened' END END,
                 CASE WHEN i % 4 < 2 THEN 'sender' || (i / 4) % {senders} || '@clinic.example' ELSE 'recipient' END,
                 {}, '203.0.113.' || (i / 4) % 250, '', '' FROM n",
            numbers(0, self.rows),
            self.time_of("i", filled.now),
            id(22, "i / 4"),
        );
        let auditor = format!("UPDATE accounts SET auditor = 1 WHERE account_id = {}", id(43, "0"));
        for statement in ["DELETE FROM audit", "DELETE FROM audit_head", &rows, &auditor] {
            connection.execute(AssertSqlSafe(statement.to_owned())).await.unwrap();
        }
        let begun = Instant::now();
        Store::open(database).await.unwrap().close().await;
        self.tell("chain rows from before there was a chain", begun.elapsed().as_secs_f64(), "s", None);
        // As the engines do by themselves where rows come over years.
        connection.execute(if self.engine == "SQLite" { "ANALYZE" } else { "VACUUM ANALYZE" }).await.unwrap();
        self.begin_session(&mut connection).await;
        filled.sessions[0].clone()
    }

    /// Filling took longer than an auditor may be idle.
    async fn begin_session(&self, connection: &mut AnyConnection) {
        let now = Timestamp::from_unix(now()).as_unix();
        let session = format!("UPDATE sessions SET created_at = {now}, seen_at = {now}");
        connection.execute(AssertSqlSafe(session)).await.unwrap();
    }

    /// SQL for when row `i` was appended.
    fn time_of(&self, i: &str, now: i64) -> String {
        format!("{now} - ({} - {i}) * {SPAN} / {}", self.rows, self.rows)
    }

    fn verify(&self, binary: &Path, data: &Path, settings: &[(&str, &str)]) {
        let begun = Instant::now();
        let mut verify = Command::new(binary);
        verify.args(["audit", "verify"]).env("FILMJACKET_DATA", data).envs(settings.iter().copied());
        assert!(verify.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success());
        self.tell("audit verify, 1,000,000 rows", begun.elapsed().as_secs_f64(), "s", Some("<= 30"));
    }

    /// Every combination of filters and places once; then the slowest again.
    async fn ask_for_pages(&self, server: &Server, session: &str) {
        let http = Client::builder().timeout(Duration::from_secs(60)).finish();
        let mut times = Vec::new();
        for path in self.pages() {
            times.push((ask(&http, server, session, &path).await, path));
        }
        times.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
        let p99 = times[times.len() * 99 / 100].0;
        let mut slowest = (0.0, "");
        for (_, path) in times.iter().rev().take(AGAIN) {
            let mut again = Vec::new();
            for _ in 0..5 {
                again.push(ask(&http, server, session, path).await);
            }
            again.sort_unstable_by(f64::total_cmp);
            if again[2] > slowest.0 {
                slowest = (again[2], path);
            }
        }
        println!("{} pages; the slowest is {}", times.len(), slowest.1);
        self.tell("/audit, p99 of all filters and places", p99, "ms", Some("<= 200"));
        self.tell("/audit, the slowest page (median of 5)", slowest.0, "ms", Some("<= 200"));
    }

    /// All that the form can ask for, with what is frequent, rare and nowhere in each field, at the first, a middle and the last
    /// page.
    fn pages(&self) -> Vec<String> {
        let now = now();
        let day = |days_ago: i64| Timestamp::from_unix(now - days_ago * 86_400).to_rfc3339()[..10].to_owned();
        let transfer = "000000000AAAAAAAAAAAAA";
        let fields: [Vec<String>; 6] = [
            ["", "person=sender7%40clinic.example", "person=recipient", "person=nobody%40clinic.example"]
                .map(str::to_owned)
                .into(),
            ["", "address=203.0.113.7", "address=192.0.2.1"].map(str::to_owned).into(),
            vec![String::new(), format!("transfer={transfer}")],
            ["", "event=transfer.opened", "event=transfer.refused", "event=person.disabled"].map(str::to_owned).into(),
            vec![
                String::new(),
                format!("from={}", day(7)),
                format!("from={}&to={}", day(250), day(220)),
                format!("to={}", day(480)),
            ],
            vec![
                String::new(),
                format!("before={}.{}", now - SPAN / 2, self.rows / 2),
                format!("before={}.30", now - SPAN + 100),
            ],
        ];
        fields.iter().fold(vec!["/audit?".to_owned()], |paths, values| {
            let join =
                |path: &String, value: &String| if value.is_empty() { path.clone() } else { format!("{path}&{value}") };
            paths.iter().flat_map(|path| values.iter().map(move |value| join(path, value))).collect()
        })
    }
}

/// Milliseconds until all of the page is there.
async fn ask(http: &Client, server: &Server, session: &str, path: &str) -> f64 {
    let begun = Instant::now();
    let call = http.get(format!("{}{path}", server.origin())).insert_header(("cookie", session));
    let mut answer = call.send().await.unwrap();
    let body = answer.body().limit(4 << 20).await.unwrap();
    let took = begun.elapsed().as_secs_f64() * 1000.0;
    assert_eq!(answer.status(), 200, "{path}: {}", String::from_utf8_lossy(&body));
    assert!(!String::from_utf8_lossy(&body).contains("does not read"), "{path}");
    took
}

fn now() -> i64 {
    std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs().cast_signed()
}
