// The recipient's worker: checks link and passcode, holds identity and ticket, has parts opened by its pool, keeps the books
// of what verified, and writes files out in order. Helpers get one file's key for one part at a time. The page gets names,
// lengths, progress and finished pictures; never a key, the ticket or half a file.

import { call } from "../api.js";
import { sniffPicture } from "../kinds.js";
import { client, loadClient } from "./client.js";
import { Detour } from "./detour.js";
import { openParts } from "./download.js";
import { Meter } from "./meter.js";
import { Pool } from "./pool.js";
import { Fault, serve, tellPage } from "./serve.js";
import { hasDisk, openSink, removeStaged } from "./sinks.js";
import { Spares } from "./spares.js";
import { Gate, persist } from "./transport.js";

/** @typedef {{index: number, object_id: string, object_len: number, name: string, media_type: string, plain_len: number}} SealedFile */

/** @type {{token: string, transfer_id: string}} */
let link;
/** @type {string} */
let h;
/** The last passcode that was typed, with what was derived from it. @type {{passcode: string, opening: any} | null} */
let attempt = null;
/** @type {any} */
let opening;
/** @type {string} */
let ticket;
/** What was released for the passcode; it never changes. @type {{capsule: string, manifest: string}} */
let sealed;
/** @type {Detour} */
let detour;
/** Whether the saving under way has brought something. */
let begun = false;
/** Closed while a saving under way waits for another ticket. */
const gate = new Gate();
/** Where the WASM client comes from. @type {{url: string, integrity: string}} */
let source;
/** Opens parts; started while the passcode is typed. @type {Pool} */
let pool;
/** @type {SealedFile[]} */
let files = [];
/** Files whose every byte verified. */
const verified = new Set();
/** Small pictures that were opened for their preview, kept so that saving fetches nothing twice. @type {Map<number, Blob>} */
const kept = new Map();
/** Ends the saving under way. */
let stop = new AbortController();
/** Aborted by the first thing that is not what was sealed: from then on nothing more is asked of this server. */
const distrust = new AbortController();

function load(/** @type {any} */ wasm) {
  source = wasm;
  return loadClient(wasm);
}

/** What a link leads to. Spends nothing. */
async function look({ fragment }) {
  // First of all, and also for a link that is over: unlocked images must not stay on a shared machine.
  await removeStaged();
  const { token, transfer_id } = client.parse_link(fragment);
  link = { token, transfer_id };
  const answer = await call("POST", "/open", link);
  h = answer.h;
  attempt = null;
  pool ??= new Pool("part-opener", source);
  return { sender: answer.sender, recipientKind: answer.recipient_kind, expiresAt: answer.expires_at };
}

/** Has a code mailed to the recipient, where one is asked for before the passcode. */
function mailCode() {
  return call("POST", "/open/mailbox", link);
}

/** Proves the recipient's mailbox with that code; the browser keeps the proof as a cookie. */
function enterCode({ code }) {
  return call("POST", "/open/mailbox/code", { ...link, code });
}

/** Finds typing mistakes without asking anybody. */
function check({ passcode }) {
  return client.normalize_passcode(passcode);
}

/** Derives a passcode's keys, which takes a moment: best before the person presses *Open*. Nobody is asked. */
function prepare({ passcode }) {
  const normalized = client.normalize_passcode(passcode);
  if (attempt?.passcode === normalized) return;
  attempt?.opening.free();
  attempt = null;
  attempt = { passcode: normalized, opening: client.Opening.derive(normalized, link.transfer_id, h) };
}

/** Proves the passcode and opens the list of files. The only step that counts an opening. */
async function unlock({ passcode }) {
  prepare({ passcode });
  const { opening: proving } = /** @type {{opening: any}} */ (attempt);
  // Taken out: another passcode may be typed before the answer is there.
  attempt = null;
  const answer = await call("POST", "/open/unlock", { ...link, proof: proving.proof });
  const list = JSON.parse(proving.unlock(answer.capsule, answer.manifest, JSON.stringify(answer.objects)));
  opening = proving;
  ticket = answer.ticket;
  sealed = { capsule: answer.capsule, manifest: answer.manifest };
  detour = new Detour(answer.download, (origin) => tellPage({ type: "detour", origin }));
  files = list.files;
  return {
    message: list.message,
    sender: list.sender,
    files: files.map(({ index, name, plain_len }) => ({ index, name, plain_len })),
  };
}

/** Proves the passcode once more when the ticket ran out while something was saved. Counts as another opening. */
async function renew() {
  const { ticket: another, capsule, manifest } = await call("POST", "/open/unlock", { ...link, proof: opening.proof });
  if (capsule !== sealed.capsule || manifest !== sealed.manifest) throw new Fault("damaged", "This is another transfer.");
  ticket = another;
  gate.open();
}

/** Of several parts that are refused, the first asks the person; a saving that has brought nothing yet just fails. */
function expire(/** @type {string} */ refused) {
  if (!begun || refused !== ticket || gate.closed) return;
  gate.close();
  tellPage({ type: "ticket-over" });
}

