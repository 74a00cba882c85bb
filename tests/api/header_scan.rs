//! Mozilla's own scan of our headers (MDN HTTP Observatory, <https://developer.mozilla.org/observatory>), over TLS 1.3 as in
//! production. What it thinks of each answer is its program's; `header_scan/scan.mjs` only leads it to our port.

use crate::harness::Site;
use crate::tls::speak_tls_as;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// 100 for all that it asks for, and what it gives for more: a policy that begins with `default-src 'none'` (10), no referrer (5), frames
/// forbidden by the policy (5), resources for this site alone (10).
const BEST: i32 = 130;

/// Five more for scripts from here only, where there are any.
const BEST_WITH_SCRIPTS: i32 = BEST + 5;

#[derive(Debug, Deserialize)]
struct Grade {
    status: u16,
    grade: String,
    score: i32,
    failed: Vec<String>,
}

async fn scan(site: &Site, paths: &[&str]) -> BTreeMap<String, Grade> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut node = Command::new("node");
    node.arg(root.join("tests/api/header_scan/scan.mjs"))
        .arg(root.join("target/test-tools/npm-header-scan"))
        .arg(site.address().port().to_string())
        .args(paths)
        .env("NODE_EXTRA_CA_CERTS", site.data().join("tls.crt"));
    // The server answers on this thread meanwhile.
    let output = actix_web::web::block(move || node.output()).await.unwrap();
    let output = output.expect("node should be installed: `cargo xtask test` does it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[actix_web::test]
async fn mozillas_header_scan_gives_every_kind_of_page_an_a_plus() {
    let site = Site::start_with(|config| speak_tls_as("localhost", config)).await;
    let pages = [
        ("/", 200, BEST_WITH_SCRIPTS),
        ("/open", 200, BEST_WITH_SCRIPTS),
        ("/mine", 200, BEST_WITH_SCRIPTS),
        ("/no-such-page", 404, BEST),
        ("/problems/link-invalid", 200, BEST),
        ("/api/v1/me", 401, BEST),
    ];
    let grades = scan(&site, &pages.map(|(path, ..)| path)).await;
    for (path, status, score) in pages {
        let grade = &grades[path];
        assert_eq!((grade.status, grade.grade.as_str(), grade.score), (status, "A+", score), "{path}: {grade:?}");
        assert!(grade.failed.is_empty(), "{path}: {grade:?}");
    }
}
