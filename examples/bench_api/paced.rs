//! (g) A million transfers in PostgreSQL: what 100 calls a second wait for, by themselves and beside a purge.

use super::calls::{Create, List, Site, Unlock};
use super::fill::{self, Filled, id, numbers};
use super::load::{Call, Outcome, run_at};
use super::postgres::Server as Postgres;
use super::row;
use super::server::Server;
use actix_web::rt;
use filmjacket::config::Database;
use futures_util::future::join;
use serde_json::json;
use sqlx::{AnyConnection, AssertSqlSafe, Executor as _};
use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// 100 calls a second.
const PACE: Duration = Duration::from_millis(10);

/// How often one transfer is unlocked: seldom enough that nobody waits for another one's opening of it.
const OPENINGS: usize = 20;

/// How much of everything.
struct Size {
    transfers: u64,
    /// Calls of each kind without a purge.
    calls: usize,
    /// Most calls of each kind beside a purge, should it take that long.
    most_calls: usize,
    purged: u64,
}

const FULL: Size = Size { transfers: 1_000_000, calls: 3_000, most_calls: 12_000, purged: 10_000 };
const QUICK: Size = Size { transfers: 10_000, calls: 100, most_calls: 200, purged: 100 };

/// Fills a database of a PostgreSQL of its own, as Debian sets one up, starts the server on it, and measures.
pub(crate) fn run(binary: &Path, data: &Path, quick: bool) {
    let size = if quick { QUICK } else { FULL };
    let postgres = Postgres::start("");
    let url = postgres.url("postgres");
    let database = Database::parse(&url).unwrap();
    let runtime = rt::System::new();
    let filled = runtime.block_on(fill::fill(&database, size.transfers));
    let server = Server::start(binary, data, &[("FILMJACKET_DATABASE__URL", &url)]);
    runtime.block_on(measure(&server, &filled, &database, data, &size));
}

async fn measure(server: &Server, filled: &Filled, database: &Database, data: &Path, size: &Size) {
    let site = Site::prepare(server, filled, (size.calls + size.most_calls) / OPENINGS).await;
    let mut connection = fill::connect(database).await;
    let unlocked = Rc::new(Cell::new(0));
    let list = List(Rc::clone(&site), false);
    let create = Create(Rc::clone(&site));
    let unlock = OnePerNumber { unlock: Unlock(site), next: unlocked };
    // As after a quiet minute: what filling left to write is not the calls' to pay for.
    connection.execute("CHECKPOINT").await.unwrap();
    let enough = |number| number < size.calls;
    tell("list", &run_at(PACE, enough, list.clone()).await, "<= 50");
    tell("create", &run_at(PACE, enough, create.clone()).await, "<= 50");
    tell("unlock", &run_at(PACE, enough, unlock.clone()).await, "<= 50");
    let mut purge = Purge { connection, data, size, now: filled.now, batch: 0 };
    tell("list beside a purge", &purge.beside(list).await, "<= 100");
    tell("create beside a purge", &purge.beside(create).await, "<= 100");
    tell("unlock beside a purge", &purge.beside(unlock).await, "<= 100");
}

fn tell(what: &str, outcome: &Outcome, target: &str) {
    println!("{what}: {} calls, {:.1} a second", outcome.calls, outcome.calls_per_second);
    let name = format!("{what}, 100 a second, p99");
    row::print("g", &name, outcome.p99_ms, "ms", json!({ "engine": "PostgreSQL", "target": target }));
}

/// Unlocking spends openings: it counts on where the run before ended.
#[derive(Clone)]
struct OnePerNumber {
    unlock: Unlock,
    next: Rc<Cell<usize>>,
}

impl Call for OnePerNumber {
    async fn make(&self, http: &awc::Client, _: usize) {
        let number = self.next.replace(self.next.get() + 1);
        self.unlock.make(http, number).await;
    }
}

/// Transfers that ended while nothing could be purged, such as when their bytes could not be reached.
struct Purge<'a> {
    connection: AnyConnection,
    data: &'a Path,
    size: &'a Size,
    now: i64,
    batch: u64,
}

impl Purge<'_> {
    /// Ends a batch of transfers, and makes calls from the first that the server purges to the last.
    async fn beside(&mut self, call: impl Call) -> Outcome {
        self.end_batch().await;
        while self.left().await == self.size.purged {
            rt::time::sleep(Duration::from_millis(20)).await;
        }
        let (purging, most_calls) = (Cell::new(true), self.size.most_calls);
        let watch = async {
            while self.left().await > 0 {
                rt::time::sleep(Duration::from_millis(100)).await;
            }
            purging.set(false);
        };
        let goes_on = |number| purging.get() && number < most_calls;
        join(run_at(PACE, goes_on, call), watch).await.0
    }

    async fn end_batch(&mut self) {
        let Size { transfers, purged, .. } = *self.size;
        let first = transfers * 9 / 10 + self.batch * purged;
        self.batch += 1;
        let (numbers, of_batch) = (numbers(first, first + purged), format!("(SELECT {} FROM n)", id(22, "i")));
        let objects = format!("{numbers} SELECT object_id FROM objects WHERE transfer_id IN {of_batch}");
        let objects: Vec<(String,)> =
            sqlx::query_as(AssertSqlSafe(objects)).fetch_all(&mut self.connection).await.unwrap();
        objects.iter().for_each(|(object,)| write_parts(self.data, object));
        for statement in [
            format!("{numbers} DELETE FROM sealed WHERE transfer_id IN {of_batch}"),
            format!("{numbers} DELETE FROM transfer_keys WHERE transfer_id IN {of_batch}"),
            format!(
                "{numbers} UPDATE transfers SET state = 'expired', ended_at = {}, token_hash = NULL, verifier = NULL
                 WHERE transfer_id IN {of_batch}",
                self.now
            ),
        ] {
            self.connection.execute(AssertSqlSafe(statement)).await.unwrap();
        }
    }

    async fn left(&mut self) -> u64 {
        let left = "SELECT COUNT(*) FROM transfers WHERE purged_at IS NULL AND ended_at IS NOT NULL";
        let (left,): (i64,) = sqlx::query_as(left).fetch_one(&mut self.connection).await.unwrap();
        left.cast_unsigned()
    }
}

/// Four parts of an object, for the server to remove. Their length matters to nobody.
fn write_parts(data: &Path, object: &str) {
    let folder = data.join("blobs/objects").join(&object[..2]).join(object);
    fs::create_dir_all(&folder).unwrap();
    (0..4).for_each(|n| fs::write(folder.join(format!("{n}-digest")), [7; 116]).unwrap());
}
