//! Requests whose answers nobody reads: the server may die before or after it gave them.

use super::sender::digest_header;
use super::{Parcel, Sender, Site};
use std::io::Write as _;
use std::net::TcpStream;

/// A request on its way; its connection ends with it.
#[must_use]
pub(crate) struct Unanswered(#[expect(dead_code, reason = "held open")] TcpStream);

/// Sends a request with only the first `sent` bytes of its body.
fn begin(site: &Site, sender: &Sender<'_>, head: &str, body: &[u8], sent: usize) -> Unanswered {
    let mut line = TcpStream::connect(site.address()).unwrap();
    let head = format!(
        "{head}\r\nHost: x\r\nSec-Fetch-Site: same-origin\r\nCookie: filmjacket-session={}\r\nContent-Length: {}\r\n\r\n",
        sender.client.cookie("filmjacket-session").unwrap(),
        body.len()
    );
    line.write_all(head.as_bytes()).unwrap();
    line.write_all(&body[..sent]).unwrap();
    Unanswered(line)
}

/// A call with a JSON body.
pub(crate) fn post(site: &Site, sender: &Sender<'_>, path: &str, body: &impl serde::Serialize) -> Unanswered {
    let body = serde_json::to_vec(body).unwrap();
    begin(site, sender, &format!("POST {path} HTTP/1.1\r\nContent-Type: application/json"), &body, body.len())
}

/// A part.
pub(crate) fn put_part(site: &Site, sender: &Sender<'_>, parcel: &Parcel, index: usize, n: usize) -> Unanswered {
    let part = parcel.part(index, n);
    begin(site, sender, &put_head(parcel, index, n, &part), &part, part.len())
}

/// The first half of a part.
pub(crate) fn put_half_a_part(site: &Site, sender: &Sender<'_>, parcel: &Parcel, index: usize, n: usize) -> Unanswered {
    let part = parcel.part(index, n);
    begin(site, sender, &put_head(parcel, index, n, &part), &part, part.len() / 2)
}

fn put_head(parcel: &Parcel, index: usize, n: usize, part: &[u8]) -> String {
    format!("PUT {} HTTP/1.1\r\nContent-Digest: {}", parcel.part_path(index, n), digest_header(part))
}
