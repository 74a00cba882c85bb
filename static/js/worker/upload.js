// Seals files part by part and carries the parts to the server. Each part is sealed once; a retry sends the same bytes.

import { offline, problemFrom } from "../api.js";
import { Fault } from "./serve.js";
import { persist } from "./transport.js";

// Parts on their way at the same time: one is read and sealed while others travel. Each costs two part lengths of memory.
const LANES = 3;
// Milliseconds without a byte moving after which a connection counts as lost.
const STALLED = 60_000;

/**
 * Seals and uploads all parts of all files.
 * @param {object} job
 * @param {any} job.sealing  the WASM client's Sealing
 * @param {File[]} job.files
 * @param {number} job.partLen  plaintext bytes of a part
 * @param {import("./meter.js").Meter} job.meter
 * @param {Parameters<typeof persist>[1]} job.patience
 * @param {() => void} job.onMoved  a part has arrived
 */
export async function uploadAll(job) {
  const parts = listParts(job);
  const failed = new AbortController();
  const patience = { ...job.patience, signal: AbortSignal.any([job.patience.signal, failed.signal]) };
  const lane = async () => {
    for (const part of parts) await uploadPart({ ...job, patience }, part);
  };
  try {
    await Promise.all(Array.from({ length: LANES }, lane));
  } catch (error) {
    // The other lanes must not go on behind a transfer that has failed.
    failed.abort();
    throw error;
  }
}

/** Every part of every file, in order; the lanes share the one iterator. */
function* listParts({ sealing, files }) {
  for (let index = 0; index < files.length; index++) {
    const count = sealing.part_count(index);
    for (let n = 0; n < count; n++) yield { index, n };
  }
}

async function uploadPart({ sealing, files, partLen, meter, patience, onMoved }, { index, n }) {
  await patience.gate.pass();
  patience.signal.throwIfAborted();
  const plain = await readPart(files[index], index, n, partLen);
  const sealed = sealing.seal_part(index, n, plain);
  const digest = base64(new Uint8Array(await crypto.subtle.digest("SHA-256", sealed)));
  const url = `/api/v1/transfers/${sealing.transfer_id}/objects/${sealing.object_id(index)}/parts/${n}`;
  await persist(async (signal) => {
    let counted = 0;
    const count = (/** @type {number} */ sent) => {
      meter.add(index, sent - counted);
      counted = sent;
    };
    try {
      await putPart({ url, sealed, digest, signal, onProgress: count });
      count(sealed.length);
      onMoved();
    } catch (error) {
      count(0);
      throw error;
    }
  }, patience);
}

/**
 * Reads one part of a file. A file that changed since it was chosen cannot be read any more, or gives another length.
 * @param {File} file
 */
async function readPart(file, index, n, partLen) {
  const start = n * partLen;
  const end = Math.min(file.size, start + partLen);
  let bytes;
  try {
    bytes = new Uint8Array(await file.slice(start, end).arrayBuffer());
  } catch {
    throw changed(file, index);
  }
  if (bytes.length !== end - start) throw changed(file, index);
  return bytes;
}

function changed(file, index) {
  return new Fault("file-changed", `“${file.name}” was changed, moved or removed while it was being sent. Please choose it again.`, { index });
}

/**
 * One PUT. XMLHttpRequest, because fetch tells nothing while a body is on its way.
 * @returns {Promise<void>}
 */
function putPart({ url, sealed, digest, signal, onProgress }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let watchdog = 0;
    const stillMoving = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => request.abort(), STALLED);
    };
    const abort = () => request.abort();
    signal.addEventListener("abort", abort);
    request.upload.onprogress = ({ loaded }) => {
      stillMoving();
      onProgress(Math.min(loaded, sealed.length));
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
    stillMoving();
    request.send(sealed);
    if (signal.aborted) request.abort();
  });
}

/** @param {Uint8Array} bytes */
function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}
