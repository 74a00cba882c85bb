// A helper of seal-worker: reads one part of a file, seals it, and carries it with its digest to the server or straight to the
// store as often as it is told to, always the same bytes. It is given the right to seal that one part; identity, passcode and names it never sees.

import { call, offline, problemFrom } from "../api.js";
import { hurryCollector } from "../garbage.js";
import { toBase64, toBase64Url } from "./base64.js";
import { client, isTrap, loadClient } from "./client.js";
import { askStore } from "./detour.js";
import { takePieces } from "./pieces.js";
import { Fault, serve } from "./serve.js";

// Milliseconds without a byte moving after which a connection counts as lost.
const STALLED = 30_000;
// The same for the answer, once all bytes are on their way: buffers on a slow line still drain, and the server's disk is asked.
const SILENT = 60_000;

/**
 * @typedef {object} Kept  a sealed part
 * @property {any} sealed
 * @property {string} [crc32c]  base64, once the server was to take it
 * @property {string} [sha256]  base64, once the store was to take it
 */

/** Sealed parts until the server has them, by a name that the coordinator gave. @type {Map<string, Kept>} */
const held = new Map();

/**
 * Reads and seals a part.
 * @param {{part: string, sealer: Uint8Array, slice: Blob}} job  `sealer` is used up
 */
async function seal({ part, sealer, slice }) {
  let sealed;
  try {
    sealed = new client.Part();
    const length = await takePieces(slice.stream(), slice.size, (piece) => sealed.push(piece));
    // A file that changed since it was chosen cannot be read any more, or gives another length.
    if (length !== slice.size) throw new Fault("file-changed", "The file was changed, moved or removed while it was being sent.");
    sealed.seal(sealer);
    held.set(part, { sealed });
  } catch (error) {
    if (!isTrap(error)) sealed?.free();
    throw error;
  } finally {
    sealer.fill(0);
  }
}

/**
 * Sends a part once; it is forgotten when the server counts it.
 * @param {{part: string, path: string, direct: boolean}} job  `path` is the part's place in the API
 * @param {import("./serve.js").Context} context
 * @returns {Promise<number>} the bytes sent
 */
async function put({ part, path, direct }, { signal, report }) {
  const kept = /** @type {Kept} */ (held.get(part));
  const { length } = kept.sealed.view;
  await (direct ? putStraight : putThrough)(path, kept, signal, report);
  drop({ part });
  return length;
}

/** Through the server, which takes the SHA-256 itself. */
function putThrough(path, kept, signal, onProgress) {
  const { sealed } = kept;
  kept.crc32c ??= toBase64(sealed.crc32c());
  const headers = { "Content-Type": "application/octet-stream", "Content-Digest": `crc32c=:${kept.crc32c}:` };
  return putBytes({ url: `/api/v1${path}`, headers, bytes: sealed.view, signal, onProgress });
}

/** To the store, by a request that the server signed for exactly these bytes; then the server is told. */
async function putStraight(path, kept, signal, onProgress) {
  const { sealed } = kept;
  kept.sha256 ??= toBase64(new Uint8Array(await crypto.subtle.digest("SHA-256", sealed.view)));
  const body = { sha256: toBase64Url(kept.sha256) };
  const signing = call("POST", `${path}/url`, body, { signal });
  await askStore(signing, signal, (signed) => putBytes({ ...signed, bytes: sealed.view, signal, onProgress }));
  await call("POST", `${path}/stored`, body, { signal });
}

/** Forgets a part. @param {{part: string}} job */
function drop({ part }) {
  held.get(part)?.sealed.free();
  held.delete(part);
}

/**
 * One PUT. XMLHttpRequest, because fetch tells nothing while a body is on its way.
 * @returns {Promise<void>} `bytes` itself is read only before this returns
 */
function putBytes({ url, headers, bytes, signal, onProgress }) {
  const { length } = bytes;
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let watchdog = 0;
    const watch = (/** @type {number} */ patience) => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => request.abort(), patience);
    };
    const abort = () => request.abort();
    signal.addEventListener("abort", abort);
    request.upload.onprogress = ({ loaded }) => {
      watch(loaded < length ? STALLED : SILENT);
      onProgress(Math.min(loaded, length));
    };
    request.onloadend = () => {
      clearTimeout(watchdog);
      signal.removeEventListener("abort", abort);
      if (request.status >= 200 && request.status < 300) resolve();
      else if (request.status === 0) reject(offline());
      else reject(problemFrom(request.status, request.responseText, request.getResponseHeader("Retry-After")));
      hurryCollector(length);
    };
    request.open("PUT", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, String(value));
    watch(STALLED);
    request.send(bytes);
    if (signal.aborted) request.abort();
  });
}

serve({
  load: loadClient,
  seal,
  put,
  drop,
});
