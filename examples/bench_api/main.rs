//! What `cargo xtask bench f g i j` runs: a release server with a full database, called as browsers call it.
//!
//! ```text
//! bench_api <path of the server's binary>            (f) its embedded defaults
//! bench_api <path of the server's binary> postgres   (g) a million transfers in PostgreSQL
//! bench_api <path of the server's binary> timing     (i) what the time of an answer tells
//! bench_api <path of the server's binary> audit [postgres]   (j) a million rows of audit
//! ```
//! The database is filled with SQL over the product's own migrations, because 100,000 transfers through the front door
//! are days of quota. No limit is lifted: creating calls are spread over senders and unlocking calls over networks, as
//! they are in life, and every passcode is right. Rows go to standard output, one `bench-row {json}` a line.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a measuring program talks to its terminal and stops at the first fault"
)]

mod audit;
mod bulk;
mod calls;
mod fill;
mod load;
mod paced;
#[path = "../../tests/shared/postgres.rs"]
mod postgres;
mod row;
mod server;
mod sink;
mod timing;

use filmjacket::config::Database;
use std::path::{Path, PathBuf};

/// Transfers in the embedded database, unless quick.
const TRANSFERS: u64 = 100_000;

fn main() {
    let argument = std::env::args().nth(1).unwrap();
    if argument == sink::ARGUMENT {
        return sink::run();
    }
    let quick = std::env::var_os("BENCH_QUICK").is_some();
    let (binary, data) = (PathBuf::from(argument), tempfile::tempdir().unwrap());
    match std::env::args().nth(2).as_deref() {
        None => embedded(&binary, data.path(), quick),
        Some("postgres") => paced::run(&binary, data.path(), quick),
        Some("timing") => timing::run(&binary, data.path(), quick),
        Some("audit") => {
            let postgres = std::env::args().nth(3).as_deref() == Some("postgres");
            audit::run(&binary, data.path(), postgres, quick);
        }
        Some(other) => panic!("there is nothing to measure on {other:?}"),
    }
}

/// (f) On the embedded defaults.
fn embedded(binary: &Path, data: &Path, quick: bool) {
    let runtime = actix_web::rt::System::new();
    let database = Database::File(data.join("filmjacket.sqlite"));
    let filled = runtime.block_on(fill::fill(&database, if quick { 2_000 } else { TRANSFERS }));
    let server = server::Server::start(binary, data, &[]);
    runtime.block_on(calls::measure(&server, &filled, if quick { 10 } else { 100 }));
    let bare = bulk::start_sink();
    let target = runtime.block_on(calls::announce_bulk(&server, &filled, if quick { 8 } else { 128 }));
    bulk::measure_up(&server, &bare, &target);
    let ticket = runtime.block_on(calls::unlock_bulk(&server, &filled, &target));
    bulk::measure_down(&server, &bare, &target, &ticket);
}
