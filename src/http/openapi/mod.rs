//! `GET /api/v1/openapi.json`: the API for programs and for who writes them (OpenAPI 3.1.1, JSON Schema 2020-12).
//!
//! It is put together, once, from what is true anyway: the route table (who may call what, with which scope), the structs of
//! `protocol`, the kinds of problems, and what `calls` says of each route. docs/API.md says the same in sentences.

mod calls;
mod recipients;
mod shape;

use self::shape::{Answer, Body, Call, Schemas};
use super::cookies::SecretCookie;
use super::{Access, ROUTES, Route};
use crate::app::App;
use actix_web::http::header::{CACHE_CONTROL, ETAG, HeaderValue, IF_NONE_MATCH};
use actix_web::{HttpRequest, HttpResponse, web};
use protocol::problem::PROBLEM_JSON;
use protocol::tokens::Scope;
use protocol::{ProblemKind, Sha256Digest};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The document and its strong validator (RFC 9110 §8.8.3): with TLS, and for plain-HTTP loopback, where cookies have other
/// names.
static WITH_TLS: LazyLock<(String, String)> = LazyLock::new(|| write(true));
static WITHOUT_TLS: LazyLock<(String, String)> = LazyLock::new(|| write(false));

fn write(tls: bool) -> (String, String) {
    let text = build(tls).to_string();
    let etag = format!("\"{}\"", Sha256Digest::from_bytes(Sha256::digest(&text).into()));
    (text, etag)
}

/// `GET /api/v1/openapi.json`. It changes with the server's version only, so who has it asks whether it is still the same.
pub(super) async fn get(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let (text, etag) = if app.config.public_url.is_https() { &*WITH_TLS } else { &*WITHOUT_TLS };
    let known = request.headers().get(IF_NONE_MATCH).map(HeaderValue::as_bytes);
    let mut answer = if known == Some(etag.as_bytes()) { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer.insert_header((ETAG, etag.as_str())).insert_header((CACHE_CONTROL, "no-cache"));
    if known == Some(etag.as_bytes()) {
        answer.finish()
    } else {
        answer.content_type("application/json").body(text.as_str())
    }
}

/// What is before the calls in every path.
const BASE: &str = "/api/v1";

fn build(tls: bool) -> Value {
    let mut schemas = Schemas::new();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in ROUTES {
        if let Some(call) = calls::describe(route, &mut schemas) {
            let operation = operation(route, &call, &mut schemas);
            paths.entry(route.path).or_default().insert(route.method.to_ascii_lowercase(), operation);
        }
    }
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Filmjacket",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "The sealed envelope for medical images",
            "description": "Sends sealed medical images to an address. What is inside a part, a capsule and a manifest is not described here, because the server does not know. Programs call with an access token; browsers with a session's cookie, from this server's own pages.",
            "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": { "schemas": schemas.finish(), "securitySchemes": security_schemes(tls) },
    })
}

fn operation(route: &Route, call: &Call, schemas: &mut Schemas) -> Value {
    let mut operation = json!({
        "operationId": operation_id(route),
        "tags": [route.path.split('/').nth(3)],
        "summary": call.summary,
        "responses": responses(call, &call.all_problems(route), schemas),
        "security": security(route),
    });
    let parameters: Vec<Value> = path_parameters(route.path).chain(call.parameters.iter().cloned()).collect();
    if !parameters.is_empty() {
        operation["parameters"] = Value::Array(parameters);
    }
    match &call.body {
        Body::None => {}
        Body::Json(schema) => {
            operation["requestBody"] =
                json!({ "required": true, "content": { "application/json": { "schema": schema } } });
        }
        Body::Bytes => {
            operation["requestBody"] = json!({ "required": true, "content": { "application/octet-stream": {} } });
        }
    }
    operation
}

/// `PUT /api/v1/account/factors/{factor_id}` is `put_account_factors_factor_id`.
fn operation_id(route: &Route) -> String {
    let words = route.path.trim_start_matches(BASE).replace(['{', '}', '.'], "");
    route.method.to_ascii_lowercase() + &words.replace(['/', '-'], "_")
}

