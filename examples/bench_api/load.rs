//! Many calls at once, each timed.

use actix_web::rt;
use awc::Client;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Calls under way at a time: a busy clinic, and more than the server has cores.
const CALLERS: usize = 8;

/// What a call is: it has a number, and awaits the whole answer.
pub(crate) trait Call: Clone + 'static {
    async fn make(&self, http: &Client, number: usize);
}

/// What came of many calls.
pub(crate) struct Outcome {
    pub(crate) calls: usize,
    pub(crate) calls_per_second: f64,
    /// The time within which 99 of 100 calls were answered, in milliseconds.
    pub(crate) p99_ms: f64,
}

impl Outcome {
    fn of(mut times: Vec<Duration>, took: Duration) -> Self {
        times.sort_unstable();
        let calls_per_second = times.len() as f64 / took.as_secs_f64();
        let p99_ms = times[times.len() * 99 / 100].as_secs_f64() * 1000.0;
        Self { calls: times.len(), calls_per_second, p99_ms }
    }
}

/// Makes `count` calls, each caller one after the other.
pub(crate) async fn run(count: usize, call: impl Call) -> Outcome {
    let next = Rc::new(Cell::new(0));
    let times = Rc::new(RefCell::new(Vec::with_capacity(count)));
    let begun = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (next, times, call) = (Rc::clone(&next), Rc::clone(&times), call.clone());
            rt::spawn(async move {
                let http = Client::builder().timeout(Duration::from_secs(60)).finish();
                while next.get() < count {
                    let number = next.replace(next.get() + 1);
                    let begun = Instant::now();
                    call.make(&http, number).await;
                    times.borrow_mut().push(begun.elapsed());
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    Outcome::of(times.take(), begun.elapsed())
}

/// Makes calls at this pace, however long those before take, while `goes_on` says so of the next one's number. Each counts from
/// the moment at which it is due: what has to wait for others before it is slow.
pub(crate) async fn run_at(pace: Duration, goes_on: impl Fn(usize) -> bool, call: impl Call) -> Outcome {
    let http = Client::builder().timeout(Duration::from_secs(60)).finish();
    let times = Rc::new(RefCell::new(Vec::new()));
    let begun = Instant::now();
    let mut under_way = Vec::new();
    for number in (0..).take_while(|number| goes_on(*number)) {
        let due = begun + pace * number as u32;
        rt::time::sleep_until(due.into()).await;
        let (http, times, call) = (http.clone(), Rc::clone(&times), call.clone());
        under_way.push(rt::spawn(async move {
            call.make(&http, number).await;
            times.borrow_mut().push(due.elapsed());
        }));
    }
    for call in under_way {
        call.await.unwrap();
    }
    Outcome::of(times.take(), begun.elapsed())
}
