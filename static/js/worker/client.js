// Loads the WASM client once, checked against the hash that the page was served with.

import init, * as client from "../../wasm/filmjacket.js";
import { Fault } from "./serve.js";

/**
 * @param {{url: string, integrity: string}} source
 */
export async function loadClient({ url, integrity }) {
  try {
    await init({ module_or_path: fetch(url, { integrity, credentials: "same-origin" }) });
  } catch (error) {
    throw new Fault("no-wasm", "WebAssembly could not be started", { cause: String(error) });
  }
}

/**
 * Whether the module broke off in the middle, such as for lack of memory. Nothing in it can be relied on afterwards; the
 * pool ends this worker.
 * @param {unknown} error
 */
export function isTrap(error) {
  return error instanceof WebAssembly.RuntimeError;
}

export { client };