/** A file's plaintext, part by part, from memory if it was opened before. Marks it verified after the last part. */
async function* plainParts(/** @type {number} */ index, /** @type {Meter | null} */ meter, /** @type {Spares} */ spares, /** @type {AbortSignal} */ signal) {
  const held = kept.get(index);
  if (held) {
    yield new Uint8Array(await held.arrayBuffer());
    meter?.add(index, files[index].object_len);
    return;
  }
  const patience = {
    gate,
    signal: AbortSignal.any([signal, distrust.signal]),
    onWaiting: () => tellPage({ type: "waiting" }),
  };
  const onBytes = (/** @type {number} */ bytes) => meter?.add(index, bytes);
  const access = { get ticket() { return ticket; }, expire };
  for await (const plain of openParts({ pool, opening, file: files[index], access, detour, partLen: client.part_len(), spares, patience, onBytes })) {
    tellPage({ type: "moving" });
    begun = true;
    yield plain;
  }
  if (!opening.is_verified(index)) throw new Fault("damaged", "The file did not arrive whole.");
  noteVerified(index);
}

function noteVerified(/** @type {number} */ index) {
  if (verified.has(index)) return;
  verified.add(index);
  tellPage({ type: "verified", index, verified: verified.size, total: files.length });
  if (verified.size !== files.length) return;
  const headers = { Authorization: `Ticket ${ticket}` };
  const body = { verified: verified.size, total: files.length };
  const patience = { gate: new Gate(), signal: AbortSignal.timeout(120_000), onWaiting: () => {} };
  // The receipt is for the sender's list; the recipient has everything and need not wait for it.
  persist((signal) => call("POST", "/open/receipt", body, { headers, signal }), patience).catch(() => {});
}

/** Opens a picture for its preview; null if its content is no picture we show. */
async function preview({ index }) {
  const pieces = [];
  for await (const plain of plainParts(index, null, new Spares(), new AbortController().signal)) pieces.push(new Blob([/** @type {BlobPart} */ (plain)]));
  const whole = new Blob(pieces);
  const media = sniffPicture(new Uint8Array(await whole.slice(0, 16).arrayBuffer()));
  kept.set(index, whole);
  return media ? new Blob([whole], { type: media }) : null;
}

/** Opens one file, or all as a ZIP, into a sink. Answers with what the page must still hand over, or null. */
async function save({ indexes, zip, sink: choice }) {
  stop = new AbortController();
  begun = false;
  gate.open();
  const { signal } = stop;
  const chosen = indexes.map((/** @type {number} */ index) => files[index]);
  const meter = new Meter(files.map((file) => (indexes.includes(file.index) ? file.object_len : 0)), (state) => tellPage({ type: "saving", ...state }));
  const spares = new Spares();
  const sink = await openSink(choice, spares, stop);
  try {
    if (zip) await writeZip(chosen, sink, meter, spares, signal);
    else for await (const plain of plainParts(indexes[0], meter, spares, signal)) await sink.write(plain);
    signal.throwIfAborted();
    meter.flush();
    return await sink.close();
  } catch (error) {
    await sink.abort();
    signal.throwIfAborted();
    throw error;
  } finally {
    spares.end();
  }
}

function plainLength(/** @type {SealedFile[]} */ chosen) {
  return chosen.reduce((sum, file) => sum + file.plain_len, 0);
}

/** Bytes that saving these will bring; null if nobody can tell. */
function saveLength({ indexes, zip }) {
  const chosen = indexes.map((/** @type {number} */ index) => files[index]);
  return zip ? zipLength(chosen) : plainLength(chosen);
}

/** Stored entries add their own length; what is around them is the same for empty ones. */
function zipLength(/** @type {SealedFile[]} */ chosen) {
  const zip = new client.ZipStream();
  const heads = chosen.map(({ name }) => zip.start_file(name, 0, 0).length);
  const length = heads.reduce((sum, head) => sum + head, plainLength(chosen)) + zip.finish().length;
  zip.free();
  // From here on ZIP64 adds fields that depend on the contents.
  return length < 2 ** 32 - 1 ? length : null;
}

async function writeZip(chosen, sink, meter, spares, signal) {
  const zip = new client.ZipStream();
  const modified = Math.floor(Date.now() / 1000);
  for (const file of chosen) {
    await sink.write(zip.start_file(file.name, file.plain_len, modified));
    for await (const plain of plainParts(file.index, meter, spares, signal)) {
      signal.throwIfAborted();
      const stored = zip.write(plain);
      spares.give(plain.buffer);
      await sink.write(stored);
    }
  }
  await sink.write(zip.finish());
}

/**
 * A handler that trusts the server only until the first damage, whichever handler meets it.
 * @param {(fields: any) => Promise<any>} handler
 */
function untilDamage(handler) {
  return async (/** @type {any} */ fields) => {
    try {
      distrust.signal.throwIfAborted();
      return await handler(fields);
    } catch (error) {
      // The WASM client's errors have their slug as name, ours as kind.
      if ([/** @type {any} */ (error).name, /** @type {any} */ (error).kind].includes("damaged")) {
        distrust.abort();
        pool?.stop();
      }
      if (distrust.signal.aborted) throw new Fault("damaged", "This is not what the sender sealed. Nothing more is fetched.");
      throw error;
    }
  };
}

serve({
  load,
  look,
  mailCode,
  enterCode,
  check,
  prepare,
  unlock: untilDamage(unlock),
  renew: untilDamage(renew),
  preview: untilDamage(preview),
  save: untilDamage(save),
  saveLength,
  hasDisk,
  stop: ({ kind = "stopped", message = "Stopped." }) => stop.abort(new Fault(kind, message)),
});
