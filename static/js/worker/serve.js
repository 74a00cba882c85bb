// A worker's end of the line: answers the page's questions one by one, and sends events. The page's end is worker-link.js.

import { Problem } from "../api.js";

/**
 * @param {Record<string, (fields: any) => any>} handlers  by question type
 */
export function serve(handlers) {
  self.addEventListener("message", async ({ data }) => {
    const { id, type, ...fields } = data;
    try {
      const value = await handlers[type](fields);
      self.postMessage({ id, value });
    } catch (error) {
      self.postMessage({ id, fault: faultFrom(error) });
    }
  });
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
    const { kind, message, status, field, missing, tries, retryAfter } = error;
    return { kind, message, status, field, missing, tries, retryAfter };
  }
  if (error instanceof Fault) return { kind: error.kind, message: error.message, ...error.fields };
  // The WASM client throws errors whose name is a stable slug.
  if (error instanceof Error) return { kind: error.name, message: error.message };
  return { kind: "unknown", message: String(error) };
}
