// A helper of seal-worker: reads one part of a file, seals it, digests it, and carries it to the server as often as it is
// told to, always the same bytes. It is given the right to seal that one part; identity, passcode and names it never sees.

import { offline, problemFrom } from "../api.js";
import { client, loadClient } from "./client.js";
import { Fault, serve } from "./serve.js";

// Milliseconds without a byte moving after which a connection counts as lost.
const STALLED = 30_000;
// The same for the answer, once all bytes are on their way: buffers on a slow line still drain, and the server's disk is asked.
const SILENT = 60_000;

/** @type {any} */
let parts;
/** Sealed parts until the server has them, by a name that the coordinator gave. @type {Map<string, {bytes: Uint8Array, digest: string}>} */
const held = new Map();

/**
 * Reads, seals and digests a part.
 * @param {{part: string, sealer: Uint8Array, slice: Blob}} job  `sealer` is used up
 */
async function seal({ part, sealer, slice }) {
  try {
    const bytes = parts.seal(sealer, await read(slice));
    held.set(part, { bytes, digest: base64(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))) });
  } finally {
    sealer.fill(0);
  }
}

/** A file that changed since it was chosen cannot be read any more, or gives another length. @param {Blob} slice */
async function read(slice) {
  const bytes = await slice.arrayBuffer().catch(() => null);
  if (bytes?.byteLength !== slice.size) throw new Fault("file-changed", "The file was changed, moved or removed while it was being sent.");
  return new Uint8Array(bytes);
}

/**
 * Sends a part once; it is forgotten when the server has it.
 * @param {{part: string, url: string}} job
 * @param {import("./serve.js").Context} context
 */
async function put({ part, url }, { signal, report }) {
  const { bytes, digest } = /** @type {{bytes: Uint8Array, digest: string}} */ (held.get(part));
  await putBytes({ url, bytes, digest, signal, onProgress: report });
  held.delete(part);
  return bytes.length;
}

/**
 * One PUT. XMLHttpRequest, because fetch tells nothing while a body is on its way.
 * @returns {Promise<void>}
 */
function putBytes({ url, bytes, digest, signal, onProgress }) {
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
      watch(loaded < bytes.length ? STALLED : SILENT);
      onProgress(Math.min(loaded, bytes.length));
    };
    request.onloadend = () => {
      clearTimeout(watchdog);
      signal.removeEventListener("abort", abort);
      if (request.status >= 200 && request.status < 300) resolve();
      else if (request.status === 0) reject(offline());
      else reject(problemFrom(request.status, request.responseText, request.getResponseHeader("Retry-After")));
    };
    request.open("PUT", url);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.setRequestHeader("Content-Digest", `sha-256=:${digest}:`);
    watch(STALLED);
    request.send(bytes);
    if (signal.aborted) request.abort();
  });
}

/** @param {Uint8Array} bytes */
function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}

serve({
  async load(source) {
    await loadClient(source);
    parts = new client.PartSealing();
  },
  seal,
  put,
  drop: ({ part }) => void held.delete(part),
});
