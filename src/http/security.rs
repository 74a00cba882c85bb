//! What holds for every answer, whichever handler made it: the HTTP baseline, the same-origin check, the error body,
//! and one log line of allowed fields.

use super::bearer::{self, find_bearer};
use super::client::{client_address, mask_address, request_id};
use super::error::Refusal;
use super::extract::{declared_len, is_safe};
use super::line::{Line, PacedBody};
use super::problem_pages::error_page;
use crate::app::App;
use crate::config::PublicUrl;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError as _, web};
use protocol::problem::PROBLEM_JSON;
use protocol::{Problem, ProblemKind};
use std::time::Instant;

/// Everything comes from here; no script or style stands in the page; the one trusted-types policy makes the addresses
/// of our own workers. Frames: no answer of this server may be framed; a page frames only what its service worker for
/// streamed downloads makes up.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; \
    connect-src 'self'; frame-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; manifest-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types app-loader";

/// All off. Writing to the clipboard is not listed, because *copy* needs it.
const PERMISSIONS_POLICY: &str = "accelerometer=(), autoplay=(), \
    browsing-topics=(), camera=(), clipboard-read=(), display-capture=(), encrypted-media=(), gamepad=(), \
    geolocation=(), gyroscope=(), hid=(), idle-detection=(), interest-cohort=(), local-fonts=(), magnetometer=(), \
    microphone=(), midi=(), otp-credentials=(), payment=(), picture-in-picture=(), \
    publickey-credentials-create=(), publickey-credentials-get=(), serial=(), speaker-selection=(), usb=(), \
    window-management=(), xr-spatial-tracking=()";

/// All off but passkeys, for the two pages that ask for them.
pub(super) fn passkey_policy() -> String {
    let allow = |policy: String, what: &str| {
        policy.replace(&format!("publickey-credentials-{what}=()"), &format!("publickey-credentials-{what}=(self)"))
    };
    ["create", "get"].into_iter().fold(PERMISSIONS_POLICY.to_owned(), allow)
}

/// On every answer.
const BASELINE: &[(&str, &str)] = &[
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-robots-tag", "noindex"),
];

/// Names a request in the log, in errors that people report, and on this answer.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Two years, where TLS is.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");

/// The outermost middleware.
pub(super) async fn baseline(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let Some(app) = request.app_data::<web::Data<App>>().cloned() else {
        return Err(actix_web::error::ErrorInternalServerError("the application is not there"));
    };
    let line = request.request().conn_data::<Line>().cloned();
    if let Some(line) = &line {
        line.work();
    }
    let request_id = request_id(request.request(), &app.config.trusted_proxies);
    app.metrics.received(declared_len(request.request()).unwrap_or(0));
    let wants_page = wants_page(&request);
    let client = mask_address(client_address(request.request(), &app.config.trusted_proxies));
    let response = match check_request(&request, &app.config.public_url) {
        Ok(()) => next.call(request).await?.map_into_boxed_body(),
        Err(refusal) => request.into_response(refusal.error_response()),
    };
    let mut response = write_problem(response, wants_page, &request_id);
    write_headers(response.headers_mut(), app.config.public_url.is_https(), app.store_origin.as_deref());
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let (status, took) = (response.status().as_u16(), started.elapsed());
    // The template, not the address: addresses hold ids.
    let route = response.request().match_pattern().unwrap_or_else(|| "-".to_owned());
    app.metrics.answered(response.request().method().as_str(), &route, status, took);
    tracing::info!(
        request = %request_id,
        method = %response.request().method(),
        route,
        status,
        ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        client = %client,
        "answered"
    );
    Ok(match line {
        Some(line) => response.map_body(|_, body| BoxBody::new(PacedBody::new(body, line, app))),
        None => response,
    })
}

