//! A man in the middle: every request and answer between a browser and the server passes here, is recorded, and may be
//! changed, held back or cut on its way.
//!
//! It speaks only the HTTP/1.1 that the two sides use with one another: bodies of told length, one exchange a
//! connection. It also stands as a browser's forward proxy, and then sees what the browser asks of other hosts; one other
//! server of this machine it may be told to let it reach.

use std::io::{Error, ErrorKind, Result};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::line::Line;

/// A request as it passed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query; with the host for a request that left the origin, or would have.
    pub(crate) target: String,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// An answer as it was handed on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Status line and headers without those that frame the body.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// Close the connection after so many bytes of the body, though more were promised.
    pub(crate) cut_after: Option<usize>,
    /// Hand it on only when told so.
    pub(crate) held: Option<Arc<Notify>>,
}

/// Changes answers.
type Tamper = Box<dyn FnMut(&Request, &mut Answer) + Send>;

#[derive(Default)]
struct State {
    exchanges: Vec<(Request, Answer)>,
    strayed: Vec<String>,
    /// The port of another server that may be reached.
    also: Option<u16>,
    tamper: Option<Tamper>,
    forgets_parts: bool,
}

/// Listens on its own port until dropped.
pub(crate) struct Relay {
    /// Everything passes over it.
    pub(crate) line: Line,
    port: u16,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Relay {
    /// Binds a port and passes everything on to the server on `upstream` of 127.0.0.1.
    pub(crate) async fn start(upstream: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let line = Line::new();
        let (shared, shared_line) = (Arc::clone(&state), line.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (state, line) = (Arc::clone(&shared), shared_line.clone());
                if line.is_down() {
                    continue;
                }
                // A browser may go away in the middle of anything.
                tokio::spawn(async move { drop(line.unless_cut(pass(stream, upstream, &state, &line)).await) });
            }
        });
        Self { line, port, state, task }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// From now on `tamper` sees every answer before the browser does.
    pub(crate) fn tamper(&self, tamper: impl FnMut(&Request, &mut Answer) + Send + 'static) {
        self.state.lock().unwrap().tamper = Some(Box::new(tamper));
    }

    /// Answers pass unchanged again.
    pub(crate) fn be_honest(&self) {
        self.state.lock().unwrap().tamper = None;
    }

    /// From now on the bytes of uploaded parts are not kept; there may be many. The line still counts them.
    pub(crate) fn forget_parts(&self) {
        self.state.lock().unwrap().forgets_parts = true;
    }

    /// From now on the server on `port` of 127.0.0.1 may be asked, too.
    pub(crate) fn allow(&self, port: u16) {
        self.state.lock().unwrap().also = Some(port);
    }

    /// Everything that passed since it was last taken, in order of completion.
    pub(crate) fn take_exchanges(&self) -> Vec<(Request, Answer)> {
        std::mem::take(&mut self.state.lock().unwrap().exchanges)
    }

