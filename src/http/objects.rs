//! Downloading: a byte range of an object's ciphertext, whole parts never in memory.

use super::error::Refusal;
use super::extract::TicketHeader;
use crate::app::App;
use crate::blobs::{PartKey, PartStream, read_either};
use crate::keys::hash_secret;
use crate::store::WholeObject;
use crate::transfer::{ByteRange, PartRange, parse_range, parts_of_range};
use actix_web::body::SizedStream;
use actix_web::http::Method;
use actix_web::http::header::{ACCEPT_RANGES, CONTENT_RANGE, CONTENT_TYPE, IF_RANGE, RANGE};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use protocol::{ObjectId, Sha256Digest};
use std::io;
use std::ops::Range;
use std::time::{Duration, Instant};

/// How often a download asks whether its transfer has ended meanwhile. With what is on its way in buffers, it stops
/// well within five seconds.
const RECHECK: Duration = Duration::from_secs(2);

/// `GET` and `HEAD /api/v1/open/objects/{object_id}`
pub(super) async fn fetch(
    app: web::Data<App>,
    request: HttpRequest,
    TicketHeader(ticket): TicketHeader,
    object_id: web::Path<ObjectId>,
) -> Result<HttpResponse, Refusal> {
    let ticket_hash = hash_secret(ticket.as_bytes());
    let grant = app.store.find_grant(&ticket_hash, app.clock.now()).await?.ok_or_else(Refusal::ticket_invalid)?;
    let found = app.store.find_whole_object(&grant.transfer_id, &object_id).await?;
    let WholeObject { object_len, parts } = found.ok_or_else(Refusal::not_found)?;
    let (mut response, range) = match asked_range(&request, object_len) {
        ByteRange::Unsatisfiable => return Err(Refusal::range_invalid(object_len)),
        ByteRange::Whole => (HttpResponse::Ok(), 0..object_len),
        ByteRange::Some(range) => {
            let mut partial = HttpResponse::PartialContent();
            partial.insert_header((CONTENT_RANGE, format!("bytes {}-{}/{object_len}", range.start, range.end - 1)));
            (partial, range)
        }
    };
    response.insert_header((ACCEPT_RANGES, "bytes")).insert_header((CONTENT_TYPE, "application/octet-stream"));
    let len = range.end - range.start;
    if request.method() == Method::HEAD {
        return Ok(response.body(SizedStream::new(len, futures_util::stream::empty::<io::Result<Bytes>>())));
    }
    let download = Download::start(app, ticket_hash, *object_id, parts, range).await?;
    Ok(response.body(SizedStream::new(len, download.into_stream())))
}

/// Objects never change and carry no validator, so a conditional range (`If-Range`) can match nothing.
fn asked_range(request: &HttpRequest, object_len: u64) -> ByteRange {
    let header = request.headers().get(RANGE).filter(|_| !request.headers().contains_key(IF_RANGE));
    header.and_then(|value| value.to_str().ok()).map_or(ByteRange::Whole, |value| parse_range(value, object_len))
}

/// A range on its way out.
struct Download {
    app: web::Data<App>,
    ticket_hash: [u8; 32],
    object_id: ObjectId,
    digests: Vec<Sha256Digest>,
    waiting: Box<dyn Iterator<Item = PartRange>>,
    current: PartStream,
    checked: Instant,
}

impl Download {
    /// Opens the first part, so that a part that is lost is an error and not a broken answer.
    async fn start(
        app: web::Data<App>,
        ticket_hash: [u8; 32],
        object_id: ObjectId,
        digests: Vec<Sha256Digest>,
        range: Range<u64>,
    ) -> Result<Self, Refusal> {
        let waiting = Box::new(parts_of_range(range));
        let current = futures_util::stream::empty().boxed();
        let mut download = Self { app, ticket_hash, object_id, digests, waiting, current, checked: Instant::now() };
        download.open_next().await?;
        Ok(download)
    }

    /// Goes on to the next part; false after the last.
    async fn open_next(&mut self) -> Result<bool, Refusal> {
        let Some(part) = self.waiting.next() else { return Ok(false) };
        let sha256 = self.digests.get(part.n as usize).copied();
        let sha256 = sha256.ok_or_else(|| io::Error::other("a part of a ready transfer has no row"))?;
        let key = PartKey { object_id: self.object_id, n: part.n, sha256 };
        self.current = read_either(&self.app.blobs, self.app.second_copy.as_ref(), &key, part.bytes).await?;
        Ok(true)
    }

    /// The next bytes; `None` after the last. An error ends the connection before the announced length, which tells
    /// the client that this is not all.
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if self.checked.elapsed() >= RECHECK {
                self.check_grant().await?;
            }
            if let Some(bytes) = self.current.next().await {
                return bytes.map(Some);
            }
            self.check_grant().await?;
            if !self.open_next().await.map_err(|refusal| io::Error::other(refusal.to_string()))? {
                return Ok(None);
            }
        }
    }

    async fn check_grant(&mut self) -> io::Result<()> {
        let grant =
            self.app.store.find_grant(&self.ticket_hash, self.app.clock.now()).await.map_err(io::Error::other)?;
        self.checked = Instant::now();
        grant.map(|_| ()).ok_or_else(|| io::Error::other("the transfer ended during the download"))
    }

    fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> {
        futures_util::stream::try_unfold(self, |mut download| async move {
            Ok(download.next().await?.map(|bytes| (bytes, download)))
        })
    }
}
