//! Clients that are slow, by their line or on purpose: they hold up nobody, and who is too slow is cut.

use crate::harness::parcel::scribble;
use crate::harness::recipient::{bearer, object_path};
use crate::harness::sender::digest_header;
use crate::harness::{Parcel, Recipient, Sender, Site, rows};
use filmjacket::transfer::PARTS_UNDER_WAY;
use protocol::{Ticket, layout};
use std::io::ErrorKind;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio::net::{TcpSocket, TcpStream};

const ANA: &str = "ana@clinic.example";
const PART_PLAIN_LEN: u64 = layout::CHUNK_PLAIN_LEN * layout::CHUNKS_PER_PART;

/// What a slow client does, a byte at a time.
#[derive(Clone, Copy, PartialEq)]
enum Dribble {
    Part,
    Head,
    Reading,
}

/// A connection on which very little happens.
struct SlowClient {
    socket: TcpStream,
    dribble: Dribble,
}

impl SlowClient {
    async fn start(site: &Site, dribble: Dribble, beginning: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        // Nothing of an answer disappears in this side's buffers.
        socket.set_recv_buffer_size(4096).unwrap();
        let mut socket = socket.connect(site.address()).await.unwrap();
        socket.write_all(beginning.as_bytes()).await.unwrap();
        Self { socket, dribble }
    }

    /// One byte more. Fails if the server has cut or answered what is not complete.
    async fn dribble(&mut self) {
        if self.dribble == Dribble::Reading {
            self.socket.read_u8().await.unwrap();
            return;
        }
        self.socket.write_all(b"x").await.unwrap();
        let answer = self.socket.try_read(&mut [0; 100]);
        assert!(answer.is_err_and(|error| error.kind() == ErrorKind::WouldBlock), "answered before its end");
    }
}

fn begin_part(sender: &Sender<'_>, parcel: &Parcel) -> String {
    format!(
        "PUT {} HTTP/1.1\r\nHost: x\r\nSec-Fetch-Site: same-origin\r\nCookie: filmjacket-session={}\r\n\
         Content-Digest: {}\r\nContent-Length: {}\r\n\r\nx",
        parcel.part_path(0, 0),
        sender.client.cookie("filmjacket-session").unwrap(),
        digest_header(&parcel.part(0, 0)),
        parcel.part(0, 0).len()
    )
}

fn ask_object(parcel: &Parcel, ticket: &Ticket) -> String {
    format!(
        "GET {} HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\n\r\n",
        object_path(&parcel.object_id(0)),
        bearer(ticket)
    )
}

async fn unlocked(site: &Site, parcel: &Parcel) -> (Recipient, Ticket) {
    let recipient = Sender::sign_in(site, ANA).await.send(parcel).await;
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    (recipient, ticket)
}

#[actix_web::test]
async fn two_hundred_slow_clients_do_not_stop_a_fast_one() {
    // A busy machine may take longer than usual for all of this: no slow client may be cut meanwhile.
    let site = Site::start_with(|config| {
        config.patience.grace = Duration::from_secs(600);
        config.patience.head = Duration::from_secs(600);
    })
    .await;
    let large = Parcel::scribble(&site, &[PART_PLAIN_LEN]);
    let (_, ticket) = unlocked(&site, &large).await;
    let mut slow = Vec::new();
    for name in ["one", "two", "three"] {
        let sender = Sender::sign_in(&site, &format!("{name}@clinic.example")).await;
        let parcel = Parcel::scribble(&site, &[PART_PLAIN_LEN]);
        sender.create(&parcel).await.expect(201);
        for _ in 0..23 {
            slow.push(SlowClient::start(&site, Dribble::Part, &begin_part(&sender, &parcel)).await);
        }
    }
    for _ in 0..66 {
        slow.push(SlowClient::start(&site, Dribble::Head, "GET / HTTP/1.1\r\nX: ").await);
        slow.push(SlowClient::start(&site, Dribble::Reading, &ask_object(&large, &ticket)).await);
    }
    assert!(slow.len() > 200);
    for client in &mut slow {
        client.dribble().await;
    }
    // The fast one sends and opens while every slow one stays where it was.
    let fast = Parcel::scribble(&site, &[PART_PLAIN_LEN + 1000, 5]);
    let (recipient, ticket) = unlocked(&site, &fast).await;
    for client in &mut slow {
        client.dribble().await;
    }
    for index in 0..2 {
        let answer = recipient.fetch(&ticket, &fast.object_id(index), "").await.expect(200);
        assert!(answer.body == fast.objects[index]);
    }
    for client in &mut slow {
        client.dribble().await;
    }
}

