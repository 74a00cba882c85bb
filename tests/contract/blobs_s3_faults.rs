//! A store that fails in every way at every call: what is told complete is complete, what is not can be tried again.

use crate::blobs::{body, key_of, object, object_of, read, some_bytes};
use crate::faulty_line::{Fault, FaultyLine, Plan};
use crate::garage;
use bytes::Bytes;
use filmjacket::blobs::{AWAY, Blobs, CompleteError, PutError, ReadError, S3};
use futures_util::TryStreamExt as _;
use futures_util::future::join_all;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// Each call on the way of an object, and how its request line is known.
const CALLS: [&[&str]; 5] =
    [&["POST ", "uploads"], &["PUT ", "partNumber="], &["GET ", "uploadId="], &["POST ", "uploadId="], &["HEAD "]];

const FAULTS: [Fault; 6] =
    [Fault::Refusal(500), Fault::Refusal(503), Fault::Reset, Fault::LostAnswer, Fault::CutAnswer, Fault::Silence];

struct Store {
    line: FaultyLine,
    blobs: Blobs,
    _spool: tempfile::TempDir,
}

fn open(fault: Fault) -> Store {
    let line = FaultyLine::to(garage::endpoint());
    let spool = tempfile::tempdir().unwrap();
    let mut settings = garage::settings(&line.endpoint, &garage::own_prefix(), spool.path());
    if fault == Fault::Silence {
        settings.deadline = Duration::from_secs(4);
    }
    Store { line, blobs: Blobs::S3(S3::open(&settings).unwrap()), _spool: spool }
}

/// Puts an object together, beginning each step again until it succeeds; tells how often a step failed.
async fn send(store: &Store, part: &Bytes) -> usize {
    let (id, key) = (object(1), key_of(object(1), 0, part));
    let whole = object_of(id, std::slice::from_ref(part));
    let mut failures = 0;
    let mut failed = |error: io::Error| {
        assert_eq!(error.kind(), AWAY, "{error}");
        failures += 1;
        // The line is mended.
        store.line.set(None);
    };
    let upload = loop {
        match store.blobs.begin_object(&id).await {
            Ok(upload) => break upload,
            Err(error) => failed(error),
        }
    };
    loop {
        match store.blobs.put_part(&upload, &key.announced(part.len() as u64), body(part, 1000)).await {
            Ok(_) => break,
            Err(PutError::Io(error)) => failed(error),
            Err(error) => panic!("{error}"),
        }
    }
    loop {
        match store.blobs.complete_object(&upload, &whole).await {
            Ok(()) => break,
            Err(CompleteError::Io(error)) => failed(error),
            Err(error) => panic!("{error}"),
        }
    }
    failures
}

/// Sends with a fault planned, and holds what was told against a sound line.
async fn sends_in_spite_of(plan: Plan, failures: usize) {
    let store = open(plan.fault);
    store.line.set(Some(plan));
    let part = some_bytes(3000);
    assert_eq!(send(&store, &part).await, failures, "{plan:?}");
    assert!(store.line.met() > 0, "{plan:?} was never met");
    store.line.set(None);
    assert_eq!(read(&store.blobs, &key_of(object(1), 0, &part), 0..3000).await, part, "{plan:?}");
    store.blobs.delete_object(&object(1)).await.unwrap();
    assert_eq!(store.blobs.list_objects().await.unwrap(), []);
}

#[tokio::test]
async fn one_fault_of_any_kind_at_any_call_is_not_even_noticed() {
    join_all(
        CALLS
            .iter()
            .flat_map(|pieces| FAULTS.map(|fault| Box::pin(sends_in_spite_of(Plan { pieces, fault, times: 1 }, 0)))),
    )
    .await;
}

#[tokio::test]
async fn a_fault_that_stays_is_told_and_harms_nothing() {
    join_all(CALLS.iter().flat_map(|pieces| {
        FAULTS.map(|fault| Box::pin(sends_in_spite_of(Plan { pieces, fault, times: usize::MAX }, 1)))
    }))
    .await;
}

#[tokio::test]
async fn an_error_inside_a_200_is_an_error() {
    let pieces = CALLS[3];
    let fault = Fault::ErrorIn200;
    tokio::join!(
        sends_in_spite_of(Plan { pieces, fault, times: 1 }, 0),
        sends_in_spite_of(Plan { pieces, fault, times: usize::MAX }, 1)
    );
}

#[tokio::test]
async fn a_download_that_breaks_off_ends_with_an_error() {
    let store = open(Fault::CutAnswer);
    let part = some_bytes(300_000);
    send(&store, &part).await;
    store.line.set(Some(Plan { pieces: &["GET "], fault: Fault::CutAnswer, times: 1 }));
    let key = key_of(object(1), 0, &part);
    let cut = store.blobs.read_part(&key, 0..300_000).await.unwrap().try_collect::<Vec<_>>().await;
    assert!(cut.is_err() && store.line.met() == 1);
    store.line.set(Some(Plan { pieces: &["GET "], fault: Fault::Refusal(503), times: usize::MAX }));
    let refused = store.blobs.read_part(&key, 0..300_000).await;
    assert!(matches!(refused, Err(ReadError::Io(error)) if error.kind() == AWAY));
}

/// A store that answers one request of each connection. The first connection's second one makes it tell, and wait for ever.
fn store_that_falls_silent_once() -> (String, mpsc::Receiver<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for line in listener.incoming().map_while(Result::ok) {
            let tell = tell.clone();
            std::thread::spawn(move || {
                let mut line = BufReader::new(line);
                let mut head = String::new();
                while line.read_line(&mut head).unwrap() > 2 {}
                line.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
                if line.read_line(&mut head).is_ok_and(|len| len > 0) {
                    tell.send(()).unwrap();
                    drop(line.read_to_string(&mut head));
                }
            });
        }
    });
    (endpoint, told)
}

#[test]
fn a_connection_that_dies_with_the_thread_that_opened_it_is_not_even_noticed() {
    let (endpoint, told) = store_that_falls_silent_once();
    let spool = tempfile::tempdir().unwrap();
    let blobs = Arc::new(Blobs::S3(S3::open(&garage::settings(&endpoint, "", spool.path())).unwrap()));
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // One thread of the server opens a connection, and drives it until it ends itself.
    let first = Arc::clone(&blobs);
    let (opened, open) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        runtime().block_on(async {
            first.ping().await.unwrap();
            opened.send(()).unwrap();
            tokio::task::spawn_blocking(move || told.recv().unwrap()).await.unwrap();
        });
    });
    open.recv().unwrap();
    // Another thread's request is on that connection meanwhile.
    runtime().block_on(blobs.ping()).unwrap();
    thread.join().unwrap();
}