    /// What was asked of any other host.
    pub(crate) fn strayed(&self) -> Vec<String> {
        self.state.lock().unwrap().strayed.clone()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(browser: TcpStream, upstream: u16, state: &Mutex<State>, line: &Line) -> Result<()> {
    let mut browser = BufReader::new(browser);
    let Some(mut request) = read_request(&mut browser, line).await? else { return Ok(()) };
    let mut server = upstream;
    if let Some(absolute) = request.target.strip_prefix("http://") {
        let (host, path) = absolute.split_once('/').unwrap_or((absolute, ""));
        let also = state.lock().unwrap().also.filter(|port| host == format!("127.0.0.1:{port}"));
        match also {
            Some(port) => server = port,
            None if host == format!("127.0.0.1:{upstream}") => request.target = format!("/{path}"),
            None => return refuse(browser, request, state).await,
        }
    } else if request.method == "CONNECT" {
        return refuse(browser, request, state).await;
    }
    let mut answer = ask(server, &request).await?;
    {
        let mut state = state.lock().unwrap();
        if let Some(tamper) = &mut state.tamper {
            tamper(&request, &mut answer);
        }
        if state.forgets_parts && header(&request.head, "content-digest").is_some() {
            request.body = Vec::new();
        }
        state.exchanges.push((request, answer.clone()));
    }
    if let Some(held) = &answer.held {
        held.notified().await;
    }
    let told = format!("{}Content-Length: {}\r\nConnection: close\r\n\r\n", answer.head, answer.body.len());
    let sent = answer.cut_after.unwrap_or(answer.body.len()).min(answer.body.len());
    browser.write_all(told.as_bytes()).await?;
    browser.write_all(&answer.body[..sent]).await?;
    browser.shutdown().await
}

async fn refuse(mut browser: BufReader<TcpStream>, request: Request, state: &Mutex<State>) -> Result<()> {
    state.lock().unwrap().strayed.push(format!("{} {}", request.method, request.target));
    browser.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await?;
    browser.shutdown().await
}

/// `None` if the other side closed without asking anything.
async fn read_request(stream: &mut BufReader<TcpStream>, line: &Line) -> Result<Option<Request>> {
    let head = read_head(stream).await?;
    let mut words = head.split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(None) };
    let len = header(&head, "content-length").and_then(|len| len.parse().ok()).unwrap_or(0);
    let body = match header(&head, "content-digest") {
        Some(digest) => line.read_part(stream, target, digest, len).await?,
        None => {
            let mut body = vec![0; len];
            stream.read_exact(&mut body).await?;
            body
        }
    };
    Ok(Some(Request { method: method.into(), target: target.into(), head: head.clone(), body }))
}

/// Asks the server on `upstream` of 127.0.0.1.
pub(crate) async fn ask(upstream: u16, request: &Request) -> Result<Answer> {
    let mut server = BufReader::new(TcpStream::connect(("127.0.0.1", upstream)).await?);
    let headers = without(&request.head, &["connection", "proxy-connection"]);
    let headers = headers.split_once("\r\n").map_or("", |(_, headers)| headers);
    let origin = format!("http://127.0.0.1:{upstream}");
    let target = request.target.strip_prefix(&origin).unwrap_or(&request.target);
    let head = format!("{} {target} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n", request.method);
    server.write_all(head.as_bytes()).await?;
    // A server that refuses early may close before it has read everything; its answer counts all the same.
    let _ = server.write_all(&request.body).await;
    let head = read_head(&mut server).await?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| Error::new(ErrorKind::InvalidData, "the server gave no status"))?;
    let mut body = Vec::new();
    if header(&head, "transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        read_chunked(&mut server, &mut body).await?;
    } else if request.method != "HEAD" && status != 304 {
        server.read_to_end(&mut body).await?;
    }
    let head = without(&head, &["connection", "content-length", "transfer-encoding"]);
    Ok(Answer { status, head, body, ..Answer::default() })
}

async fn read_chunked(stream: &mut BufReader<TcpStream>, body: &mut Vec<u8>) -> Result<()> {
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let len = usize::from_str_radix(line.trim_end(), 16).map_err(|_| Error::from(ErrorKind::InvalidData))?;
        let from = body.len();
        body.resize(from + len, 0);
        stream.read_exact(&mut body[from..]).await?;
        stream.read_line(&mut line).await?;
        if len == 0 {
            return Ok(());
        }
    }
}

/// First line and headers, without the empty line that ends them.
async fn read_head(stream: &mut BufReader<TcpStream>) -> Result<String> {
    let mut head = String::new();
    while stream.read_line(&mut head).await? > 2 {}
    head.truncate(head.strip_suffix("\r\n").unwrap_or(&head).len());
    Ok(head)
}

/// A header's value.
pub(crate) fn header<'a>(head: &'a str, name: &'a str) -> Option<&'a str> {
    headers(head, name).next()
}

/// The values of a header that may be repeated.
pub(crate) fn headers<'a>(head: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    let pairs = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    pairs.filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

fn without(head: &str, names: &[&str]) -> String {
    let keep = |line: &&str| !names.iter().any(|name| line.split(':').next().unwrap_or("").eq_ignore_ascii_case(name));
    head.split_inclusive("\r\n").filter(keep).collect()
}