#[actix_web::test]
async fn a_part_that_dribbles_below_the_least_rate_is_given_up_and_leaves_nothing() {
    let site = Site::start_with(|config| config.patience.grace = Duration::from_millis(500)).await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[PART_PLAIN_LEN]);
    sender.create(&parcel).await.expect(201);
    let client = SlowClient::start(&site, Dribble::Part, &begin_part(&sender, &parcel)).await;
    let (mut reading, mut writing) = client.socket.into_split();
    // A byte whenever nothing was answered for 50 ms: never silent for long, and far below 512 bytes a second.
    let mut answer = [0; 12];
    let mut pace = tokio::time::interval(Duration::from_millis(50));
    loop {
        tokio::select! {
            read = reading.read_exact(&mut answer) => break assert_eq!(read.unwrap(), answer.len()),
            _ = pace.tick() => drop(writing.write_all(b"x").await),
        }
    }
    assert_eq!(&answer, b"HTTP/1.1 408");
    assert!(rows::stored_files(&site).is_empty());
}

#[actix_web::test]
async fn who_does_not_take_an_answer_is_cut() {
    let site = Site::start_with(|config| {
        config.patience.grace = Duration::from_millis(500);
        // The time for a piece is then the grace and next to nothing.
        config.patience.rate = 1 << 30;
    })
    .await;
    let parcel = Parcel::scribble(&site, &[PART_PLAIN_LEN]);
    let (_, ticket) = unlocked(&site, &parcel).await;
    let mut client = SlowClient::start(&site, Dribble::Reading, &ask_object(&parcel, &ticket)).await;
    client.dribble().await;
    // Resolves when the server resets the connection, and not before.
    client.socket.ready(Interest::ERROR).await.unwrap();
    let mut rest = Vec::new();
    assert!(client.socket.read_to_end(&mut rest).await.is_err());
    assert!((rest.len() as u64) < layout::PART_LEN);
}

#[actix_web::test]
async fn a_head_that_dribbles_on_a_kept_connection_is_cut() {
    let site = Site::start_with(|config| {
        config.patience.grace = Duration::from_millis(200);
        config.patience.idle = Duration::from_millis(200);
        config.patience.head = Duration::from_millis(200);
    })
    .await;
    let mut socket = TcpStream::connect(site.address()).await.unwrap();
    socket.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET / HT").await.unwrap();
    let mut answer = Vec::new();
    // Ends because the server ends the connection: this side keeps its own half open.
    drop(socket.read_to_end(&mut answer).await);
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\nok\n"), "{answer}");
}

#[actix_web::test]
async fn a_sender_has_a_limited_number_of_parts_under_way_and_others_their_own() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, ANA).await;
    let parcel = Parcel::scribble(&site, &[PART_PLAIN_LEN, 100]);
    sender.create(&parcel).await.expect(201);
    let mut slow = Vec::new();
    for _ in 0..PARTS_UNDER_WAY {
        slow.push(SlowClient::start(&site, Dribble::Part, &begin_part(&sender, &parcel)).await);
    }
    // Bytes that are refused in any case tell when there is no room left. While they are looked at they take room
    // themselves, and a slow one that comes just then is refused in their place: each time, one more is started.
    let path = parcel.part_path(1, 0);
    let headers = [("content-digest", &*digest_header(b"other bytes"))];
    let refusal = loop {
        let answer = sender.client.send("PUT", &path, &headers, scribble(116)).await;
        if answer.status != 400 {
            break answer;
        }
        slow.push(SlowClient::start(&site, Dribble::Part, &begin_part(&sender, &parcel)).await);
    };
    assert!(refusal.refused(429, "too-many-requests").detail.contains("32 parts"));
    assert_eq!(refusal.header("retry-after"), "5");
    let other = Sender::sign_in(&site, "eve@clinic.example").await;
    other.send(&Parcel::scribble(&site, &[100])).await;
    slow.clear();
    while sender.put_part(&parcel, 1, 0).await.status == 429 {}
    assert_eq!(sender.objects(&parcel).await[1].parts.len(), 1);
}
