//! (i) Whether the time that an answer takes tells what the answer does not: who has an account, who may sign in, which link was real.
//!
//! All classes take turns, in a new order each round, one request at a time. What is told of a question is the largest difference
//! between the medians of its classes, held against what chance makes of the same times: the labels are shuffled within each round,
//! a thousand times, and 99 of 100 of the differences that this gives are at most the *noise*. Whoever cannot do better than
//! guess by a stopwatch finds a ratio of at most 1.

use super::fill::{self, id, numbers};
use super::row;
use super::server::Server;
use awc::Client;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use filmjacket::config::Database;
use serde::Serialize;
use serde_json::json;
use sqlx::{AnyConnection, AssertSqlSafe, Executor as _};
use std::cell::Cell;
use std::path::Path;
use std::time::{Duration, Instant};

/// Rounds of four classes: 10,000 requests a question.
const ROUNDS: usize = 2_500;

/// How often labels are shuffled.
const SHUFFLES: usize = 1_000;

/// Long enough for the mail that was asked for to have left.
const REST: Duration = Duration::from_millis(10);

/// Who asks for a code. All addresses are of one length.
const ADDRESSES: [(&str, &str); 4] = [
    ("known", "clinic.example"),
    ("taken", "clinic.example"),
    ("fresh", "clinic.example"),
    ("alien", "public.example"),
];

/// Measures each question on the embedded defaults and prints its rows.
pub(crate) fn run(binary: &Path, data: &Path, quick: bool) {
    let rounds = if quick { 50 } else { ROUNDS };
    let runtime = actix_web::rt::System::new();
    let database = Database::File(data.join("filmjacket.sqlite"));
    let links = runtime.block_on(async {
        let filled = fill::fill(&database, 10_000).await;
        let mut connection = fill::connect(&database).await;
        add_people(&mut connection, rounds, filled.now).await;
        Links::read(&mut connection).await
    });
    let server = Server::start(binary, data, &[("FILMJACKET_SIGN_IN__ALLOW", "[\"clinic.example\"]")]);
    runtime.block_on(measure(&server, &links, rounds));
}

/// People with an account, of whom the second lot is disabled.
async fn add_people(connection: &mut AnyConnection, rounds: usize, now: i64) {
    for (lot, (name, domain)) in ADDRESSES.iter().take(2).enumerate() {
        let (email, key) = (format!("'{name}' || (10000 + i) || '@{domain}'"), id(43, &format!("i + {lot}5000000")));
        let disabled = if *name == "taken" { now.to_string() } else { "NULL".to_owned() };
        let people = format!(
            "{} INSERT INTO accounts (account_id, email_key, email, name, organisation, created_at, sender, signed_in_at, disabled_at)
             SELECT {key}, {email}, {email}, 'Dr. Ana Ruiz', 'North Clinic', {now}, 1, {now}, {disabled} FROM n",
            numbers(0, rounds as u64)
        );
        connection.execute(AssertSqlSafe(people)).await.unwrap();
    }
}

/// Transfers by what has become of them.
struct Links {
    ready: Vec<String>,
    over: Vec<String>,
}

impl Links {
    async fn read(connection: &mut AnyConnection) -> Self {
        let (mut ready, mut over) = (Vec::new(), Vec::new());
        for (state, ids) in [("ready", &mut ready), ("expired", &mut over)] {
            let found: Vec<(String,)> =
                sqlx::query_as("SELECT transfer_id FROM transfers WHERE state = $1 ORDER BY transfer_id LIMIT 1000")
                    .bind(state)
                    .fetch_all(&mut *connection)
                    .await
                    .unwrap();
            ids.extend(found.into_iter().map(|(id,)| id));
        }
        Self { ready, over }
    }
}

async fn measure(server: &Server, links: &Links, rounds: usize) {
    let caller = Caller::new(server);
    let asked = take_turns(4, rounds, async |class, round| caller.ask(class, round).await.0).await;
    tell("sign-in, four kinds of address", &asked.by_class);
    tell("what is asked right after it", &asked.by_class_before);
    let typed = take_turns(4, rounds, async |class, round| {
        let (_, cookie) = caller.ask(class, round).await;
        actix_web::rt::time::sleep(REST).await;
        caller.type_wrong_code(class, round, &cookie).await
    });
    tell("a wrong code, the same four", &typed.await.by_class);
    let opened = take_turns(4, rounds, async |class, round| caller.open(class, round, links).await);
    tell("a link that does not work, four kinds", &opened.await.by_class);
}

/// One browser after another, each in a network of its own: no limit is lifted.
struct Caller {
    http: Client,
    origin: String,
    calls: Cell<usize>,
}

impl Caller {
    fn new(server: &Server) -> Self {
        let http = Client::builder().timeout(Duration::from_secs(60)).finish();
        Self { http, origin: server.origin(), calls: Cell::new(0) }
    }

