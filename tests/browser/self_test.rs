//! The sealing code checks itself where it runs: vectors and round trips, in WebAssembly, in a browser.

use actix_web::{HttpResponse, web};

use crate::harness::aside;
use crate::harness::browser::Browser;
use crate::harness::engine::Engine;
use crate::harness::page::LONG_PATIENCE;

/// Built by `cargo xtask test` with the feature `self-test`; the product's own build has no such export.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/wasm-self-test");

const PAGE: &str = "<!doctype html><title>Self-test</title><script type='module'>
    import init, { self_test } from './filmjacket.js';
    try { await init({ module_or_path: location.search.slice(1) }); window.outcome = { report: self_test() }; }
    catch (error) { window.outcome = { error: String(error) }; }
</script>";

/// What engines with vector instructions are given, and the others.
const WITH_VECTORS: &str = "filmjacket_bg.wasm";
const PLAIN: &str = "filmjacket_plain_bg.wasm";

#[tokio::test]
async fn the_sealing_code_passes_its_vectors_in_chromium() {
    check(Engine::Chromium, WITH_VECTORS, "kernel").await;
}

#[tokio::test]
async fn the_sealing_code_passes_its_vectors_in_firefox() {
    check(Engine::Firefox, WITH_VECTORS, "kernel").await;
}

#[tokio::test]
async fn the_sealing_code_passes_its_vectors_in_webkit() {
    check(Engine::WebKit, WITH_VECTORS, "kernel").await;
}

#[tokio::test]
async fn the_sealing_code_without_vector_instructions_passes_its_vectors() {
    check(Engine::Chromium, PLAIN, "RustCrypto").await;
}

/// Runs it, and sees that its ciphers were computed by the code that is meant for this module.
async fn check(engine: Engine, module: &str, ciphers_by: &str) {
    let origin = serve();
    let browser = Browser::start_in(engine).await;
    browser.go(&format!("{origin}/?{module}")).await;
    let outcome = browser.until_run("return window.outcome", vec![], LONG_PATIENCE).await;
    let report = outcome["report"].as_str().unwrap_or_else(|| panic!("{outcome:#}"));
    let report: serde_json::Value = serde_json::from_str(report).unwrap();
    assert_eq!(report["ciphers"][0], ciphers_by);
}

#[tokio::test]
async fn the_served_module_has_no_self_test() {
    let served = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/static/wasm/filmjacket.js"));
    assert!(!served.expect("`cargo xtask test` builds it").contains("self_test"));
}

/// Serves the page and the folder; answers the origin.
fn serve() -> String {
    aside::serve(|routes| {
        routes.route("/", web::get().to(|| async { aside::html(PAGE) })).route("/{name}", web::get().to(file));
    })
}

async fn file(name: web::Path<String>) -> HttpResponse {
    aside::code(&std::path::Path::new(FOLDER).join(name.as_str()))
}
