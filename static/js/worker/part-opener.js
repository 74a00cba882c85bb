// A helper of the recipient's worker (pool.js): fetches one part, opens it, and hands back plaintext with the proof that
// it verified. It knows neither names nor passcode, keeps no key between two parts, and tries nothing twice.

import { offline, problemFrom } from "../api.js";
import { client, loadClient } from "./client.js";
import { serve } from "./serve.js";

/** Milliseconds without a byte after which a connection counts as lost. */
const STALLED = 60_000;

/** @type {any} */
let parts;

async function load(/** @type {any} */ source) {
  await loadClient(source);
  parts = new client.PartOpening();
}

/**
 * @param {{url: string, ticket: string, start: number, end: number, opener: Uint8Array, n: number}} part
 *     `start` and `end` are places in the object; `opener` is the secret of the file
 * @param {import("./serve.js").Context} context  is told the bytes that have come
 */
async function open({ url, ticket, start, end, opener, n }, { signal, report, handOver }) {
  try {
    const sealed = await fetchRange({ url, ticket, start, end, signal, onBytes: report });
    const plain = parts.open_part(opener, n, sealed);
    const voucher = parts.take_voucher();
    handOver(plain.buffer);
    return { plain, voucher };
  } finally {
    opener.fill(0);
  }
}

/** A range, whole or not at all: an answer that was cut or stalled counts as a lost connection. @returns {Promise<Uint8Array>} */
async function fetchRange({ url, ticket, start, end, signal, onBytes }) {
  const stall = new AbortController();
  let watchdog = setTimeout(() => stall.abort(), STALLED);
  const bytes = new Uint8Array(end - start);
  try {
    const answer = await fetch(url, {
      headers: { Authorization: `Ticket ${ticket}`, Range: `bytes=${start}-${end - 1}` },
      signal: AbortSignal.any([signal, stall.signal]),
      cache: "no-store",
      redirect: "error",
    });
    if (!answer.ok) throw problemFrom(answer.status, await answer.text(), answer.headers.get("Retry-After"));
    let at = 0;
    const reader = /** @type {ReadableStream<Uint8Array>} */ (answer.body).getReader();
    for (let step = await reader.read(); !step.done; step = await reader.read()) {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => stall.abort(), STALLED);
      // More than was asked for can never verify: cut here, and let the tag decide.
      const piece = step.value.subarray(0, bytes.length - at);
      bytes.set(piece, at);
      at += piece.length;
      onBytes(at);
    }
    if (at !== bytes.length) throw offline();
    return bytes;
  } catch (error) {
    signal.throwIfAborted();
    // What fetch itself throws says only that it did not work.
    throw error instanceof TypeError || stall.signal.aborted ? offline() : error;
  } finally {
    clearTimeout(watchdog);
  }
}

serve({ load, open });
