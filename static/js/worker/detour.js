// Which way bytes go: straight to the store, if the server says so, or through the server. A network that does not let the
// browser reach the store (many hospitals allow known addresses only) must not keep anybody from sending or opening.

import { Problem, call } from "../api.js";

// Milliseconds for which the server is asked after the store failed. Then the store is tried again: it may have been a
// lost connection.
const LONG_WAY = 60_000;

export class Detour {
  #isDirect;
  #onTaken;
  #until = 0;

  /**
   * @param {"direct" | "proxied"} way  as the server says
   * @param {(origin: string) => void} onTaken  the store at this origin failed, and the server did not
   */
  constructor(way, onTaken) {
    this.#isDirect = way === "direct";
    this.#onTaken = onTaken;
  }

  /**
   * Carries a part, straight if that works. What is wrong with the store's answer does not matter here: the server, which
   * knows what was meant, says it better.
   * @template T
   * @param {(direct: boolean) => Promise<T>} carry
   * @returns {Promise<T>}
   */
  async carry(carry) {
    if (!this.#isDirect || performance.now() < this.#until) return carry(false);
    try {
      return await carry(true);
    } catch (error) {
      const { kind, field } = /** @type {any} */ (error);
      if (kind !== "store-failed" && kind !== "not-direct") throw error;
      this.#until = performance.now() + LONG_WAY;
      const carried = await carry(false);
      if (field) this.#onTaken(field);
      return carried;
    }
  }
}

/**
 * Has a request signed and makes it; whatever goes wrong at the store is one error, which names its origin.
 * @template T
 * @param {Promise<{url: string, headers: Record<string, string>} | undefined>} signing  undefined if there is nothing to do
 * @param {AbortSignal} signal
 * @param {(signed: {url: string, headers: Record<string, string>}) => Promise<T>} request
 * @returns {Promise<T | undefined>}
 */
export async function askStore(signing, signal, request) {
  const signed = await signing;
  if (!signed) return undefined;
  try {
    return await request(signed);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Problem)) throw error;
    const field = new URL(signed.url).origin;
    throw new Problem({ kind: "store-failed", status: 0, field, detail: `This network does not reach ${field}.` });
  }
}
