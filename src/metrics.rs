//! What is counted and measured, for Prometheus. Labels are route templates, states and names of jobs: a closed set, in which
//! there is nobody's address, id or name.
//!
//! This room must not know who counts: others hand in numbers.

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// All figures of one server.
pub struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    durations: Family<Route, Histogram>,
    received: Counter,
    sent: Counter,
    jobs: Family<Job, Gauge>,
    transfers: Family<State, Gauge>,
    outbox_mails: Gauge,
    outbox_oldest: Gauge,
    uncopied_objects: Gauge,
    uncopied_oldest: Gauge,
    connections: Family<Connections, Gauge>,
    database_wait: Gauge<f64, AtomicU64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Job {
    job: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Connections {
    pool: &'static str,
    state: &'static str,
}

/// What is looked up in the moment of asking.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// How many transfers are in each state.
    pub transfers: Vec<(String, u64)>,
    /// Mail that waits.
    pub outbox_mails: u64,
    /// Seconds since the oldest of it was queued.
    pub outbox_oldest: i64,
    /// Objects that wait for their second copy.
    pub uncopied_objects: u64,
    /// Seconds since the one of them that waits longest became ready.
    pub uncopied_oldest: i64,
    /// Connections to the database by pool: in use, and idle.
    pub connections: Vec<(&'static str, u64, u64)>,
    /// How long one question to the database took, its turn for a connection included.
    pub database_wait: Duration,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let durations = Family::<Route, Histogram>::new_with_constructor(|| {
            // From two milliseconds to a minute and more: a part over a slow line takes that.
            Histogram::new(exponential_buckets(0.002, 2.5, 12))
        });
        let mut made = Self {
            registry: Registry::with_prefix("filmjacket"),
            requests: Family::default(),
            durations,
            received: Counter::default(),
            sent: Counter::default(),
            jobs: Family::default(),
            transfers: Family::default(),
            outbox_mails: Gauge::default(),
            outbox_oldest: Gauge::default(),
            uncopied_objects: Gauge::default(),
            uncopied_oldest: Gauge::default(),
            connections: Family::default(),
            database_wait: Gauge::default(),
        };
        made.register();
        made
    }
}

impl Metrics {
    fn register(&mut self) {
        let to = &mut self.registry;
        to.register("requests", "Requests answered", self.requests.clone());
        let help = "Time until an answer began";
        to.register_with_unit("request_duration", help, Unit::Seconds, self.durations.clone());
        to.register_with_unit("received", "Announced lengths of request bodies", Unit::Bytes, self.received.clone());
        to.register_with_unit("sent", "Bodies of answers, as far as clients took them", Unit::Bytes, self.sent.clone());
        let help = "When each job last did all that was due, in Unix time";
        to.register_with_unit("job_success_timestamp", help, Unit::Seconds, self.jobs.clone());
        to.register("transfers", "Transfers by state", self.transfers.clone());
        to.register("outbox_mails", "Mail that waits to be handed over", self.outbox_mails.clone());
        let help = "Age of the oldest mail that waits";
        to.register_with_unit("outbox_oldest", help, Unit::Seconds, self.outbox_oldest.clone());
        to.register("uncopied_objects", "Objects that wait for their second copy", self.uncopied_objects.clone());
        let help = "For how long the one that waits longest for its second copy has been ready";
        to.register_with_unit("uncopied_oldest", help, Unit::Seconds, self.uncopied_oldest.clone());
        to.register("database_connections", "Connections to the database", self.connections.clone());
        let help = "Time for one question to the database, waiting for a connection included";
        to.register_with_unit("database_wait", help, Unit::Seconds, self.database_wait.clone());
    }

    /// Counts an answered request.
    pub fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        // Any other word is a client's invention, and would be a label of its own.
        const METHODS: [&str; 5] = ["GET", "HEAD", "POST", "PUT", "DELETE"];
        let method = METHODS.into_iter().find(|known| *known == method).unwrap_or("other");
        self.requests.get_or_create(&Request { method, route: route.to_owned(), status }).inc();
        self.durations.get_or_create(&Route { route: route.to_owned() }).observe(took.as_secs_f64());
    }

    /// Counts what a client said that it sends.
    pub fn received(&self, len: u64) {
        self.received.inc_by(len);
    }

    /// Counts what went to a client.
    pub fn sent(&self, len: usize) {
        self.sent.inc_by(len as u64);
    }

    /// Notes that a job did all that was due at `unix_time`.
    pub fn job_succeeded(&self, job: &'static str, unix_time: i64) {
        self.jobs.get_or_create(&Job { job }).set(unix_time);
    }

    /// Everything as OpenMetrics text.
    pub fn to_text(&self, now: &Snapshot) -> String {
        for (state, count) in &now.transfers {
            self.transfers.get_or_create(&State { state: state.clone() }).set(to_gauge(*count));
        }
        self.outbox_mails.set(to_gauge(now.outbox_mails));
        self.outbox_oldest.set(now.outbox_oldest);
        self.uncopied_objects.set(to_gauge(now.uncopied_objects));
        self.uncopied_oldest.set(now.uncopied_oldest);
        for (pool, used, idle) in &now.connections {
            for (state, count) in [("used", used), ("idle", idle)] {
                self.connections.get_or_create(&Connections { pool, state }).set(to_gauge(*count));
            }
        }
        self.database_wait.set(now.database_wait.as_secs_f64());
        let mut told = String::new();
        // Writing to a text does not fail.
        let _ = text::encode(&mut told, &self.registry);
        told
    }
}

fn to_gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
