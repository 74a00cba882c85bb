//! The HTTP baseline: headers on every answer, same-origin only, one kind of error.

use crate::harness::calls::{self, Call};
use crate::harness::sender::digest_header;
use crate::harness::{Answer, Parcel, Sender, Site, people, rows};
use filmjacket::http::{Access, ROUTES};
use protocol::sign_in::Role;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// As in the design, not as in the code: a change there must be made here too.
const CSP: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; \
    frame-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; manifest-src 'self'; form-action 'self'; \
    base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types app-loader";

#[track_caller]
fn check(answer: &Answer, what: &str) {
    for (name, value) in [
        ("content-security-policy", CSP),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-embedder-policy", "require-corp"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-robots-tag", "noindex"),
    ] {
        assert_eq!(answer.header(name), value, "{what}: {name}");
    }
    let policy = answer.header("permissions-policy");
    for feature in ["camera=()", "microphone=()", "geolocation=()"] {
        assert!(policy.contains(feature), "{what}: {policy}");
    }
    // Two pages may ask for passkeys.
    let rest =
        policy.replace("publickey-credentials-create=(self)", "").replace("publickey-credentials-get=(self)", "");
    assert!(rest == policy || what.contains("/account") || what.contains("/second-step"), "{what}: {policy}");
    assert!(!rest.contains('*') && !rest.contains("self"), "{what}: {policy}");
    let cached = answer.header("cache-control");
    // What is the same for everybody may be kept: files under their hash for ever, the API's description with a question each time.
    let may_be_kept =
        cached == "public, max-age=31536000, immutable" || cached == "no-cache" && what.contains("openapi");
    assert!(cached == "no-store" || may_be_kept, "{what}: {cached}");
    for (name, value) in &answer.headers {
        let name = name.as_str();
        assert!(!name.starts_with("access-control-"), "{what}: {name}");
        assert!(!["server", "x-powered-by", "via"].contains(&name), "{what}: {name}");
        let value = value.to_str().unwrap().to_lowercase();
        assert!(!value.contains("actix") && !value.contains("filmjacket/"), "{what}: {name}: {value}");
    }
    assert!(!answer.text().contains("actix"), "{what}");
    if answer.status >= 400 && !answer.body.is_empty() && answer.header("content-type") != "text/html; charset=utf-8" {
        answer.problem();
    }
}

async fn one_of_each(site: &Site) -> (Vec<Call>, crate::harness::Client) {
    let sender = Sender::sign_in(site, "ana@clinic.example").await;
    let parcel = Parcel::scribble(site, &[100]);
    let recipient = sender.send(&parcel).await;
    let ticket = recipient.take_ticket(&parcel.proof()).await;
    // Their caller may call them all.
    people::give(site, "ana@clinic.example", &Role::ALL).await;
    people::set(site, "ana@clinic.example", "department = 'Radiology'").await;
    (calls::all(&parcel, &recipient, &ticket), sender.client)
}

#[actix_web::test]
async fn every_route_carries_the_baseline_whatever_it_answers() {
    let site = Site::start().await;
    let (calls, sender) = one_of_each(&site).await;
    let nobody = site.client();
    for call in &calls {
        let path = &call.path;
        check(&call.by(&nobody).await, &call.name());
        for method in ["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW"] {
            check(&nobody.send(method, path, &[], "").await, &format!("{method} {path}"));
            let foreign = nobody.with("origin", "https://evil.example").with("sec-fetch-site", "cross-site");
            check(&foreign.send(method, path, &[], "").await, &format!("{method} {path} from elsewhere"));
        }
        if call.route.path != "/api/v1/session" {
            check(&call.by(&sender).await, &format!("{} by its caller", call.name()));
        }
    }
    for path in [
        "/nothing",
        "/api/v1/nothing",
        "/api",
        "/assets/",
        "/%ff",
        "/a/../b",
        "//evil.example",
        "/healthz/x",
        "/.git/config",
    ] {
        let answer = nobody.get(path).await;
        check(&answer, path);
        answer.refused(404, "not-found");
        let page = nobody.with("accept", "text/html").get(path).await;
        check(&page, path);
        assert!(page.status == 404 && (path.starts_with("/api/") || page.text().contains("</html>")), "{path}");
    }
}

#[actix_web::test]
async fn every_other_method_is_refused_with_those_that_there_are() {
    let site = Site::start().await;
    let (calls, sender) = one_of_each(&site).await;
    for call in &calls {
        let known: BTreeSet<&str> =
            ROUTES.iter().filter(|route| route.path == call.route.path).map(|route| route.method).collect();
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            if !known.contains(method) {
                let answer = sender.send(method, &call.path, &[("content-type", "application/json")], "{}").await;
                answer.refused(405, "method-not-allowed");
                let mut told: BTreeSet<&str> = answer.header("allow").split(", ").collect();
                assert_eq!(told.remove("HEAD"), known.contains("GET"), "{method} {}", call.path);
                assert_eq!(told, known, "{method} {}", call.path);
            }
        }
    }
}

