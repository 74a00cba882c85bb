// A helper of the recipient's worker (pool.js): fetches one part, through the server or straight from the store, opens it, and hands back plaintext with the proof that
// it verified. It knows neither names nor passcode, keeps no key between two parts, and tries nothing twice.

import { call, offline, problemFrom } from "../api.js";
import { client, isTrap, loadClient } from "./client.js";
import { askStore } from "./detour.js";
import { takePieces } from "./pieces.js";
import { serve } from "./serve.js";

/** Milliseconds without a byte after which a connection counts as lost. */
const STALLED = 60_000;

/**
 * @param {{objectId: string, ticket: string, start: number, end: number, opener: Uint8Array, n: number, direct: boolean, spare?: ArrayBuffer}} part
 *     `start` and `end` are places in the object; `opener` is the secret of the file; `spare` is for the plaintext, if it is long enough
 * @param {import("./serve.js").Context} context  is told the bytes that have come
 */
async function open({ objectId, ticket, start, end, opener, n, direct, spare }, { signal, report, handOver }) {
  let part;
  try {
    part = new client.Part();
    const how = { length: end - start, signal, onBytes: report, take: (piece) => part.push(piece) };
    const path = `/open/objects/${objectId}`;
    const headers = { Authorization: `Ticket ${ticket}` };
    if (direct) {
      const signing = call("GET", `${path}/parts/${n}/url`, undefined, { signal, headers });
      await askStore(signing, signal, (signed) => fetchRange({ ...signed, ...how }));
    } else {
      await fetchRange({ url: `/api/v1${path}`, headers: { ...headers, Range: `bytes=${start}-${end - 1}` }, ...how });
    }
    const voucher = part.open(opener, n);
    const plain = copyOf(part.view, spare);
    part.free();
    handOver(plain.buffer);
    return { plain, voucher };
  } catch (error) {
    if (!isTrap(error)) part?.free();
    throw error;
  } finally {
    opener.fill(0);
  }
}

/** @param {Uint8Array} bytes @param {ArrayBuffer} [spare]  where the copy may lie */
function copyOf(bytes, spare) {
  if (!spare || spare.byteLength < bytes.length) return bytes.slice();
  const copy = new Uint8Array(spare, 0, bytes.length);
  copy.set(bytes);
  return copy;
}

/** Takes a range, piece by piece: an answer that was cut or stalled counts as a lost connection. @returns {Promise<void>} */
async function fetchRange({ url, headers, length, signal, onBytes, take }) {
  const stall = new AbortController();
  let watchdog = setTimeout(() => stall.abort(), STALLED);
  try {
    const body = await request(url, headers, signal, stall.signal);
    let at = 0;
    const taken = await takePieces(body, length, (piece) => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => stall.abort(), STALLED);
      take(piece);
      at += piece.length;
      onBytes(at);
    });
    signal.throwIfAborted();
    if (taken !== length) throw offline();
  } finally {
    clearTimeout(watchdog);
  }
}

/** @returns {Promise<ReadableStream<Uint8Array>>} the answer's body */
async function request(url, headers, signal, stalled) {
  try {
    const answer = await fetch(url, { headers, signal: AbortSignal.any([signal, stalled]), cache: "no-store", redirect: "error" });
    if (!answer.ok) throw problemFrom(answer.status, await answer.text(), answer.headers.get("Retry-After"));
    return /** @type {ReadableStream<Uint8Array>} */ (answer.body);
  } catch (error) {
    signal.throwIfAborted();
    // What fetch itself throws says only that it did not work.
    throw error instanceof TypeError || stalled.aborted ? offline() : error;
  }
}

serve({ load: loadClient, open });