fn path_parameters(path: &'static str) -> impl Iterator<Item = Value> {
    let names = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    names.map(|name| {
        let schema = match name {
            "transfer_id" => shape::inline::<protocol::TransferId>(),
            "object_id" => shape::inline::<protocol::ObjectId>(),
            "n" => shape::inline::<u32>(),
            _ => json!({ "type": "string", "minLength": 1 }),
        };
        json!({ "name": name, "in": "path", "required": true, "schema": schema })
    })
}

/// What it answers when all is well, and one answer for each status that a problem has.
fn responses(call: &Call, problems: &[ProblemKind], schemas: &mut Schemas) -> Value {
    let mut responses = Map::new();
    for Answer { status, content, description } in &call.answers {
        let mut response = json!({ "description": description });
        if !content.is_empty() {
            let content =
                content.iter().map(|(media_type, schema)| ((*media_type).to_owned(), json!({ "schema": schema })));
            response["content"] = Value::Object(content.collect());
        }
        responses.insert(status.to_string(), response);
    }
    let mut by_status: BTreeMap<u16, Vec<ProblemKind>> = BTreeMap::new();
    for kind in problems {
        by_status.entry(kind.status()).or_default().push(*kind);
    }
    for (status, kinds) in by_status {
        let types: Vec<String> = kinds.iter().map(|kind| format!("/problems/{}", kind.slug())).collect();
        let titles: Vec<&str> = kinds.iter().map(|kind| kind.title()).collect();
        let schema = json!({
            "allOf": [schemas.named::<protocol::Problem>()],
            "properties": { "type": { "enum": types }, "status": { "const": status } },
        });
        let response = json!({ "description": titles.join("; "), "content": { PROBLEM_JSON: { "schema": schema } } });
        responses.insert(status.to_string(), response);
    }
    Value::Object(responses)
}

/// Who may call: one of these.
fn security(route: &Route) -> Value {
    let scheme = match route.access {
        Access::Anyone | Access::Link => return json!([]),
        Access::Browser if route.path.starts_with("/api/v1/sign-in") => "browser",
        Access::Browser if route.path.starts_with("/api/v1/open") => "mailbox",
        Access::Browser | Access::Reader => "mine",
        Access::Ticket => "ticket",
        Access::SignedIn
        | Access::SettingUp
        | Access::Person
        | Access::Sender
        | Access::Owner
        | Access::Auditor
        | Access::Administrator
        | Access::DepartmentHead => "session",
    };
    let cookie = json!({ scheme: [] });
    match route.scope {
        Some(scope) => json!([cookie, { "token": [scope.as_text()] }]),
        None => json!([cookie]),
    }
}

fn security_schemes(tls: bool) -> Value {
    let cookie = |cookie: SecretCookie, description: &str| {
        json!({
            "type": "apiKey",
            "in": "cookie",
            "name": cookie.name(tls),
            "description": format!("{description} A request that changes something must come from this server's own pages."),
        })
    };
    let scopes: Vec<String> =
        Scope::ALL.iter().map(|scope| format!("`{}`: {}", scope.as_text(), scope.words())).collect();
    json!({
        "session": cookie(SecretCookie::Session, "Whoever is signed in."),
        "browser": cookie(SecretCookie::Browser, "Whoever asked for a code to sign in."),
        "mailbox": cookie(SecretCookie::Mailbox, "Whoever asked for a code, or proved a recipient's mailbox, for one transfer."),
        "mine": cookie(SecretCookie::Mine, "Whoever asked for a code, or proved an address, for all that waits for it."),
        "token": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "filmjacket_…",
            "description": format!("A personal access token. It is worth what its owner may do at that moment, and of that only what its scopes name. {}.", scopes.join("; ")),
        },
        "ticket": {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Ticket <ticket>`: whoever unlocked the transfer.",
        },
    })
}

/// The document, as it is served where TLS is.
pub fn document() -> &'static str {
    &WITH_TLS.0
}
