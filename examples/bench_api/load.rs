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
    pub(crate) calls_per_second: f64,
    /// The time within which 99 of 100 calls were answered, in milliseconds.
    pub(crate) p99_ms: f64,
}

/// Makes `count` calls.
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
    let took = begun.elapsed().as_secs_f64();
    let mut times = times.take();
    times.sort_unstable();
    Outcome { calls_per_second: count as f64 / took, p99_ms: times[count * 99 / 100].as_secs_f64() * 1000.0 }
}
