// Where saved bytes go: memory, the browser's private disk, a file the person picked, or a download that the browser makes
// of them (save-service.js). Each is written in order and ends in `close` (all verified) or `abort` (nothing that could pass
// for the file stays). Nothing here knows what the bytes are.

import { Fault, tellPage } from "./serve.js";

/**
 * @typedef {object} Sink
 * @property {(bytes: Uint8Array) => Promise<void>} write  the buffer is the sink's from then on, until it gives it to the spares
 * @property {() => Promise<Blob | null>} close  what the page still has to hand to the person; null if the file is in place
 * @property {() => Promise<void>} abort
 */

/** The folder of our staged files on the browser's private disk. */
const STAGING = "saving";
/** Milliseconds that a staged file stays for the browser's download to copy it; nobody tells when that has ended. */
const STAGED_FOR = 15 * 60_000;

// A browser that was given an address answers at once; a longer silence means that something keeps it from downloading.
const BEGIN_WITHIN = 30_000;
// Well below the half minute after which browsers stop a service worker that nobody speaks to.
const BETWEEN_BEATS = 4_000;

/**
 * @typedef {{kind: "memory"} | {kind: "disk"} | {kind: "picked", handle: FileSystemFileHandle} | {kind: "stream", port: MessagePort}} Choice
 */

/**
 * @param {Choice} choice
 * @param {import("./spares.js").Spares} spares
 * @param {AbortController} stop  ends the saving; the sink aborts it when the other side goes away
 * @returns {Promise<Sink>}
 */
export async function openSink(choice, spares, stop) {
  if (choice.kind === "picked") return pickedSink(choice.handle, spares);
  if (choice.kind === "stream") return streamSink(choice.port, stop);
  if (choice.kind === "disk") return diskSink(spares);
  return memorySink(spares);
}

/** @param {import("./spares.js").Spares} spares @returns {Sink} */
function memorySink(spares) {
  /** @type {Blob[]} */
  let pieces = [];
  return {
    async write(bytes) {
      // A Blob at once: the browser may move it out of memory, and the bytes may live in WASM memory that moves.
      pieces.push(new Blob([/** @type {BlobPart} */ (bytes)]));
      spares.give(bytes.buffer);
    },
    async close() {
      return new Blob(pieces, { type: "application/octet-stream" });
    },
    async abort() {
      pieces = [];
    },
  };
}

/** @param {import("./spares.js").Spares} spares @returns {Promise<Sink>} */
async function diskSink(spares) {
  const root = await navigator.storage.getDirectory();
  const folder = await root.getDirectoryHandle(STAGING, { create: true });
  const name = crypto.randomUUID();
  const file = await folder.getFileHandle(name, { create: true });
  const access = await /** @type {any} */ (file).createSyncAccessHandle();
  let at = 0;
  return {
    async write(bytes) {
      if (writeAt(access, bytes, at) !== bytes.length) {
        throw new Fault("no-room", "There is not enough room on this device for this file. Please free some space and try again.");
      }
      at += bytes.length;
      spares.give(bytes.buffer);
    },
    async close() {
      access.close();
      setTimeout(() => folder.removeEntry(name).catch(() => {}), STAGED_FOR);
      return file.getFile();
    },
    async abort() {
      access.close();
      await folder.removeEntry(name);
    },
  };
}

/** Bytes that were written: fewer than there are, or none, on a full disk. */
function writeAt(access, bytes, at) {
  try {
    return access.write(bytes, { at });
  } catch {
    return 0;
  }
}

/**
 * The bytes go to a scratch file beside the picked one, which replaces it only at `close`.
 * @param {FileSystemFileHandle} handle
 * @param {import("./spares.js").Spares} spares
 * @returns {Promise<Sink>}
 */
async function pickedSink(handle, spares) {
  const stream = await handle.createWritable();
  return {
    async write(bytes) {
      await stream.write(/** @type {any} */ (bytes));
      spares.give(bytes.buffer);
    },
    async close() {
      await stream.close();
      return null;
    },
    async abort() {
      await stream.abort();
      // The picker made an empty file with the chosen name; it must not look like a saved one.
      const left = await handle.getFile().catch(() => null);
      if (left?.size === 0) await /** @type {any} */ (handle).remove?.();
    },
  };
}

/**
 * A download: the service worker at the other end of `port` asks for bytes when the browser is ready for them, and tells
 * when the browser took the last one.
 * @param {MessagePort} port
 * @param {AbortController} stop
 * @returns {Sink}
 */
function streamSink(port, stop) {
  /** What the other side said and nobody has waited for yet: "pull" or "taken". @type {string[]} */
  const said = [];
  let wake = () => {};
  let begun = false;
  port.onmessage = ({ data: { type } }) => {
    if (type === "cancelled") stop.abort(new Fault("stopped", "The download was stopped in the browser."));
    else if (type === "failed") stop.abort(new Fault("download-lost", "The browser lost the download."));
    else said.push(type);
    wake();
  };
  stop.signal.addEventListener("abort", () => wake());
  // The page passes it on: a worker has no way to speak to a service worker that was stopped. Its timers run in time also
  // while the page is hidden, unlike the page's own.
  const beat = setInterval(() => tellPage({ type: "beat" }), BETWEEN_BEATS);
  const hear = async () => {
    while (said.length === 0) {
      stop.signal.throwIfAborted();
      await new Promise((resolve) => (wake = () => resolve(undefined)));
    }
    return said.shift();
  };
  /** Not before there is something to download: a transfer that is over must leave no trace in the browser's list. */
  const begin = async () => {
    begun = true;
    tellPage({ type: "download" });
    const refused = new Fault("download-refused", "Your browser did not begin the download. An extension or a setting may forbid it.");
    const timer = setTimeout(() => stop.abort(refused), BEGIN_WITHIN);
    await hear();
    clearTimeout(timer);
    said.unshift("pull");
  };
  const send = async (/** @type {any} */ message, /** @type {Transferable[]} */ moved) => {
    if (!begun) await begin();
    await hear();
    port.postMessage(message, moved);
  };
  return {
    async write(bytes) {
      // An empty chunk would answer the question without bringing anything.
      if (bytes.length > 0) await send(bytes, [bytes.buffer]);
    },
    async close() {
      await send({ type: "end" }, []);
      await hear();
      clearInterval(beat);
      port.close();
      return null;
    },
    async abort() {
      clearInterval(beat);
      port.postMessage({ type: "fail" });
    },
  };
}

/**
 * Whether this browser lends pages a private disk (private windows of some do not) with room for so many bytes.
 * @param {{length: number}} file
 */
export async function hasDisk({ length }) {
  try {
    await navigator.storage.getDirectory();
    const { quota = 0, usage = 0 } = await navigator.storage.estimate();
    const hasHandles = typeof (/** @type {any} */ (globalThis).FileSystemFileHandle?.prototype.createSyncAccessHandle) === "function";
    return hasHandles && quota - usage >= length;
  } catch {
    return false;
  }
}

/** Removes what earlier visits staged: unlocked images must not stay on a shared machine. Other open tabs keep theirs. */
export async function removeStaged() {
  const name = "filmjacket-staging";
  await navigator.locks.request(name, { ifAvailable: true }, async (lock) => {
    if (!lock) return;
    try {
      const root = await navigator.storage.getDirectory();
      await root.removeEntry(STAGING, { recursive: true });
    } catch {
      // Nothing was staged, or there is no private disk.
    }
  });
  // Held until this worker ends.
  navigator.locks.request(name, { mode: "shared" }, () => new Promise(() => {}));
}
