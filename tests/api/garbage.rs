//! Whatever anyone sends, the answer is a sentence and never a fault: the same thousands of changed requests each run.

use crate::harness::calls::{self, Call};
use crate::harness::{Client, MINUTE, Parcel, Sender, Site};
use serde_json::{Value, json};

/// Xorshift64*: the same run every time, told by its seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len())]
    }
}

const TEXTS: &[&str] = &[
    "",
    " ",
    "\u{0}",
    "x",
    "null",
    "-1",
    "0",
    "18446744073709551616",
    "AAAAAAAAAAAAAAAAAAAAAA",
    "AAAAAAAAAAAAAAAAAAAAAB",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "====",
    "'; DROP TABLE transfers; --",
    "%00",
    "%n%s",
    "../../etc/passwd",
    "a@b.example\r\nBcc: x@y.example",
    "\u{202e}gpj.exe",
    "🩻",
    "𝟙𝟚𝟛𝟜𝟝𝟞𝟟𝟠",
    "ß@ß.example",
    "a@xn--.example",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "2027-02-30T00:00:00Z",
    "2027-01-20T25:00:00Z",
    "2027-01-20",
    "<script>",
];

fn values() -> Vec<Value> {
    let mut values: Vec<Value> = TEXTS.iter().map(|text| json!(text)).collect();
    values.extend([json!(null), json!(true), json!([]), json!({}), json!(-1), json!(0), json!(1.5), json!(1e308)]);
    values.extend([
        json!(u64::MAX),
        json!(i64::MIN),
        json!(u32::MAX),
        json!(u64::from(u32::MAX) + 1),
        json!(vec![0; 300]),
    ]);
    values.extend([json!("A".repeat(9000)), json!({ "a": { "b": [[[]]] } }), json!([null, {}, "x"])]);
    values
}

/// Every place in a JSON value, the whole of it included.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, inner)| places(inner, &format!("{at}/{name}"), found)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, inner)| places(inner, &format!("{at}/{i}"), found));
        }
        _ => {}
    }
}

fn change_json(body: &[u8], dice: &mut Dice, values: &[Value]) -> Vec<u8> {
    let mut value: Value = serde_json::from_slice(body).unwrap();
    let mut all = Vec::new();
    places(&value, "", &mut all);
    let place = dice.pick(&all).clone();
    match dice.roll(4) {
        // A field is missing.
        0 if place.rfind('/').is_some() => {
            let (parent, name) = place.rsplit_once('/').unwrap();
            if let Some(Value::Object(fields)) = value.pointer_mut(parent) {
                fields.remove(name);
            }
        }
        // A value is repeated, as in ten objects with one id.
        1 => {
            if let Some(Value::Array(items)) = value.pointer_mut(&place) {
                let copies: Vec<Value> =
                    items.iter().cycle().take(items.len() * (1 + dice.roll(20))).cloned().collect();
                items.extend(copies);
            }
        }
        _ => *value.pointer_mut(&place).unwrap() = dice.pick(values).clone(),
    }
    serde_json::to_vec(&value).unwrap()
}

fn change_bytes(body: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = body.to_vec();
    for _ in 0..=dice.roll(4) {
        match dice.roll(3) {
            0 if !bytes.is_empty() => {
                let at = dice.roll(bytes.len());
                bytes[at] ^= 1 << dice.roll(8);
            }
            1 => bytes.truncate(dice.roll(bytes.len() + 1)),
            _ => bytes.insert(dice.roll(bytes.len() + 1), dice.roll(256) as u8),
        }
    }
    bytes
}

