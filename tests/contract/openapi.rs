//! The description that programs read: every call is in it, and others' tools can use it.

use filmjacket::http::openapi::document;
use filmjacket::http::{Access, ROUTES, Route};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

fn read() -> Value {
    serde_json::from_str(document()).unwrap()
}

fn operation<'a>(document: &'a Value, route: &Route) -> &'a Value {
    &document["paths"][route.path][route.method.to_ascii_lowercase()]
}

#[test]
fn every_call_is_described_and_nothing_else_is() {
    let document = read();
    let calls: Vec<&Route> = ROUTES.iter().filter(|route| route.path.starts_with("/api/")).collect();
    for route in &calls {
        let (operation, name) = (operation(&document, route), format!("{} {}", route.method, route.path));
        assert!(operation["summary"].as_str().is_some_and(|summary| summary.len() > 8), "{name} is not described");
        let statuses: Vec<&String> = operation["responses"].as_object().unwrap().keys().collect();
        assert!(statuses.iter().any(|status| status.starts_with('2')), "{name}: {statuses:?}");
        assert!(statuses.iter().any(|status| *status == "500"), "{name}: {statuses:?}");
        // Who may call: anyone, or by one of the ways that are told.
        let security = operation["security"].as_array().unwrap();
        let is_open = matches!(route.access, Access::Anyone | Access::Link);
        assert_eq!(security.is_empty(), is_open, "{name}");
        let scopes: Vec<&Value> = security.iter().filter_map(|way| way.get("token")).collect();
        match route.scope {
            Some(scope) => assert_eq!(scopes, [&serde_json::json!([scope.as_text()])], "{name}"),
            None => assert!(scopes.is_empty(), "{name}"),
        }
        for parameter in route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            let told = operation["parameters"].as_array().unwrap();
            assert!(told.iter().any(|told| told["name"] == parameter && told["in"] == "path"), "{name}: {parameter}");
        }
        assert!(route.method != "PUT" || operation["requestBody"].is_object(), "{name} takes nothing");
    }
    let told: usize = document["paths"].as_object().unwrap().values().map(|item| item.as_object().unwrap().len()).sum();
    assert_eq!(told, calls.len());
}

#[test]
fn every_name_in_it_leads_somewhere_and_none_is_there_twice() {
    let document = read();
    let mut references = 0;
    walk(&document, &mut |field, value| {
        if field == "$ref" {
            let pointer = value.as_str().unwrap().strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer} leads nowhere");
            references += 1;
        }
    });
    assert!(references > 100, "{references}");
    let mut ids: Vec<&str> = Vec::new();
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
    ids.extend(operations.map(|operation| operation["operationId"].as_str().unwrap()));
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

fn walk(value: &Value, look: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            look(name, value);
            walk(value, look);
        }),
        Value::Array(values) => values.iter().for_each(|value| walk(value, look)),
        _ => {}
    }
}

#[test]
fn a_validator_of_others_takes_the_document() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("openapi.json");
    std::fs::write(&path, document()).unwrap();
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools/schemathesis/bin/python");
    let validate = |path: &Path| {
        let mut command = Command::new(&python);
        command.args(["-m", "openapi_spec_validator", "--schema", "3.1"]).arg(path);
        command.output().expect("`cargo xtask test` installs openapi-spec-validator")
    };
    let told = validate(&path);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&[told.stdout, told.stderr].concat()));
    // It does say so when something is wrong.
    std::fs::write(
        &path,
        document().replace("\"responses\"", "\"answers\"").replace("\"in\":\"path\"", "\"in\":\"air\""),
    )
    .unwrap();
    assert!(!validate(&path).status.success());
}
