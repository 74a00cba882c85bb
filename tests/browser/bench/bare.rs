//! What a transfer stands beside: the same bytes in the same parts over as many workers, without sealing, digests, disk
//! or database. The server is the product's framework and forgets what it gets.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::web::{self, Bytes};
use fantoccini::Locator;
use futures_util::StreamExt;
use serde_json::json;

use crate::harness::aside;
use crate::harness::browser::Browser;
use crate::harness::engine::Engine;

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
    function save(lens) {
        const saver = new Worker('/saver.js');
        saver.onmessage = ({ data }) => {
            if (typeof data === 'string') { window.failed = data; return; }
            for (const file of data.files) {
                const anchor = document.createElement('a');
                Object.assign(anchor, { href: URL.createObjectURL(file), download: 'bare.bin' });
                anchor.click();
            }
            window.written = true;
        };
        saver.postMessage({ lens, size, isChromium: navigator.vendor.startsWith('Google') });
    }
</script>";

const WORKER: &str = "onmessage = async ({ data: { kind, from, to, file, to_url } }) => {
    try {
        if (!kind.startsWith('download')) {
            const slice = file.slice(from, to);
            const body = kind === 'upload' ? await slice.arrayBuffer() : slice;
            const answer = await fetch(to_url, { method: 'PUT', body });
            if (!answer.ok) throw new Error(answer.status);
        } else {
            const answer = await fetch('/source/' + (to - from), { cache: 'no-store' });
            const part = await answer.arrayBuffer();
            if (part.byteLength !== to - from) throw new Error('short');
            if (kind === 'download and give') { postMessage(part, [part]); return; }
        }
        postMessage('');
    } catch (error) { postMessage(String(error)); }
}";

/// Saves what bare downloads bring in the product's way (static/js/worker/sinks.js): into a file through the interface for picked
/// ones in Chromium; else on the private disk, from which the browser copies it. As many parts wait as in the product.
const SAVER: &str = "onmessage = async ({ data: { lens, size, isChromium } }) => {
    try {
        const root = await navigator.storage.getDirectory();
        const workers = Array.from({ length: size }, () => ({ worker: new Worker('/worker.js'), jobs: [] }));
        for (const { worker, jobs } of workers) worker.onmessage = ({ data }) => jobs.shift()(data);
        const fetchPart = (n, to) => new Promise((resolve) => {
            const { worker, jobs } = workers[n % size];
            jobs.push(resolve);
            worker.postMessage({ kind: 'download and give', from: 0, to });
        });
        const files = [];
        for (const [index, len] of lens.entries()) {
            const handle = await root.getFileHandle(String(index), { create: true });
            const sink = await (isChromium ? handle.createWritable() : handle.createSyncAccessHandle());
            const count = Math.ceil(len / PART_LEN);
            const coming = [];
            for (let n = 0, next = 0; n < count; n++) {
                for (; next < count && coming.length < size + 2; next++) {
                    coming.push(fetchPart(next, Math.min(PART_LEN, len - next * PART_LEN)));
                }
                const part = await coming.shift();
                if (typeof part === 'string') throw new Error(part);
                if (isChromium) await sink.write(part);
                else sink.write(new Uint8Array(part), { at: n * PART_LEN });
            }
            await sink.close();
            if (!isChromium) files.push(await handle.getFile());
        }
        postMessage({ files });
    } catch (error) { postMessage(String(error)); }
}";

/// Starts the server; answers its origin.
pub(super) fn serve() -> String {
    // No zeros, of which a system could make something cheaper.
    let bytes = Bytes::from((0..PART_LEN).map(|at| (at % 251) as u8).collect::<Vec<u8>>());
    aside::serve(move |routes| {
        let html = || async { aside::html(PAGE.replace("PART_LEN", &PART_LEN.to_string())) };
        let script = |text: &'static str| async move {
            HttpResponse::Ok().content_type("text/javascript").body(text.replace("PART_LEN", &PART_LEN.to_string()))
        };
        routes
            .app_data(web::Data::new(bytes.clone()))
            .route("/", web::get().to(html))
            .route("/worker.js", web::get().to(move || script(WORKER)))
            .route("/saver.js", web::get().to(move || script(SAVER)))
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

/// Seconds to download them into files; in Firefox to the last one in the download folder.
pub(super) async fn download_and_save(browser: &Browser, origin: &str, lens: &[u64]) -> f64 {
    browser.go(origin).await;
    let begun = Instant::now();
    browser.run("save(...arguments)", vec![json!(lens)]).await;
    let written = browser.until_run("return window.failed || window.written", vec![], HOUR).await;
    assert_eq!(written, true, "the bare download was not saved");
    if browser.engine == Engine::Firefox {
        let mut saved = Vec::new();
        while saved.len() < lens.len() {
            saved.push(browser.new_download(&saved).await);
        }
    }
    begun.elapsed().as_secs_f64()
}

async fn time(browser: &Browser, kind: &str, lens: &[u64], urls: &[String]) -> f64 {
    browser.run("start(...arguments)", vec![json!(kind), json!(lens), json!(urls)]).await;
    let took = browser.until_run("return window.failed || window.took", vec![], HOUR).await;
    took.as_f64().unwrap_or_else(|| panic!("the bare {kind} failed: {took}"))
}

/// No measurement takes longer, on no machine.
pub(super) const HOUR: Duration = Duration::from_secs(3600);
