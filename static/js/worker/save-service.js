// The service worker behind a streamed save: answers one navigation to a random address below its own folder with the
// bytes that the open page's worker sends, so that the browser downloads what never was on any server.
//
// It holds no key and no ticket, asks nothing of the network, and knows one file's name, length and plaintext on its way.
// It must never end an answer by itself: a browser takes every ended answer for a whole file, whatever length was told.
// A classic script, because not every engine has modules here; it imports nothing.

"use strict";

// Browsers stop a service worker that nobody speaks to for half a minute, and at least one then takes the cut file for a
// whole one. So the page speaks every few seconds (worker/sinks.js); if it falls silent, it is gone, and the download is
// failed while this worker still lives. Several looks, not one: after a machine's sleep the first may come early.
const LOOK_EVERY = 4_000;
const SILENT_LOOKS = 4;

// Bytes that the collector is told of for each byte that went through.
const HURRY = 3;

const HEADERS = {
  "Cache-Control": "no-store",
  "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'self'",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

/** Downloads that were announced and have not ended, by their random id. */
const downloads = new Map();

/** One file on its way from the page's worker, at the other end of `port`, to the browser. */
class Download {
  constructor({ name, length, port }) {
    this.name = name;
    /** Bytes to come; null if nobody can tell. */
    this.length = length;
    this.port = port;
    this.taken = 0;
    this.silent = 0;
    this.asked = false;
    this.over = false;
    this.answer = null;
    port.onmessage = ({ data }) => this.answered(data);
  }

  /** What the browser gets. Only the first who asks gets anything. */
  respond() {
    this.asked = true;
    const source = {
      start: (controller) => void (this.controller = controller),
      // Without a queue of its own, the stream asks only for what the browser is about to take: the sender waits as long.
      pull: () => this.next(),
      cancel: () => this.end({ type: "cancelled" }),
    };
    const headers = new Headers(HEADERS);
    headers.set("Content-Type", "application/octet-stream");
    headers.set("Content-Disposition", `attachment; filename*=UTF-8''${extendedValue(this.name)}`);
    if (this.length !== null) headers.set("Content-Length", String(this.length));
    this.watch = setInterval(() => this.look(), LOOK_EVERY);
    return new Response(new ReadableStream(source, { highWaterMark: 0 }), { headers });
  }

  next() {
    return new Promise((resolve) => {
      this.answer = resolve;
      this.port.postMessage({ type: "pull" });
    });
  }

  /** @param {Uint8Array | {type: "end"} | {type: "fail"}} message */
  answered(message) {
    if (this.over) return;
    if (message.type === "end") this.finish();
    else if (message.type === "fail") this.fail();
    else this.pass(message);
    this.answer?.();
    this.answer = null;
  }

  pass(bytes) {
    this.taken += bytes.length;
    if (this.length !== null && this.taken > this.length) this.fail();
    else this.controller.enqueue(bytes);
    hurryCollector(HURRY * bytes.length);
  }

  finish() {
    if (this.length !== null && this.taken !== this.length) {
      this.fail();
      return;
    }
    this.controller.close();
    this.end({ type: "taken" });
  }

  fail() {
    this.controller?.error(new Error("this file did not arrive whole"));
    this.end({ type: "failed" });
  }

  look() {
    if (++this.silent >= SILENT_LOOKS) this.fail();
  }

  end(message) {
    this.over = true;
    clearInterval(this.watch);
    for (const [id, download] of downloads) if (download === this) downloads.delete(id);
    this.port.postMessage(message);
  }
}

/** Tells the collector, which else leaves dozens of parts lying, of so many bytes more (garbage.js says how and why). */
function hurryCollector(bytes) {
  try {
    new ArrayBuffer(bytes);
  } catch {
    // Only a hint.
  }
}

/** RFC 8187: UTF-8, and everything percent-encoded that is no attr-char. */
function extendedValue(text) {
  return encodeURIComponent(text).replace(/['()*!]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
}

self.addEventListener("message", ({ data, ports: [reply] }) => {
  const { type, id, name, length, port } = data;
  const download = downloads.get(id);
  if (type === "announce" && !download) {
    downloads.set(id, new Download({ name, length, port }));
    reply.postMessage(true);
  } else if (type === "stay") {
    if (download) download.silent = 0;
    // A worker that was stopped and started again knows of no download: the page must hear that.
    reply.postMessage(download !== undefined);
  } else if (type === "leave") {
    download?.fail();
  }
});

self.addEventListener("fetch", (event) => {
  const { url, mode, method } = event.request;
  const prefix = self.registration.scope;
  const download = url.startsWith(prefix) ? downloads.get(url.slice(prefix.length)) : undefined;
  const wanted = download && !download.asked && mode === "navigate" && method === "GET";
  // Nothing here is for the server: it has nothing at this address.
  event.respondWith(wanted ? download.respond() : new Response("There is nothing here.", { status: 404, headers: HEADERS }));
});
