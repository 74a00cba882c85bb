// What the sender's own browser keeps of a transfer that is not sent yet, so that a reload or a crash does not begin it anew.
//
// One record a draft in IndexedDB: ciphertext, and beside it the AES-GCM key that opens it, which no script can read out.
// Whoever gets at this browser's profile while a draft is there gets at the draft; that is why it goes when the transfer is
// sent, cancelled or discarded, at sign-out, and after a day. Private windows may refuse all this: then nothing is kept.

const DATABASE = "filmjacket-drafts";
const STORE = "drafts";
// Seconds after the last change at which a draft is wiped; the server sweeps its side after the same time.
const LIFETIME = 24 * 60 * 60;
// Milliseconds that browsers may take to end the workers of a page that was left.
const LETTING_GO = 2000;

/** @typedef {{at: number, key: CryptoKey, nonce: Uint8Array<ArrayBuffer>, sealed: ArrayBuffer}} Kept */

/** @returns {Promise<IDBDatabase>} */
function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/**
 * One transaction; resolves when it is durable.
 * @template T
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest<T>} work
 * @returns {Promise<T>}
 */
async function transact(mode, work) {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode, { durability: "strict" });
      const request = work(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

/** A record is bound to its transfer. @param {string} transferId */
const bound = (transferId) => new TextEncoder().encode(`${DATABASE}/1/${transferId}`);

/**
 * Keeps a draft, or its newer state. Never fails: sending does not depend on it.
 * @param {string} transferId
 * @param {object} draft  anything that JSON can hold
 */
export async function keepDraft(transferId, draft) {
  try {
    // A key for one record, and a new one each time: no nonce is ever used twice, and none of an older state opens.
    const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    const nonce = crypto.getRandomValues(new Uint8Array(12));
    const plain = new TextEncoder().encode(JSON.stringify(draft));
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce, additionalData: bound(transferId) }, key, plain);
    plain.fill(0);
    await transact("readwrite", (store) => store.put({ at: now(), key, nonce, sealed }, transferId));
  } catch (error) {
    console.warn("filmjacket: this browser keeps no draft", error);
  }
}

/** Wipes what is too old. */
export async function sweepDrafts() {
  await fresh().catch(() => {});
}

/**
 * The drafts that are kept, newest first. What is too old or does not open is wiped.
 * @returns {Promise<{transferId: string, at: number, draft: any}[]>}
 */
export async function readDrafts() {
  const found = [];
  // Without storage nothing is kept.
  for (const [transferId, kept] of await fresh().catch(() => [])) {
    const draft = await unseal(transferId, kept).catch(() => null);
    if (draft) found.push({ transferId, at: kept.at, draft });
    else await dropDraft(transferId);
  }
  return found.sort((one, other) => other.at - one.at);
}

/** The records that are not too old; the others are wiped. @returns {Promise<[string, Kept][]>} */
async function fresh() {
  /** @type {[string, Kept][]} */
  const found = [];
  for (const id of await transact("readonly", (store) => store.getAllKeys())) {
    const transferId = String(id);
    /** @type {Kept | undefined} */
    const kept = await transact("readonly", (store) => store.get(id)).catch(() => undefined);
    // One that cannot be read now may be another time.
    if (!kept) continue;
    if (isFresh(kept)) found.push([transferId, kept]);
    else await dropDraft(transferId);
  }
  return found;
}

/** Seconds since 1970 by this machine's clock, which may be wrong but is the one that was asked before. */
function now() {
  return Math.floor(Date.now() / 1000);
}

/** @param {Kept} kept */
function isFresh({ at }) {
  return Math.abs(now() - at) < LIFETIME;
}

/** @param {string} transferId @param {Kept} kept */
async function unseal(transferId, { key, nonce, sealed }) {
  const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: nonce, additionalData: bound(transferId) }, key, sealed);
  return JSON.parse(new TextDecoder().decode(plain));
}

/** Forgets one draft. @param {string} transferId */
export async function dropDraft(transferId) {
  await transact("readwrite", (store) => store.delete(transferId)).catch(() => {});
}

/** Forgets all drafts. */
export async function wipeDrafts() {
  await transact("readwrite", (store) => store.clear()).catch(() => {});
}

/**
 * Takes a draft for this tab as long as it lives.
 * @param {string} transferId
 * @returns {Promise<boolean>} false if another tab has it
 */
export async function claimDraft(transferId) {
  if (!navigator.locks) return true;
  return new Promise((resolve) => {
    navigator.locks.request(lockName(transferId), { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      if (!lock) return undefined;
      // Held until the worker ends, which the browser sees to also in a crash.
      return new Promise(() => {});
    });
  });
}

/** Whether a tab is working on a draft. One that was just closed may need a moment to let go. @param {string} transferId */
export async function isClaimed(transferId) {
  if (!navigator.locks) return false;
  const signal = AbortSignal.timeout(LETTING_GO);
  return navigator.locks.request(lockName(transferId), { signal }, () => false).catch(() => true);
}

/** @param {string} transferId */
const lockName = (transferId) => `${DATABASE}/${transferId}`;