    /// The answer's status and cookie, and how many microseconds it took to come.
    async fn post(&self, path: &str, body: &impl Serialize, cookie: &str) -> (u16, String, f64) {
        let number = self.calls.replace(self.calls.get() + 1);
        let network = format!("198.{}.{}.{}", 18 + number / 62_500, number / 250 % 250, number % 250);
        let call = self.http.post(format!("{}/api/v1/{path}", self.origin));
        let call = call.insert_header(("x-forwarded-for", network)).insert_header(("origin", self.origin.as_str()));
        let call = if cookie.is_empty() { call } else { call.insert_header(("cookie", cookie)) };
        let begun = Instant::now();
        let mut answer = call.send_json(body).await.unwrap();
        answer.body().await.unwrap();
        let took = begun.elapsed().as_secs_f64() * 1e6;
        let set = answer.headers().get("set-cookie").and_then(|value| value.to_str().ok()).unwrap_or_default();
        (answer.status().as_u16(), set.split(';').next().unwrap_or_default().to_owned(), took)
    }

    async fn ask(&self, class: usize, round: usize) -> (f64, String) {
        let (status, cookie, took) = self.post("sign-in", &json!({ "email": address(class, round) }), "").await;
        assert_eq!(status, 202);
        (took, cookie)
    }

    async fn type_wrong_code(&self, class: usize, round: usize, cookie: &str) -> f64 {
        let body = json!({ "email": address(class, round), "code": "00000000" });
        let (status, _, took) = self.post("sign-in/code", &body, cookie).await;
        assert_eq!(status, 401);
        took
    }

    async fn open(&self, class: usize, round: usize, links: &Links) -> f64 {
        let random = |len: usize| {
            let mut bytes = vec![0; len];
            getrandom::fill(&mut bytes).unwrap();
            URL_SAFE_NO_PAD.encode(bytes)
        };
        let transfer_id = match class {
            1 => links.over[round % links.over.len()].clone(),
            2 => links.ready[round % links.ready.len()].clone(),
            _ => random(16),
        };
        let body = json!({ "token": random(32), "transfer_id": transfer_id });
        let (status, _, took) = self.post("open", &body, "").await;
        assert_eq!(status, 404);
        took
    }
}

fn address(class: usize, round: usize) -> String {
    let (name, domain) = ADDRESSES[class];
    format!("{name}{}@{domain}", 10_000 + round)
}

/// Times in microseconds, a list for each class, all of one length.
struct Turns {
    by_class: Vec<Vec<f64>>,
    /// Of the request that came after one of that class.
    by_class_before: Vec<Vec<f64>>,
}

/// Lets every class have its turn in every round, in an order of the round's own.
async fn take_turns(classes: usize, rounds: usize, probe: impl AsyncFn(usize, usize) -> f64) -> Turns {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut turns = Turns { by_class: vec![Vec::new(); classes], by_class_before: vec![Vec::new(); classes] };
    let mut before = None;
    for round in 0..rounds {
        let mut order: Vec<usize> = (0..classes).collect();
        dice.shuffle(&mut order);
        for class in order {
            let took = probe(class, round).await;
            turns.by_class[class].push(took);
            if let Some(before) = before.replace(class) {
                turns.by_class_before[before].push(took);
            }
        }
    }
    // The very last request has none after it.
    turns.by_class_before.iter_mut().for_each(|times| times.truncate(rounds - 1));
    turns
}

fn tell(what: &str, times: &[Vec<f64>]) {
    let medians: Vec<String> = times.iter().map(|times| format!("{:.0}", median(&mut times.clone()))).collect();
    let (difference, noise) = (largest_difference(times), noise(times));
    println!("{what}: medians {} µs; noise {noise:.1} µs", medians.join(", "));
    let more = json!({ "ratio": difference / noise, "beside": "noise", "target": "<= 1" });
    row::print("i", what, difference, "µs", more);
}

fn median(times: &mut [f64]) -> f64 {
    let middle = times.len() / 2;
    *times.select_nth_unstable_by(middle, f64::total_cmp).1
}

fn largest_difference(times: &[Vec<f64>]) -> f64 {
    let medians: Vec<f64> = times.iter().map(|times| median(&mut times.clone())).collect();
    medians.iter().fold(f64::MIN, |most, one| most.max(*one))
        - medians.iter().fold(f64::MAX, |least, one| least.min(*one))
}

/// What 99 of 100 shuffles of the labels give at most.
fn noise(times: &[Vec<f64>]) -> f64 {
    let mut dice = Dice(0xd1b5_4a32_d192_ed03);
    let mut shuffled = times.to_vec();
    let mut differences: Vec<f64> = (0..SHUFFLES)
        .map(|_| {
            for round in 0..times[0].len() {
                let mut of_round: Vec<f64> = times.iter().map(|times| times[round]).collect();
                dice.shuffle(&mut of_round);
                shuffled.iter_mut().zip(of_round).for_each(|(times, time)| times[round] = time);
            }
            largest_difference(&shuffled)
        })
        .collect();
    differences.sort_unstable_by(f64::total_cmp);
    differences[SHUFFLES * 99 / 100]
}

/// Marsaglia's xorshift: the same order in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        (1..items.len()).rev().for_each(|last| items.swap(last, self.roll(last + 1)));
    }
}
