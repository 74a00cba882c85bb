// Workers of a worker: the coordinator, which holds the secrets of one transfer, hands jobs to as many helpers as the
// machine has cores. Who hands out how many jobs at a time bounds the memory; the pool itself queues nothing.
//
// A helper's module ends with `serve({load: loadClient, …})`; each helper loads the WASM client once, before its first job.

import { Problem } from "../api.js";
import { WorkerFault, WorkerLink } from "../worker-link.js";
import { Fault } from "./serve.js";

// Below two, nothing is sealed while something travels; above eight, the line and the disk are the limit, not the cores.
const FEWEST = 2;
const MOST = 8;
const BROKEN = ["RuntimeError", "RangeError"];

/** Helpers that this machine is given. */
export const POOL_SIZE = Math.min(MOST, Math.max(FEWEST, navigator.hardwareConcurrency || FEWEST));

/** One worker of a pool. */
export class Helper {
  #link;
  #ready;

  /**
   * @param {string} name
   * @param {{url: string, integrity: string}} source  the WASM client
   */
  constructor(name, source) {
    this.#link = new WorkerLink(name);
    this.#ready = this.#link.ask("load", source);
    // Whoever asks first is told; nobody may have asked yet.
    this.#ready.catch(() => {});
  }

  /** Jobs that are not answered yet. */
  get load() {
    return this.#link.load;
  }

  /** Whether it crashed or was stopped; its jobs have been told. */
  get isOver() {
    return this.#link.isOver;
  }

  /**
   * Hands out a job. Errors keep their kind: what was a {@link Problem} in the helper is one here.
   * @param {string} type
   * @param {Record<string, any>} [fields]
   * @param {import("../worker-link.js").Asking} [asking]
   * @returns {Promise<any>}
   */
  async ask(type, fields, asking) {
    try {
      await this.#ready;
      return await this.#link.ask(type, fields, asking);
    } catch (error) {
      if (!(error instanceof WorkerFault)) throw error;
      // Its memory ran out or its module broke off: it cannot be trusted with another job.
      if (BROKEN.includes(error.kind)) this.stop();
      throw asThrown(error);
    }
  }

  stop() {
    this.#link.terminate();
  }
}

export class Pool {
  /** @type {Helper[]} */
  helpers;

  /**
   * Starts helpers.
   * @param {string} name  of their module in worker/
   * @param {{url: string, integrity: string}} source  the WASM client, as the page was told
   * @param {number} [size]
   */
  constructor(name, source, size = POOL_SIZE) {
    this.helpers = Array.from({ length: size }, () => new Helper(name, source));
  }

  /** The helper with the fewest jobs of those that still answer. */
  get freest() {
    const alive = this.helpers.filter((helper) => !helper.isOver);
    if (alive.length === 0) throw new Fault("worker-failed", "This browser ended the inner parts of this page, perhaps for lack of memory. Please close other tabs and reload it.");
    return alive.reduce((best, helper) => (helper.load < best.load ? helper : best));
  }

  /** Ends all helpers and their jobs at once. */
  stop() {
    for (const helper of this.helpers) helper.stop();
  }
}

/** @param {WorkerFault} fault */
function asThrown({ fields, message }) {
  if (typeof fields.status === "number") return new Problem({ ...fields, status: fields.status, detail: message });
  return new Fault(fields.kind, message, fields);
}
