//! A line to an S3 server on which chosen requests meet a chosen fault. One exchange a connection.

#![allow(dead_code, reason = "each test binary uses its part of this")]

use std::io::{Read as _, Result, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The server says 500 or 503 and does nothing.
    Refusal(u16),
    /// The server says 200, and in the body that it failed.
    ErrorIn200,
    /// The connection ends before anything reaches the server.
    Reset,
    /// The server does it, and the connection ends before its answer.
    LostAnswer,
    /// The server does it, and the answer breaks off in the middle.
    CutAnswer,
    /// Nothing happens at all.
    Silence,
}

/// A fault for the requests whose first line has all these pieces, so many times.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) pieces: &'static [&'static str],
    pub(crate) fault: Fault,
    pub(crate) times: usize,
}

/// The line; it lasts as long as this process.
pub(crate) struct FaultyLine {
    pub(crate) endpoint: String,
    plan: Arc<Mutex<Option<Plan>>>,
    met: Arc<Mutex<usize>>,
}

impl FaultyLine {
    pub(crate) fn to(endpoint: &str) -> Self {
        let server = endpoint.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (plan, met): (Arc<Mutex<Option<Plan>>>, Arc<Mutex<usize>>) = Default::default();
        let (plans, meets) = (Arc::clone(&plan), Arc::clone(&met));
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (server, plans, meets) = (server.clone(), Arc::clone(&plans), Arc::clone(&meets));
                // A client that goes away ends its exchange, nothing else.
                std::thread::spawn(move || drop(exchange(client, &server, &plans, &meets)));
            }
        });
        Self { endpoint, plan, met }
    }

    pub(crate) fn set(&self, plan: Option<Plan>) {
        *self.plan.lock().unwrap() = plan;
    }

    /// How many requests met their fault.
    pub(crate) fn met(&self) -> usize {
        *self.met.lock().unwrap()
    }
}

fn exchange(mut client: TcpStream, server: &str, plan: &Mutex<Option<Plan>>, met: &Mutex<usize>) -> Result<()> {
    let (head, body) = read_request(&mut client)?;
    let fault = take_fault(plan, head.lines().next().unwrap_or_default());
    *met.lock().unwrap() += usize::from(fault.is_some());
    let error = |code: &str| format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no</Message></Error>");
    match fault {
        Some(Fault::Refusal(status)) => return answer(&mut client, status, &error("SlowDown")),
        Some(Fault::ErrorIn200) => return answer(&mut client, 200, &error("InternalError")),
        Some(Fault::Reset) => return Ok(()),
        // Until the other side gives up.
        Some(Fault::Silence) => return client.read(&mut [0]).map(drop),
        _ => {}
    }
    let mut upstream = TcpStream::connect(server)?;
    // Not among the signed headers.
    upstream.write_all(head.replacen("\r\n", "\r\nConnection: close\r\n", 1).as_bytes())?;
    upstream.write_all(&body)?;
    let mut told = Vec::new();
    upstream.read_to_end(&mut told)?;
    match fault {
        Some(Fault::LostAnswer) => Ok(()),
        Some(Fault::CutAnswer) => client.write_all(&told[..told.len() * 3 / 4]),
        _ => client.write_all(&told),
    }
}

fn take_fault(plan: &Mutex<Option<Plan>>, line: &str) -> Option<Fault> {
    let mut plan = plan.lock().unwrap();
    let due = plan.as_mut().filter(|plan| plan.times > 0 && plan.pieces.iter().all(|piece| line.contains(piece)))?;
    due.times -= 1;
    Some(due.fault)
}

fn answer(client: &mut TcpStream, status: u16, body: &str) -> Result<()> {
    write!(client, "HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn read_request(client: &mut TcpStream) -> Result<(String, Vec<u8>)> {
    client.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let lower = head.to_ascii_lowercase();
    let len = lower.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; len.unwrap_or(0)];
    client.read_exact(&mut body)?;
    Ok((head, body))
}
