//! docs/API.md says what the program says.

use filmjacket::http::ROUTES;
use protocol::ProblemKind;
use protocol::tokens::Scope;

const API: &str = include_str!("../../docs/API.md");

#[test]
fn every_route_stands_in_the_document() {
    for route in ROUTES {
        let call = format!("`{} {}`", route.method, route.path);
        assert!(API.contains(&call), "{call} is missing in docs/API.md");
    }
}

#[test]
fn the_document_names_no_call_that_is_not_there() {
    let is_route = |method: &str, path: &str| ROUTES.iter().any(|route| (route.method, route.path) == (method, path));
    for heading in API.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`')) {
        let (method, path) = heading.split_once(' ').unwrap();
        assert!(is_route(method, path), "{heading} is in docs/API.md only");
    }
}

#[test]
fn every_problem_stands_in_the_document_with_its_status() {
    for kind in ProblemKind::ALL {
        let row = format!("| `{}` | {} |", kind.slug(), kind.status());
        assert!(API.contains(&row), "{row} is missing in docs/API.md");
    }
}

#[test]
fn the_document_names_no_problem_that_is_not_there() {
    let rows = API.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | ")).map(|(slug, _)| slug);
    for slug in rows.filter(|slug| !slug.contains(' ')) {
        assert!(ProblemKind::ALL.iter().any(|kind| kind.slug() == slug), "{slug} is in docs/API.md only");
    }
}

#[test]
fn every_scope_stands_in_the_document_with_exactly_its_calls() {
    for scope in Scope::ALL {
        let calls = ROUTES.iter().filter(|route| route.scope == Some(*scope));
        let calls: Vec<String> = calls.map(|route| format!("`{} {}`", route.method, route.path)).collect();
        let row = format!("| **{}** | {} |", scope.as_text(), calls.join(", "));
        assert!(API.contains(&row), "{row} is missing in docs/API.md");
    }
}