/// Requests that change something must come from our own pages, and in a form that no foreign page's form can have.
fn check_request(request: &ServiceRequest, public_url: &PublicUrl) -> Result<(), Refusal> {
    let has_bearer = find_bearer(request.headers()).is_some();
    if has_bearer {
        bearer::check_route(request.method(), request.match_pattern().as_deref())?;
    }
    if is_safe(request.method()) {
        return Ok(());
    }
    // A token is no ambient authority: no browser adds it to a request by itself, as it does with a cookie, and cookies beside a
    // token count for nothing. A foreign page that wanted to set the header would first have to be allowed to by CORS, and is not.
    let by_token = has_bearer && bearer::decides(request.method(), request.match_pattern().as_deref());
    if !by_token && !is_same_origin(request, public_url) {
        return Err(Refusal::new(
            ProblemKind::CrossOrigin,
            "This request came from another website and was not carried out. Please use this server's own pages.",
        ));
    }
    let content_type = request.headers().get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    match content_type.map(|text| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()).as_deref() {
        None | Some("application/json" | "application/octet-stream") => Ok(()),
        Some(_) => Err(Refusal::new(ProblemKind::MediaType, "This server takes JSON, and plain bytes for parts.")),
    }
}

/// Browsers say so in `Sec-Fetch-Site`, which no page can forge; whoever does not send it must name our exact origin.
fn is_same_origin(request: &ServiceRequest, public_url: &PublicUrl) -> bool {
    let header = |name: &str| request.headers().get(name).map(HeaderValue::as_bytes);
    match header("sec-fetch-site") {
        Some(site) => site == b"same-origin",
        None => header("origin") == Some(public_url.origin().as_bytes()),
    }
}

/// Whether a person is waiting for a page, rather than a program for JSON.
fn wants_page(request: &ServiceRequest) -> bool {
    let accepts_html = || {
        let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
        accept.is_some_and(|accept| accept.contains("text/html"))
    };
    !request.path().starts_with("/api/") && accepts_html()
}

/// Gives a refusal its body. Errors that the framework made by itself come without one and get theirs here too.
fn write_problem(mut response: ServiceResponse, wants_page: bool, request_id: &str) -> ServiceResponse {
    let told = response.response_mut().extensions_mut().remove::<Problem>();
    let status = response.status();
    let unexplained = status.is_client_error() || status.is_server_error();
    let problem = match told {
        Some(problem) => problem,
        None if unexplained && !response.headers().contains_key(header::CONTENT_TYPE) => {
            return write_problem(replace(response, &Refusal::from_status(status)), wants_page, request_id);
        }
        None => return response,
    };
    let problem = match status {
        StatusCode::INTERNAL_SERVER_ERROR => Problem {
            detail: format!("{} The administrator finds it under number {request_id}.", problem.detail),
            ..problem
        },
        _ => problem,
    };
    let (content_type, body) = if wants_page {
        ("text/html; charset=utf-8", error_page(&problem))
    } else {
        (PROBLEM_JSON, serde_json::to_string(&problem).unwrap_or_default())
    };
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.map_body(|_, _| BoxBody::new(body))
}

fn replace(response: ServiceResponse, refusal: &Refusal) -> ServiceResponse {
    let kept: Vec<_> = response.headers().get_all(header::ALLOW).cloned().collect();
    let mut response = response.into_response(refusal.error_response());
    for value in kept {
        response.headers_mut().insert(header::ALLOW, value);
    }
    response
}

fn write_headers(headers: &mut HeaderMap, tls: bool, store_origin: Option<&str>) {
    for (name, value) in BASELINE {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    // In direct mode pages and workers may talk to the one bucket, too.
    let policy = store_origin
        .map(|origin| CONTENT_SECURITY_POLICY.replace("connect-src 'self'", &format!("connect-src 'self' {origin}")));
    if let Some(Ok(policy)) = policy.map(HeaderValue::try_from) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    if tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    // Pages with passkeys say otherwise for themselves,
    if !headers.contains_key(header::PERMISSIONS_POLICY) {
        headers.insert(header::PERMISSIONS_POLICY, HeaderValue::from_static(PERMISSIONS_POLICY));
    }
    // and so do hashed assets.
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