#[actix_web::test]
async fn requests_of_other_sites_change_nothing() {
    let site = Site::start().await;
    let (calls, sender) = one_of_each(&site).await;
    let own = site.origin().to_owned();
    let other_port = "http://127.0.0.1:1";
    let before = rows::dump(&site).await;
    for call in calls.iter().filter(|call| call.changes_something()) {
        for (fetch_site, origin) in [
            ("cross-site", "https://evil.example"),
            ("cross-site", &*own),
            ("same-site", &*own),
            ("none", &*own),
            ("Same-Origin, cross-site", &*own),
            ("", "https://evil.example"),
            ("", "null"),
            ("", ""),
            ("", other_port),
            ("", &own.replace("http://", "https://")),
            ("", &format!("{own}.evil.example")),
            ("", &own.to_uppercase()),
        ] {
            let client = sender.with("sec-fetch-site", fetch_site).with("origin", origin);
            let refused = call.by(&client).await;
            assert_eq!(refused.status, 403, "{} with {fetch_site:?} and {origin:?}", call.name());
            refused.refused(403, "cross-origin");
        }
    }
    assert_eq!(rows::difference(&before, &rows::dump(&site).await), "");
    let old_browser = sender.with("sec-fetch-site", "");
    old_browser.put("/api/v1/me", &json!({ "name": "Ana", "organisation": "" })).await.expect(204);
}

#[actix_web::test]
async fn only_json_that_says_so_is_read() {
    let site = Site::start().await;
    let (calls, sender) = one_of_each(&site).await;
    for call in calls.iter().filter(|call| call.takes_json()) {
        for bad in [
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/jsonp",
            "json",
        ] {
            let answer = call.with(&sender, &[("content-type", bad)]).await;
            assert_eq!(answer.status, 415, "{} as {bad:?}", call.name());
            answer.refused(415, "media-type");
        }
        let spoken = call.with(&sender, &[("content-type", "Application/JSON; charset=utf-8")]).await;
        assert_ne!(spoken.status, 415, "{}", call.name());
    }
}

#[actix_web::test]
async fn json_that_is_too_long_or_none_is_refused_with_a_sentence() {
    let site = Site::start().await;
    let (calls, sender) = one_of_each(&site).await;
    for call in calls.iter().filter(|call| call.takes_json()) {
        let limit = if call.route.path.ends_with("/seal") { 192 } else { 16 } << 10;
        for over in [1, 100_000, 2_000_000] {
            let padded = [call.body.clone(), vec![b' '; limit + over - call.body.len()]].concat();
            let too_long = Call { body: padded, ..call.clone() }.by(&sender).await;
            assert_eq!(too_long.status, 413, "{} with {over} bytes too many", call.name());
            assert!(too_long.refused(413, "body-too-long").detail.contains(" KB "));
        }
        for broken in ["", "{", "null", "[]", "\"x\"", "{}", "{\"x\":1}", "\u{0}", "{\"email\": }", &"[".repeat(5000)] {
            let answer = Call { body: broken.into(), ..call.clone() }.by(&sender).await;
            assert_eq!(answer.status, 400, "{} with {broken:.20}", call.name());
            answer.refused(400, "bad-request");
        }
    }
}

#[actix_web::test]
async fn unknown_and_repeated_fields_are_refused_and_no_value_is_quoted_back() {
    let site = Site::start().await;
    let (calls, sender) = one_of_each(&site).await;
    for call in calls.iter().filter(|call| call.takes_json()) {
        let text = String::from_utf8(call.body.clone()).unwrap();
        let extra = text.replacen('{', "{\"canary-field\":\"canary-value\",", 1);
        let repeated = format!("{},{}", text.strip_suffix('}').unwrap(), text.strip_prefix('{').unwrap());
        for body in [extra, repeated] {
            let answer = Call { body: body.into_bytes(), ..call.clone() }.by(&sender).await;
            let detail = answer.refused(400, "bad-request").detail;
            assert!(!detail.contains("canary") && !answer.text().contains("canary"), "{detail}");
        }
    }
}

#[actix_web::test]
async fn a_preflight_of_another_site_is_told_nothing() {
    let site = Site::start().await;
    let client = site.client().with("origin", "https://evil.example").with("sec-fetch-site", "cross-site");
    let headers = [("access-control-request-method", "PUT"), ("access-control-request-headers", "content-digest")];
    let answer = client.send("OPTIONS", "/api/v1/transfers", &headers, "").await;
    check(&answer, "preflight");
    assert!(!answer.is_success(), "{}", answer.status);
}

