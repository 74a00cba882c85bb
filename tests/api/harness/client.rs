//! An HTTP client that behaves like a browser on our own pages, unless a test makes it misbehave.

use super::described;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use bytes::Bytes;
use futures_util::Stream;
use protocol::Problem;
use protocol::problem::PROBLEM_JSON;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// One browser: keeps its cookies, names its origin, comes from one address.
#[derive(Clone)]
pub(crate) struct Client {
    http: awc::Client,
    /// Scheme, host and port that requests go to.
    server: String,
    headers: Vec<(String, String)>,
    cookies: RefCell<BTreeMap<String, String>>,
}

impl Client {
    /// A browser whose pages come from `origin`, which `server` answers for.
    pub(crate) fn new(server: SocketAddr, origin: &str) -> Self {
        let http = awc::Client::builder().timeout(Duration::from_secs(60)).disable_redirects().finish();
        Self::through(http, format!("http://{server}"), origin)
    }

    /// A browser that reaches `origin` in another way.
    pub(crate) fn through(http: awc::Client, server: String, origin: &str) -> Self {
        let headers = [("origin", origin), ("sec-fetch-site", "same-origin")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { http, server, headers, cookies: RefCell::default() }
    }

    /// The same browser with another value of a header on every request; `""` leaves the header out.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut other = self.clone();
        other.headers.retain(|(known, _)| known != name);
        other.headers.push((name.to_owned(), value.to_owned()));
        other
    }

    /// The same browser at another network address.
    pub(crate) fn at_address(&self, address: &str) -> Self {
        self.with("x-forwarded-for", address)
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.borrow().get(name).cloned()
    }

    pub(crate) fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn forget_cookie(&self, name: &str) {
        self.cookies.borrow_mut().remove(name);
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], Bytes::new()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], Bytes::new()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &impl Serialize) -> Answer {
        self.send("POST", path, &[("content-type", "application/json")], serde_json::to_vec(body).unwrap()).await
    }

    pub(crate) async fn put(&self, path: &str, body: &impl Serialize) -> Answer {
        self.send("PUT", path, &[("content-type", "application/json")], serde_json::to_vec(body).unwrap()).await
    }

    /// Any request with a body of known length.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let response = self.request(method, path, headers).send_body(body.into()).await;
        let answer = self.take_in(response.unwrap_or_else(|error| panic!("{method} {path}: {error}"))).await;
        described::check(method, path, &answer);
        answer
    }

    /// Any request with a body whose length is not told.
    pub(crate) async fn stream(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Stream<Item = Result<Bytes, std::io::Error>> + 'static,
    ) -> Result<Answer, awc::error::SendRequestError> {
        Ok(self.take_in(self.request(method, path, headers).send_stream(Box::pin(body)).await?).await)
    }

    /// Starts an answer and leaves its body to the caller.
    pub(crate) async fn open(&self, path: &str, headers: &[(&str, &str)]) -> Started {
        self.request("GET", path, headers).send().await.unwrap()
    }

    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> awc::ClientRequest {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, format!("{}{path}", self.server));
        let own = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in own.chain(headers.iter().copied()).filter(|(_, value)| !value.is_empty()) {
            request = request.append_header((name, HeaderValue::from_bytes(value.as_bytes()).unwrap()));
        }
        let cookies = self.cookies.borrow();
        if !cookies.is_empty() {
            let pairs: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.insert_header((header::COOKIE, pairs.join("; ")));
        }
        request
    }

    async fn take_in(&self, mut response: Started) -> Answer {
        let (status, headers) = (response.status(), response.headers().clone());
        for set in headers.get_all(header::SET_COOKIE).filter_map(|value| value.to_str().ok()) {
            let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() { self.forget_cookie(name) } else { self.set_cookie(name, value) }
        }
        let body = response.body().limit(64 << 20).await.unwrap_or_default();
        Answer { status: status.as_u16(), headers, body }
    }
}

/// An answer whose body has not been read.
pub(crate) type Started = awc::ClientResponse;

/// A whole answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The answer, if it has this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    #[track_caller]
    pub(crate) fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The problem, whose status, type and sentence are as they must always be.
    #[track_caller]
    pub(crate) fn problem(&self) -> Problem {
        assert!(self.status >= 400, "{} is no problem: {}", self.status, self.text());
        assert_eq!(self.header("content-type"), PROBLEM_JSON, "{}: {}", self.status, self.text());
        let problem: Problem = self.json();
        assert_eq!(problem.status, self.status);
        assert!(problem.r#type.starts_with("/problems/"), "{problem:?}");
        assert!(!problem.title.is_empty() && problem.detail.ends_with('.'), "{problem:?}");
        problem
    }

    /// The problem, if it is of this kind.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, slug: &str) -> Problem {
        let problem = self.problem();
        assert_eq!((problem.status, &*problem.r#type), (status, &*format!("/problems/{slug}")), "{problem:?}");
        problem
    }

    /// A header's only value; empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let name = HeaderName::try_from(name).unwrap();
        let mut values = self.headers.get_all(name);
        let value = values.next().map_or("", |value| value.to_str().unwrap());
        assert!(values.next().is_none(), "two of one header: {:?}", self.headers);
        value
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Everything that a stranger could compare, apart from the time and from whether the connection stays open, which
    /// depends on how much of the request had arrived.
    pub(crate) fn visible(&self) -> (u16, Vec<(String, String)>, Bytes) {
        let mut headers: Vec<_> = self
            .headers
            .iter()
            .filter(|(name, _)| {
                ![header::DATE.as_str(), header::CONNECTION.as_str(), "x-request-id"].contains(&name.as_str())
            })
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        headers.sort();
        (self.status, headers, self.body.clone())
    }

    pub(crate) fn is_success(&self) -> bool {
        StatusCode::from_u16(self.status).is_ok_and(|status| status.is_success())
    }
}
