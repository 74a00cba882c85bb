// Fetches and opens a file's parts ahead in a pool and gives them out in order. Each part counts only with the proof that
// it verified. The first one that does not open ends it all: nothing is asked again.

import { persist } from "./transport.js";

// Parts that wait to be written while each helper has one in hand: enough that none waits for the disk's last write. This
// bounds the memory, because a slow disk holds back the asking: a part in hand lies in WebAssembly's memory, one that waits in
// a buffer of its own, 8 MiB each.
const PARTS_WAITING = 2;

/**
 * Yields a file's plaintext in order, one part at a time; ends only after the last part verified. The buffers are the
 * caller's to hand on, best back to `spares` in the end.
 * @param {object} job
 * @param {import("./pool.js").Pool} job.pool  of part-opener.js
 * @param {any} job.opening  the WASM client's Opening, unlocked; keeps the books
 * @param {{index: number, object_id: string, object_len: number}} job.file
 * @param {{ticket: string, expire: (ticket: string) => void}} job.access  `expire` is told of a ticket that
 *     the server takes no more; it may close the gate of `patience` until there is another
 * @param {import("./detour.js").Detour} job.detour  which way parts come
 * @param {number} job.partLen  sealed bytes of every part but the last
 * @param {import("./spares.js").Spares} job.spares  where buffers come from
 * @param {Parameters<typeof persist>[1]} job.patience
 * @param {(bytes: number) => void} job.onBytes
 * @returns {AsyncGenerator<Uint8Array>}
 */
export async function* openParts(job) {
  const { pool, opening, file, patience } = job;
  const count = opening.part_count(file.index);
  const over = new AbortController();
  const ahead = { ...job, patience: { ...patience, signal: AbortSignal.any([patience.signal, over.signal]) } };
  /** @type {Promise<{plain: Uint8Array, voucher: Uint8Array}>[]} */
  const coming = [];
  let next = 0;
  try {
    for (let n = 0; n < count; n++) {
      while (next < count && coming.length < pool.helpers.length + PARTS_WAITING) {
        const part = fetchPart(ahead, next++);
        // Told at once, not in its turn: nothing before it may be asked for again once one is known to be damaged.
        part.catch((error) => over.abort(error));
        coming.push(part);
      }
      const { plain, voucher } = await /** @type {Promise<any>} */ (coming.shift());
      opening.accept(file.index, n, voucher);
      yield plain;
    }
  } finally {
    // Whoever stops reading, or failed, wants nothing of what is still on its way.
    over.abort();
  }
}

/** @returns {Promise<{plain: Uint8Array, voucher: Uint8Array}>} */
function fetchPart({ pool, opening, file, access, detour, partLen, spares, patience, onBytes }, n) {
  const start = n * partLen;
  const end = Math.min(file.object_len, start + partLen);
  const objectId = file.object_id;
  return persist(async (signal) => {
    const { ticket } = access;
    let counted = 0;
    const count = (/** @type {number} */ bytes) => {
      onBytes(bytes - counted);
      counted = bytes;
    };
    try {
      const opened = await detour.carry((direct) => {
        const opener = opening.part_opener(file.index);
        const spare = spares.take();
        const fields = { objectId, ticket, start, end, opener, n, direct, spare };
        const transfer = spare ? [opener.buffer, spare] : [opener.buffer];
        return pool.freest.ask("open", fields, { signal, onProgress: count, transfer });
      });
      count(end - start);
      return opened;
    } catch (error) {
      count(0);
      if (/** @type {any} */ (error).kind === "ticket-invalid") access.expire(ticket);
      throw error;
    }
  }, patience);
}
