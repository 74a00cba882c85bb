// The asking end of a worker: questions with answers, and events. Pages use it, and workers that have workers of their
// own (worker/pool.js). The answering end is worker/serve.js.

/** @type {{createScriptURL(url: string): any}} */
const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy("app-loader", {
  // Nothing but our own workers, beside this module, may become a script.
  createScriptURL(/** @type {string} */ url) {
    if (!url.startsWith(new URL("./worker/", import.meta.url).href)) throw new TypeError("not one of our workers");
    return url;
  },
}) ?? { createScriptURL: (url) => url };

/** The address of one of our workers, for what takes only trusted ones. @param {string} name  of its module in worker/ */
export function workerUrl(name) {
  return policy.createScriptURL(new URL(`./worker/${name}.js`, import.meta.url).href);
}

/** An error that a worker reported: `kind` is stable, `message` is for people. */
export class WorkerFault extends Error {
  /** @param {{kind: string, message: string, [field: string]: any}} fault */
  constructor(fault) {
    super(fault.message);
    this.name = "WorkerFault";
    Object.assign(this, fault);
    this.kind = fault.kind;
    /** All that was told, as plain fields. */
    this.fields = fault;
  }
}

/**
 * @typedef {object} Asking  how a question is asked
 * @property {AbortSignal} [signal]  when aborted, the worker is told to stop this work; the answer still comes
 * @property {(value: any) => void} [onProgress]  what the worker reports on the way
 * @property {Transferable[]} [transfer]  buffers to hand over instead of copying
 */

export class WorkerLink {
  #worker;
  #next = 1;
  /** @type {Map<number, {resolve: (value: any) => void, reject: (error: Error) => void, onProgress?: (value: any) => void}>} */
  #waiting = new Map();
  /** Why this worker answers no more. @type {{kind: string, message: string} | null} */
  #over = null;

  /**
   * Starts a worker.
   * @param {string} name  of its module in worker/
   * @param {(event: any) => void} [onEvent]
   */
  constructor(name, onEvent) {
    this.#worker = new Worker(workerUrl(name), { type: "module", name });
    this.#worker.addEventListener("message", ({ data }) => {
      if (data.event) onEvent?.(data.event);
      else if ("progress" in data) this.#waiting.get(data.id)?.onProgress?.(data.progress);
      else this.#settle(data);
    });
    // A worker that cannot be loaded says so here only; nobody must wait for its answers.
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#fail({ kind: "worker-failed", message: "This page could not start its inner part, or lost it. Please reload it." });
    });
  }

  /** Questions that wait for their answer. */
  get load() {
    return this.#waiting.size;
  }

  /** Whether it has failed or was ended: it will never answer again. */
  get isOver() {
    return this.#over !== null;
  }

  /**
   * Asks the worker; the answer comes when its work is done.
   * @param {string} type
   * @param {Record<string, any>} [fields]
   * @param {Asking} [asking]
   * @returns {Promise<any>}
   */
  ask(type, fields = {}, { signal, onProgress, transfer = [] } = {}) {
    if (this.#over) return Promise.reject(new WorkerFault(this.#over));
    const id = this.#next++;
    const stop = () => this.#worker.postMessage({ stop: id });
    const answer = new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, onProgress });
      this.#worker.postMessage({ id, type, ...fields }, transfer);
      signal?.addEventListener("abort", stop);
      if (signal?.aborted) stop();
    });
    return answer.finally(() => signal?.removeEventListener("abort", stop));
  }

  /** Ends the worker and all its work at once; what still waits is told. */
  terminate() {
    this.#worker.terminate();
    this.#fail({ kind: "stopped", message: "Stopped." });
  }

  /** @param {{id: number, value?: any, fault?: any}} answer */
  #settle({ id, value, fault }) {
    const asked = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (fault) asked?.reject(new WorkerFault(fault));
    else asked?.resolve(value);
  }

  /** @param {{kind: string, message: string}} fault */
  #fail(fault) {
    this.#over ??= fault;
    for (const { reject } of this.#waiting.values()) reject(new WorkerFault(fault));
    this.#waiting.clear();
  }
}

/** The shortest WebAssembly module with a vector instruction: a function that returns `i8x16.splat(0)`. */
const VECTOR_MODULE = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b],
  ...[0x03, 0x02, 0x01, 0x00],
  ...[0x0a, 0x08, 0x01, 0x06, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0x0b],
);

/**
 * Where the WASM client is and what it must hash to, as the page was told. There are two with one interface: a fast one
 * for engines that have vector instructions, and one for those that have not.
 */
export function wasmSource() {
  const { wasm, wasmIntegrity, wasmPlain, wasmPlainIntegrity } =
    /** @type {HTMLElement} */ (document.getElementById("main")).dataset;
  return WebAssembly.validate(VECTOR_MODULE)
    ? { url: wasm, integrity: wasmIntegrity }
    : { url: wasmPlain, integrity: wasmPlainIntegrity };
}

/**
 * What this browser lacks for sealing and opening; an empty list if nothing.
 * @returns {string[]}
 */
export function missingParts() {
  const missing = [];
  if (typeof WebAssembly !== "object") missing.push("WebAssembly");
  if (typeof Worker !== "function") missing.push("background workers");
  if (!globalThis.isSecureContext || !globalThis.crypto?.subtle) missing.push("a secure connection (https)");
  return missing;
}
