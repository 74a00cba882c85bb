//! Parts up and ranges down over plain sockets, whose own cost is next to nothing, beside the bare sink.

use super::calls::digest;
use super::row;
use super::server::Server;
use super::sink;
use protocol::Ticket;
use protocol::layout::PART_LEN;
use protocol::transfers::CreateTransfer;
use serde_json::json;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Requests under way at a time, as a browser with four lanes.
const LANES: usize = 4;

/// An announced object of whole parts.
pub(crate) struct Target {
    pub(crate) create: CreateTransfer,
    pub(crate) sender: usize,
    pub(crate) session: String,
    pub(crate) parts: u64,
}

/// What moving all parts once cost.
struct Moved {
    mb_per_second: f64,
    cpu_ms_per_mb: f64,
}

/// Starts the yardstick.
pub(crate) fn start_sink() -> Server {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(sink::ARGUMENT);
    Server::start_command(command)
}

/// Uploads the object to the server and to the sink, and prints the rows.
pub(crate) fn measure_up(server: &Server, bare: &Server, target: &Target) {
    let part = vec![7; PART_LEN as usize];
    let digest = digest(&part);
    let object =
        format!("/api/v1/transfers/{}/objects/{}", target.create.transfer_id, target.create.objects[0].object_id);
    let put = |n: u64| {
        let head = format!(
            "PUT {object}/parts/{n} HTTP/1.1\r\nhost: bench\r\ncookie: {}\r\norigin: {}\r\ncontent-digest: {digest}\r\n\
             content-length: {PART_LEN}\r\n\r\n",
            target.session,
            server.origin()
        );
        (head, part.as_slice())
    };
    let bare = move_all(bare, target.parts, &put);
    tell("upload of parts", &move_all(server, target.parts, &put), &bare);
}

/// Downloads the object part by part with a ticket, beside as many zeros.
pub(crate) fn measure_down(server: &Server, bare: &Server, target: &Target, ticket: &Ticket) {
    let object = format!("/api/v1/open/objects/{}", target.create.objects[0].object_id);
    let ranged = |n: u64| {
        let (first, last) = (n * PART_LEN, (n + 1) * PART_LEN - 1);
        let ticket = ticket.to_text();
        let head = format!(
            "GET {object} HTTP/1.1\r\nhost: bench\r\nauthorization: Ticket {ticket}\r\nrange: bytes={first}-{last}\r\n\r\n"
        );
        (head, [].as_slice())
    };
    let zeros = |_: u64| (format!("GET /{PART_LEN} HTTP/1.1\r\nhost: bench\r\n\r\n"), [].as_slice());
    let bare = move_all(bare, target.parts, &zeros);
    tell("download by range", &move_all(server, target.parts, &ranged), &bare);
    row::print("f", "server's peak memory", server.peak_mib(), "MiB", json!({ "target": "<= 100" }));
}

fn tell(what: &str, moved: &Moved, bare: &Moved) {
    let ratio = moved.mb_per_second / bare.mb_per_second;
    row::print("f", what, moved.mb_per_second, "MB/s", json!({ "ratio": ratio, "beside": "bare sink" }));
    row::print("f", &format!("{what}, bare sink"), bare.mb_per_second, "MB/s", json!({}));
    row::print("f", &format!("{what}, server's processor time"), moved.cpu_ms_per_mb, "ms/MB", json!({}));
    row::print("f", &format!("{what}, bare sink's processor time"), bare.cpu_ms_per_mb, "ms/MB", json!({}));
}

/// Makes one request a part, [`LANES`] at a time, each lane on a connection of its own.
fn move_all<'a>(server: &Server, parts: u64, request: &(impl Fn(u64) -> (String, &'a [u8]) + Sync)) -> Moved {
    let next = AtomicU64::new(0);
    let (cpu, begun) = (server.cpu_seconds(), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| lane(server.address, parts, &next, request));
        }
    });
    let mb = (parts * PART_LEN) as f64 / 1e6;
    let took = begun.elapsed().as_secs_f64();
    Moved { mb_per_second: mb / took, cpu_ms_per_mb: (server.cpu_seconds() - cpu) * 1000.0 / mb }
}

fn lane<'a>(address: SocketAddr, parts: u64, next: &AtomicU64, request: &impl Fn(u64) -> (String, &'a [u8])) {
    let socket = TcpStream::connect(address).unwrap();
    socket.set_nodelay(true).unwrap();
    let mut answers = BufReader::with_capacity(1 << 20, socket.try_clone().unwrap());
    let mut socket = socket;
    loop {
        let n = next.fetch_add(1, Ordering::Relaxed);
        if n >= parts {
            return;
        }
        let (head, body) = request(n);
        socket.write_all(head.as_bytes()).unwrap();
        socket.write_all(body).unwrap();
        take_answer(&mut answers);
    }
}

/// Reads one answer of known length to its end.
fn take_answer(answers: &mut BufReader<TcpStream>) {
    let (mut line, mut left) = (String::new(), 0);
    answers.read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 2"), "{line}");
    while line.trim() != "" {
        line.clear();
        answers.read_line(&mut line).unwrap();
        if let Some(len) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            left = len.trim().parse().unwrap();
        }
    }
    std::io::copy(&mut answers.take(left), &mut std::io::sink()).unwrap();
}