/// Percent-encodes, so that any text is a path segment.
fn segment(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

fn change_path(call: &Call, dice: &mut Dice) -> String {
    let mut parts: Vec<String> = call.path.split('/').map(str::to_owned).collect();
    let at = dice.roll(parts.len());
    match dice.roll(4) {
        0 => drop(parts.remove(at)),
        1 => parts.push(segment(dice.pick::<&str>(TEXTS))),
        _ => parts[at] = segment(dice.pick::<&str>(TEXTS)),
    }
    format!("/{}", parts.join("/").trim_start_matches('/'))
}

const HEADERS: &[&str] = &[
    "content-type",
    "content-digest",
    "authorization",
    "range",
    "cookie",
    "if-range",
    "accept",
    "x-forwarded-for",
    "if-none-match",
];
const HEADER_VALUES: &[&str] = &[
    "x",
    "application/json",
    "text/html",
    "sha-256=:AAAA:",
    "sha-256=:",
    "Ticket AAAA",
    "Ticket  ",
    "Basic YTpi",
    "bytes=0-",
    "bytes=-1",
    "bytes=9-1,2-",
    "bytes=99999999999999999999-",
    "filmjacket-session=",
    "filmjacket-session=AAAA; filmjacket-browser=;;==",
    ";",
    ",,,",
    "::1",
    "203.0.113.9, nonsense",
    "W/\"x\"",
    "*",
];

/// One run of `count` changed requests about a fresh transfer.
async fn run(seed: u64, count: usize) {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, "ana@clinic.example").await;
    let parcel = Parcel::scribble(&site, &[100]).openings(100);
    let draft = Parcel::scribble(&site, &[100, 200]);
    let recipient = sender.send(&parcel).await;
    sender.upload(&draft).await;
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    // What ends the run's own session or transfer is left out; everything else is fair.
    let harmless = |call: &Call| !["/end", "/session", "/mail"].iter().any(|end| call.route.path.ends_with(end));
    let mut targets = calls::all(&parcel, &recipient, &ticket);
    targets.extend(calls::all(&draft, &recipient, &ticket));
    targets.retain(|call| call.route.path.starts_with("/api/") && harmless(call));
    let (mut dice, values) = (Dice(seed), values());
    for n in 0..count {
        let mut call = dice.pick(&targets).clone();
        let mut headers = Vec::new();
        for _ in 0..=dice.roll(2) {
            match dice.roll(5) {
                0 | 1 if call.takes_json() => call.body = change_json(&recover(&call, &targets), &mut dice, &values),
                2 if !call.body.is_empty() => call.body = change_bytes(&call.body, &mut dice),
                3 => call.path = change_path(&call, &mut dice),
                _ => headers.push((*dice.pick(HEADERS), *dice.pick(HEADER_VALUES))),
            }
        }
        let client: &Client = if dice.roll(4) == 0 { &recipient.client } else { &sender.client };
        let answer = call.with(client, &headers).await;
        let what = || format!("seed {seed}, request {n}: {call:?} with {headers:?}");
        assert!(answer.status < 500, "{}: {}", what(), answer.text());
        // A path that leads out of the API may be a page, for whoever wants one.
        let is_page = !call.path.starts_with("/api/") && answer.header("content-type").starts_with("text/html");
        if answer.status >= 400 && !is_page {
            let problem = answer.problem();
            assert!(problem.detail.len() > 20, "{}: {problem:?}", what());
        }
        if n % 300 == 299 {
            site.wait(11 * MINUTE);
        }
    }
    // Whatever was said, what was sent is still there and opens.
    let network = recipient.at_address("198.51.100.1");
    network.ask().await.expect(200);
    let answer: protocol::open::UnlockAnswer = {
        site.wait(11 * MINUTE);
        network.unlock(&parcel.proof()).await.expect(200).json()
    };
    assert_eq!(network.fetch(&answer.ticket, &parcel.object_id(0), "").await.expect(200).body, parcel.objects[0]);
}

/// A call's JSON as it was before anything was changed.
fn recover(call: &Call, targets: &[Call]) -> Vec<u8> {
    let same = |other: &&Call| other.name() == call.name();
    targets.iter().find(same).map_or_else(|| call.body.clone(), |original| original.body.clone())
}

#[actix_web::test]
async fn changed_requests_get_a_sentence_and_no_fault() {
    run(1, 900).await;
}

#[actix_web::test]
async fn other_changed_requests_get_a_sentence_and_no_fault() {
    run(0x9e37_79b9_7f4a_7c15, 900).await;
}
