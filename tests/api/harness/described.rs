//! Holds every answer of every test to the API's description: its status, and the kind of problem, must be told there.

use super::client::Answer;
use filmjacket::http::openapi::document;
use filmjacket::http::{ROUTES, Route};
use protocol::problem::PROBLEM_JSON;
use serde_json::Value;
use std::sync::LazyLock;

static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(document()).unwrap());

/// Fails if the call that `method` and `path` make is described, but not with such an answer.
#[track_caller]
pub(crate) fn check(method: &str, path: &str, answer: &Answer) {
    let path = path.split('?').next().unwrap_or_default();
    let looked_up = if method == "HEAD" { "GET" } else { method };
    let Some(route) = ROUTES.iter().find(|route| route.method == looked_up && is_at(route, path)) else { return };
    let responses = &DESCRIPTION["paths"][route.path][route.method.to_ascii_lowercase()]["responses"];
    if !route.path.starts_with("/api/") {
        return;
    }
    let status = answer.status.to_string();
    let told = responses.get(&status).unwrap_or_else(|| panic!("{method} {path} answered {status}: {}", answer.text()));
    if method != "HEAD" && answer.header("content-type") == PROBLEM_JSON {
        let kinds = &told["content"][PROBLEM_JSON]["schema"]["properties"]["type"]["enum"];
        let kind = answer.json::<Value>()["type"].take();
        assert!(kinds.as_array().is_some_and(|kinds| kinds.contains(&kind)), "{method} {path} answered {kind}");
    }
}

fn is_at(route: &Route, path: &str) -> bool {
    let (mut template, mut asked) = (route.path.split('/'), path.split('/'));
    loop {
        match (template.next(), asked.next()) {
            (None, None) => return true,
            (Some(part), Some(given)) if part == given || part.starts_with('{') && !given.is_empty() => {}
            _ => return false,
        }
    }
}
