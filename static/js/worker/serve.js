// A worker's end of the line: answers questions, and sends events. The asking end is worker-link.js.

import { Problem } from "../api.js";

// Milliseconds between two reports of progress of one question; what comes between is left out.
const BETWEEN_REPORTS = 100;

/**
 * @typedef {object} Context  what a handler has besides the question
 * @property {AbortSignal} signal  aborted when the asker wants no answer any more
 * @property {(value: any) => void} report  tells how far it is; the newest value counts, some are left out
 * @property {(...buffers: Transferable[]) => void} handOver  buffers in the answer that are moved, not copied
 */

/**
 * @param {Record<string, (fields: any, context: Context) => any>} handlers  by question type
 */
export function serve(handlers) {
  /** @type {Map<number, AbortController>} */
  const running = new Map();
  self.addEventListener("message", async ({ data }) => {
    if ("stop" in data) {
      running.get(data.stop)?.abort();
      return;
    }
    const { id, type, ...fields } = data;
    const stop = new AbortController();
    running.set(id, stop);
    /** @type {Transferable[]} */
    const moved = [];
    try {
      const value = await handlers[type](fields, { signal: stop.signal, report: reporter(id), handOver: (...buffers) => void moved.push(...buffers) });
      self.postMessage({ id, value }, { transfer: moved });
    } catch (error) {
      self.postMessage({ id, fault: faultFrom(error) });
    } finally {
      running.delete(id);
    }
  });
}

/** @param {number} id */
function reporter(id) {
  let last = -Infinity;
  return (/** @type {any} */ progress) => {
    const now = performance.now();
    if (now - last < BETWEEN_REPORTS) return;
    last = now;
    self.postMessage({ id, progress });
  };
}

/**
 * Tells the page something it did not ask for.
 * @param {{type: string, [field: string]: any}} event
 */
export function tellPage(event) {
  self.postMessage({ event });
}

/** What went wrong inside the worker, with a stable kind. */
export class Fault extends Error {
  /**
   * @param {string} kind
   * @param {string} message
   * @param {Record<string, any>} [fields]
   */
  constructor(kind, message, fields = {}) {
    super(message);
    this.kind = kind;
    this.fields = fields;
  }
}

/** @param {unknown} error */
function faultFrom(error) {
  if (error instanceof Problem) {
    const { kind, message, status, field, missing, tries, retryAfter, mailbox } = error;
    return { kind, message, status, field, missing, tries, retryAfter, mailbox };
  }
  if (error instanceof Fault) return { kind: error.kind, message: error.message, ...error.fields };
  // The WASM client throws errors whose name is a stable slug.
  if (error instanceof Error) return { kind: error.name, message: error.message };
  return { kind: "unknown", message: String(error) };
}
