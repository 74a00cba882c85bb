//! What a transfer stands beside: the same bytes in the same parts over as many workers, without sealing, digests, disk
//! or database. The server is the product's framework and forgets what it gets.

use std::path::PathBuf;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{self, Bytes};
use fantoccini::Locator;
use futures_util::StreamExt;
use serde_json::json;

use crate::harness::aside;
use crate::harness::browser::Browser;

/// Sealed bytes of a part (docs/FORMAT.md).
const PART_LEN: usize = 8_390_656;

/// As many workers as the product starts (static/js/worker/pool.js), each with one part on its way.
const PAGE: &str = "<!doctype html><title>Bare</title><input type=file multiple id=files><script>
    const size = Math.min(8, Math.max(2, navigator.hardwareConcurrency));
    function start(kind, lens, urls) {
        const files = [...document.querySelector('#files').files];
        const parts = lens.flatMap((len, index) => Array.from({length: Math.ceil(len / PART_LEN)},
            (_, n) => ({ index, from: n * PART_LEN, to: Math.min(len, (n + 1) * PART_LEN) })));
        parts.forEach((part, n) => { part.to_url = urls[n] ?? '/sink'; });
        let left = parts.length;
        const workers = Array.from({ length: size }, () => new Worker('/worker.js'));
        const begun = performance.now();
        for (const worker of workers) {
            const next = () => {
                const part = parts.shift();
                if (part) worker.postMessage({ kind, ...part, file: files[part.index] });
            };
            worker.onmessage = ({ data }) => {
                if (data !== '') window.failed = data;
                left -= 1;
                if (left === 0) window.took = (performance.now() - begun) / 1000;
                else next();
            };
            next();
        }
    }
</script>";

const WORKER: &str = "onmessage = async ({ data: { kind, from, to, file, to_url } }) => {
    try {
        if (kind !== 'download') {
            const slice = file.slice(from, to);
            const body = kind === 'upload' ? await slice.arrayBuffer() : slice;
            const answer = await fetch(to_url, { method: 'PUT', body });
            if (!answer.ok) throw new Error(answer.status);
        } else {
            const answer = await fetch('/source/' + (to - from), { cache: 'no-store' });
            if ((await answer.arrayBuffer()).byteLength !== to - from) throw new Error('short');
        }
        postMessage('');
    } catch (error) { postMessage(String(error)); }
}";

/// Starts the server; answers its origin.
pub(super) fn serve() -> String {
    // No zeros, of which a system could make something cheaper.
    let bytes = Bytes::from((0..PART_LEN).map(|at| (at % 251) as u8).collect::<Vec<u8>>());
    aside::serve(move |routes| {
        let html = || async { aside::html(PAGE.replace("PART_LEN", &PART_LEN.to_string())) };
        let worker = || async { HttpResponse::Ok().content_type("text/javascript").body(WORKER) };
        routes
            .app_data(web::Data::new(bytes.clone()))
            .route("/", web::get().to(html))
            .route("/worker.js", web::get().to(worker))
            .route("/sink", web::put().to(sink))
            .route("/source/{len}", web::get().to(source));
    })
}

async fn sink(mut body: web::Payload) -> HttpResponse {
    while let Some(piece) = body.next().await {
        if piece.is_err() {
            return HttpResponse::BadRequest().finish();
        }
    }
    HttpResponse::NoContent().finish()
}

async fn source(len: web::Path<usize>, bytes: web::Data<Bytes>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/octet-stream").body(bytes.slice(..*len))
}

/// How the bytes of a file get into a request.
#[derive(Clone, Copy)]
pub(super) enum Via {
    /// The worker reads them, as whoever changes them must, and sends what it has in memory.
    Memory,
    /// The worker only names the slice; the browser's own process reads the file, and the bytes never are in the page's.
    Reference,
}

/// Seconds to upload these files from `browser`.
pub(super) async fn upload(browser: &Browser, origin: &str, files: &[PathBuf], via: Via) -> f64 {
    upload_to(browser, origin, files, via, &[]).await
}

/// The same with each part to an address of its own, elsewhere.
pub(super) async fn upload_to(browser: &Browser, origin: &str, files: &[PathBuf], via: Via, urls: &[String]) -> f64 {
    browser.go(origin).await;
    let lines: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
    browser.client.find(Locator::Css("#files")).await.unwrap().send_keys(&lines.join("\n")).await.unwrap();
    let lens: Vec<u64> = files.iter().map(|path| path.metadata().unwrap().len()).collect();
    let kind = match via {
        Via::Memory => "upload",
        Via::Reference => "upload by reference",
    };
    time(browser, kind, &lens, urls).await
}

/// Seconds to download files of these lengths.
pub(super) async fn download(browser: &Browser, origin: &str, lens: &[u64]) -> f64 {
    browser.go(origin).await;
    time(browser, "download", lens, &[]).await
}

async fn time(browser: &Browser, kind: &str, lens: &[u64], urls: &[String]) -> f64 {
    browser.run("start(...arguments)", vec![json!(kind), json!(lens), json!(urls)]).await;
    let took = browser.until_run("return window.failed || window.took", vec![], HOUR).await;
    took.as_f64().unwrap_or_else(|| panic!("the bare {kind} failed: {took}"))
}

/// No measurement takes longer, on no machine.
pub(super) const HOUR: Duration = Duration::from_secs(3600);
