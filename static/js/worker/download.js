// Fetches objects part by part and opens each part before anything is handed on. The first failure to open ends it all:
// nothing is asked again, nothing more is sent.

import { offline, problemFrom } from "../api.js";
import { persist } from "./transport.js";

/**
 * Yields a file's plaintext in order, one part at a time; ends only after the last part verified.
 * @param {object} job
 * @param {any} job.opening  the WASM client's Opening, unlocked
 * @param {{index: number, object_id: string, object_len: number}} job.file
 * @param {string} job.ticket
 * @param {number} job.partLen  sealed bytes of every part but the last
 * @param {Parameters<typeof persist>[1]} job.patience
 * @param {(bytes: number) => void} job.onBytes
 */
export async function* openParts(job) {
  const count = job.opening.part_count(job.file.index);
  let next = fetchPart(job, 0);
  for (let n = 0; n < count; n++) {
    const sealed = await next;
    // The next part travels while this one is opened and written.
    if (n + 1 < count) {
      next = fetchPart(job, n + 1);
      // Whoever stops reading leaves this one unawaited; its error is not news then.
      next.catch(() => {});
    }
    yield /** @type {Uint8Array} */ (job.opening.open_part(job.file.index, n, sealed));
  }
}

/** @returns {Promise<Uint8Array>} exactly the bytes of part n */
function fetchPart({ file, ticket, partLen, patience, onBytes }, n) {
  const start = n * partLen;
  const end = Math.min(file.object_len, start + partLen);
  return persist(async (signal) => {
    let counted = 0;
    try {
      return await fetchRange(`/api/v1/open/objects/${file.object_id}`, ticket, start, end, signal, (bytes) => {
        counted += bytes;
        onBytes(bytes);
      });
    } catch (error) {
      onBytes(-counted);
      throw error;
    }
  }, patience);
}

/** A range, whole or not at all: an answer that was cut counts as a lost connection. */
async function fetchRange(url, ticket, start, end, signal, onBytes) {
  let answer;
  try {
    answer = await fetch(url, {
      headers: { Authorization: `Ticket ${ticket}`, Range: `bytes=${start}-${end - 1}` },
      signal,
      cache: "no-store",
      redirect: "error",
    });
  } catch {
    signal.throwIfAborted();
    throw offline();
  }
  if (!answer.ok) throw problemFrom(answer.status, await answer.text().catch(() => ""), answer.headers.get("Retry-After"));
  const bytes = new Uint8Array(end - start);
  let at = 0;
  try {
    const reader = /** @type {ReadableStream<Uint8Array>} */ (answer.body).getReader();
    for (let step = await reader.read(); !step.done; step = await reader.read()) {
      // More than was asked for can never verify: cut here, and let the tag decide.
      const piece = step.value.subarray(0, bytes.length - at);
      bytes.set(piece, at);
      at += piece.length;
      onBytes(piece.length);
    }
  } catch {
    signal.throwIfAborted();
    throw offline();
  }
  if (at !== bytes.length) throw offline();
  return bytes;
}
