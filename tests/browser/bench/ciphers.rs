//! (a) and (e): sealing, opening and Argon2id in each engine, beside what others offer there. Run by `cargo xtask bench a`,
//! which builds the measuring page; as a test it would only say that the machine is busy.

use std::path::Path;

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use super::{Row, is_quick, name_of};
use crate::harness::aside;
use crate::harness::browser::Browser;
use crate::harness::engine::Engine;
use crate::harness::page::LONG_PATIENCE;

/// Where a path of the page is on disk: one folder of modules for each way of computing the ciphers.
const FOLDERS: [(&str, &str); 3] =
    [("page", "target/bench/page"), ("kernel", "static/wasm"), ("rustcrypto", "target/wasm-rustcrypto")];

#[tokio::test]
#[ignore = "measures for minutes; `cargo xtask bench a` runs it"]
async fn bench_of_ciphers_in_three_engines() {
    let sizes =
        if is_quick() { json!({"bytes": 8 << 20, "rounds": 1}) } else { json!({"bytes": 32 << 20, "rounds": 7}) };
    let origin = serve(&sizes.to_string());
    for engine in [Engine::Chromium, Engine::Firefox, Engine::WebKit] {
        let browser = Browser::start_in(engine).await;
        browser.go(&format!("{origin}/")).await;
        let outcome = browser.until_run("return window.outcome", vec![], LONG_PATIENCE).await;
        assert!(outcome["error"].is_null(), "{engine:?}: {}", outcome["error"]);
        print_rows(&name_of(&browser).await, &outcome);
    }
}

fn print_rows(engine: &str, outcome: &Value) {
    let row = |part, name: String, value, unit| Row { part, name, value, unit, beside: None, target: None };
    let ciphers = outcome["ciphers"].as_array().unwrap();
    for way in ["seal", "open"] {
        let speeds = || ciphers.iter().map(|cipher| (cipher["name"].as_str().unwrap(), cipher[way].as_f64().unwrap()));
        let (_, kernel) = speeds().next().unwrap();
        for (name, speed) in speeds().skip(1) {
            let own = row("a", format!("{way} in WASM, one worker"), kernel, "MB/s");
            Row { beside: Some((name, speed)), target: target_beside(name), ..own }.print(engine);
        }
        for (name, speed) in speeds().skip(1) {
            row("a", format!("{way} by {name}"), speed, "MB/s").print(engine);
        }
    }
    let [one, all] = ["one", "all"].map(|which| outcome["pool"][which].as_f64().unwrap());
    let workers = &outcome["pool"]["workers"];
    // The promise is for two cores; more cores share caches and memory.
    let target = (*workers == 2).then_some(">= 1.7");
    let pool = row("a", format!("seal in WASM, {workers} workers"), all, "MB/s");
    Row { beside: Some(("one worker", one)), target, ..pool }.print(engine);
    let [vector, plain] = [0, 1].map(|which| outcome["argon2"][which].as_f64().unwrap());
    let argon2 = row("e", "Argon2id, 64 MiB, 3 passes".into(), vector, "ms");
    Row { beside: Some(("without vectors", plain)), ..argon2 }.print(engine);
}

fn target_beside(name: &str) -> Option<&'static str> {
    match name {
        "RustCrypto" | "libsodium.js" => Some(">= 2"),
        "age-encryption" => Some(">= 5"),
        _ => None,
    }
}

/// Serves the page and what it imports; answers the origin.
fn serve(sizes: &str) -> String {
    let page = format!(
        "<!doctype html><html data-sizes='{sizes}'><title>Measuring</title><script type=module src=/page.js></script>"
    );
    aside::serve(move |routes| {
        let page = page.clone();
        let page = move || std::future::ready(aside::html(page.clone()));
        routes.route("/", web::get().to(page)).route("/{path:.*}", web::get().to(file));
    })
}

async fn file(path: web::Path<String>) -> HttpResponse {
    let (folder, name) = path.split_once('/').unwrap_or(("page", &path));
    match FOLDERS.iter().find(|(at, _)| *at == folder) {
        Some((_, on_disk)) => aside::code(&Path::new(env!("CARGO_MANIFEST_DIR")).join(on_disk).join(name)),
        None => HttpResponse::NotFound().finish(),
    }
}
