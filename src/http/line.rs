//! The line to one client, watched from outside: the framework times only the first head of a connection, and neither
//! later heads nor how slowly an answer is taken.
//!
//! Each step of the client has its time ([`Patience`]): a request's head, and taking each piece of an answer. While the
//! server works (or waits for a body, which `extract` times), nothing is held against the client. When a step's time is
//! over, the connection is reset, and with it goes all that the kernel still holds for it. A TLS handshake comes before
//! any of this and has a head's time (see `serve`).

use crate::app::App;
use crate::config::Patience;
use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::Extensions;
use actix_web::rt::{self, net::TcpStream};
use actix_web::web;
use bytes::Bytes;
use socket2::{SockRef, Socket};
use std::any::Any;
use std::cell::Cell;
use std::net::Shutdown;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// One client's connection.
#[derive(Clone)]
pub(super) struct Line(Rc<Watched>);

struct Watched {
    patience: Patience,
    /// When the client's step is late; none while it is our turn.
    late_at: Cell<Option<Instant>>,
    /// Another handle to the connection: the framework keeps its own to itself.
    socket: Socket,
    watching: JoinHandle<()>,
}

impl Line {
    /// Watches a new connection; for `HttpServer::on_connect`. One that cannot be watched (no file handle is left) is
    /// served all the same.
    pub(super) fn watch(patience: Patience, connection: &dyn Any, data: &mut Extensions) {
        let stream = match connection.downcast_ref::<TlsStream<TcpStream>>() {
            Some(protected) => Some(protected.get_ref().0),
            None => connection.downcast_ref::<TcpStream>(),
        };
        let Some(stream) = stream else { return };
        let Ok(socket) = SockRef::from(stream).try_clone() else { return };
        let line = Self(Rc::new_cyclic(|line| {
            let watching = rt::spawn(cut_when_late(Weak::clone(line), patience.grace / 8));
            Watched { patience, late_at: Cell::new(None), socket, watching }
        }));
        line.await_head(0);
        data.insert(line);
    }

    /// It is our turn.
    pub(super) fn work(&self) {
        self.0.late_at.set(None);
    }

    /// The client has to take a piece of an answer.
    fn await_taking(&self, len: usize) {
        self.set_late_after(self.0.patience.time_for(len));
    }

    /// The client has to take the last piece of an answer, and may then ask for something else.
    fn await_head(&self, last_piece: usize) {
        let Patience { idle, head, .. } = self.0.patience;
        self.set_late_after(self.0.patience.time_for(last_piece) + idle + head);
    }

    fn set_late_after(&self, time: Duration) {
        self.0.late_at.set(Some(Instant::now() + time));
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

/// Looks now and then, so that no step has to wake anyone: a client may be late by `tick` more.
async fn cut_when_late(line: Weak<Watched>, tick: Duration) {
    loop {
        tokio::time::sleep(tick).await;
        let Some(line) = line.upgrade() else { return };
        if line.late_at.get().is_some_and(|late_at| late_at <= Instant::now()) {
            tracing::debug!("a connection was cut because its client was too slow");
            // Without lingering, closing discards what the client has not taken, megabytes in the kernel among it.
            let _ = line.socket.set_linger(Some(Duration::ZERO));
            let _ = line.socket.shutdown(Shutdown::Both);
            return;
        }
    }
}

/// An answer's body that tells the line what the client has to take.
pub(super) struct PacedBody {
    body: BoxBody,
    line: Line,
    last_piece: usize,
    app: web::Data<App>,
}

impl PacedBody {
    pub(super) fn new(body: BoxBody, line: Line, app: web::Data<App>) -> Self {
        Self { body, line, last_piece: 0, app }
    }
}

impl MessageBody for PacedBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    /// Is asked for more only when the client took what it had.
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.line.work();
        let piece = ready!(self.body.as_pin_mut().poll_next(context));
        if let Some(Ok(bytes)) = &piece {
            self.last_piece = bytes.len();
            self.app.metrics.sent(bytes.len());
            self.line.await_taking(bytes.len());
        }
        Poll::Ready(piece)
    }
}

impl Drop for PacedBody {
    fn drop(&mut self) {
        self.line.await_head(self.last_piece);
    }
}