#[actix_web::test]
async fn pages_are_pages_and_their_assets_may_be_kept_for_ever() {
    let site = Site::start().await;
    let sender = Sender::sign_in(&site, "ana@clinic.example").await;
    let mut assets = BTreeSet::new();
    for path in ["/", "/welcome", "/send", "/sent", "/open", "/about", "/problems", "/problems/not-found"] {
        let page = sender.client.with("accept", "text/html").get(path).await;
        assert!(page.status == 200 || page.status == 303, "{path}: {}", page.status);
        check(&page, path);
        let text = page.text();
        assert!(!text.contains(" style=") && !text.contains("<style") && !text.contains(" onclick="), "{path}");
        assert!(!text.contains("http://") && !text.contains("https://"), "{path} names another origin");
        for quoted in text.split('"').filter(|quoted| quoted.starts_with("/assets/")) {
            assets.insert(quoted.to_owned());
        }
    }
    assert!(assets.len() > 5, "{assets:?}");
    for path in &assets {
        let asset = site.client().get(path).await.expect(200);
        check(&asset, path);
        assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable", "{path}");
        assert!(!asset.header("content-type").is_empty(), "{path}");
        let hash = path.split('/').nth(2).unwrap();
        let stale = site.client().get(&path.replace(hash, "00000000")).await;
        assert_eq!((stale.status, stale.header("cache-control")), (404, "no-store"), "{path}");
    }
}

#[actix_web::test]
async fn health_needs_no_sign_in_and_tells_nothing() {
    let site = Site::start().await;
    let answer = site.client().get("/healthz").await.expect(200);
    check(&answer, "/healthz");
    assert_eq!(answer.text(), "ok\n");
}

#[actix_web::test]
async fn a_body_that_stops_coming_is_given_up() {
    let site = Site::start_with(|config| config.patience.grace = Duration::from_millis(500)).await;
    let sender = Sender::sign_in(&site, "ana@clinic.example").await;
    let parcel = Parcel::scribble(&site, &[100]);
    sender.create(&parcel).await.expect(201);
    let session = sender.client.cookie("filmjacket-session").unwrap();
    let put = format!("PUT {}", parcel.part_path(0, 0));
    for (call, len) in [("POST /api/v1/open", 300), (&*put, 116)] {
        let mut stream = TcpStream::connect(site.address()).await.unwrap();
        let head = format!(
            "{call} HTTP/1.1\r\nHost: x\r\nSec-Fetch-Site: same-origin\r\nCookie: filmjacket-session={session}\r\n\
             Content-Digest: {}\r\nContent-Type: application/json\r\nContent-Length: {len}\r\n\r\n{{",
            digest_header(&parcel.part(0, 0))
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // Nothing more is sent, and nothing closed: the server must end it by itself.
        let mut answer = Vec::new();
        while stream.read_buf(&mut answer).await.unwrap() > 0 && !answer.ends_with(b"}") {}
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("/problems/too-slow"), "{call}: {answer}");
    }
    assert!(rows::stored_files(&site).is_empty());
}

/// Sends bytes as they are and reads until the server closes.
async fn raw(site: &Site, request: &str) -> String {
    let mut stream = TcpStream::connect(site.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    // A server that slams the door may reset the connection after its answer.
    drop(stream.read_to_end(&mut answer).await);
    String::from_utf8_lossy(&answer).into_owned()
}

#[actix_web::test]
async fn what_is_not_http_is_refused_and_hides_no_second_request() {
    let site = Site::start().await;
    let host = site.address();
    let hidden = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    for request in [
        "\r\n\r\n".to_owned(),
        "hello\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        format!("GET / HTTP/1.1\r\nHost: {host}\r\nBad Header: x\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: {host}\r\nX: {}\r\n\r\n", "a".repeat(200_000)),
        format!("GET / HTTP/1.1\r\nHost: {host}\r\n{}\r\n", "X: y\r\n".repeat(500)),
        format!("GET /{} HTTP/1.1\r\nHost: {host}\r\n\r\n", "a".repeat(200_000)),
        format!("POST /api/v1/open HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{hidden}"),
        format!("POST /api/v1/open HTTP/1.1\r\nHost: {host}\r\nContent-Length: -1\r\n\r\n{hidden}"),
        format!("POST /api/v1/open HTTP/1.1\r\nHost: {host}\r\nContent-Length: 18446744073709551616\r\n\r\n{hidden}"),
        format!(
            "POST /api/v1/open HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n{hidden}"
        ),
        format!("POST /api/v1/open HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: xchunked\r\n\r\n{hidden}"),
        format!("POST /api/v1/open HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{hidden}"),
    ] {
        let answer = raw(&site, &request).await;
        let statuses: Vec<&str> = answer.split("HTTP/1.1 ").skip(1).map(|part| &part[..3]).collect();
        assert!(statuses.iter().all(|status| status.starts_with('4')), "{request:.120}: {answer:.300}");
        assert!(!answer.contains("\r\n\r\nok\n"), "a second request was read out of {request:.120}");
    }
    site.client().get("/healthz").await.expect(200);
}

#[test]
fn the_route_table_names_each_call_once() {
    let calls: Vec<_> = ROUTES.iter().map(|route| (route.method, route.path)).collect();
    assert_eq!(calls.iter().collect::<BTreeSet<_>>().len(), calls.len());
    // No call is open to anyone by a slip: these are all that change something without any right.
    let open: Vec<_> = ROUTES
        .iter()
        .filter(|route| route.access == Access::Anyone && route.method != "GET")
        .map(|route| route.path)
        .collect();
    assert_eq!(open, ["/api/v1/sign-in", "/api/v1/mine"]);
}
