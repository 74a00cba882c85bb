// The sender's worker: owns the identity and the passcode, hands parts to its helpers, and completes one transfer. The page
// only watches.
//
// The passcode leaves this worker after the server's answer to the seal, so that nobody can pass on one that opens nothing.

import { call } from "../api.js";
import { claimDraft, dropDraft, keepDraft } from "../drafts.js";
import { client, loadClient } from "./client.js";
import { Detour } from "./detour.js";
import { offerDraft, recordOf, takeDraft } from "./draft.js";
import { Meter } from "./meter.js";
import { Pool } from "./pool.js";
import { serve, tellPage } from "./serve.js";
import { Gate, persist } from "./transport.js";
import { Upload } from "./upload.js";

/**
 * @typedef {object} Order  what is to be sent
 * @property {{name: string, size: number, lastModified: number, mediaType: string}[]} files
 * @property {{name: string, email: string}} sender
 * @property {string} message
 * @property {string} label  the sender's own, for this browser only
 * @property {number} created  seconds since 1970, by the server's clock
 * @property {number} expires
 * @property {{email: string, kind: string}} recipient
 * @property {number} maxOpenings
 * @property {boolean} notifyOpened
 * @property {boolean} mailboxCode
 */

const gate = new Gate();
let waiting = false;
/** @type {{url: string, integrity: string}} */
let source;
/** @type {Meter | null} */
let meter = null;
/** @type {Upload | null} */
let upload = null;
/** @type {Order} */
let current;

const patience = {
  gate,
  signal: new AbortController().signal,
  onWaiting,
  onSignInNeeded() {
    gate.close();
    tellPage({ type: "sign-in-needed" });
  },
};

function onWaiting() {
  waiting = true;
  tellPage({ type: "waiting" });
}

function onMoved() {
  if (!waiting) return;
  waiting = false;
  tellPage({ type: "moving" });
}

/**
 * Announces a transfer, seals it and sends it.
 * @param {{order: Order, files: File[]}} asked
 */
async function send({ order, files }) {
  const sealing = client.Sealing.make();
  for (const file of files) sealing.add_file(file.size);
  const objects = files.map((_, index) => ({ object_id: sealing.object_id(index), object_len: sealing.object_len(index) }));
  begin(sealing, order, objects);
  const body = createBody(order, sealing.transfer_id, objects);
  const { upload: way } = await persist((signal) => call("POST", "/transfers", body, { signal }), patience);
  onMoved();
  return finish(sealing, files, objects, way);
}

/**
 * Goes on with a draft that a closed tab left.
 * @param {{transferId: string, files: (File | null)[], mediaTypes: string[]}} asked  null for what is there already
 */
async function resume({ transferId, files, mediaTypes }) {
  const { sealing, order, objects, way } = await takeDraft(transferId, patience);
  files.forEach((file, index) => {
    if (file) order.files[index] = describe(file, mediaTypes[index]);
    // What was complete and is chosen again has changed: it starts again too.
    if (file && sealing.is_complete(index)) sealing.restart_file(index, file.size);
  });
  begin(sealing, order, objects);
  return finish(sealing, files, objects, way);
}

function begin(sealing, order, objects) {
  current = order;
  meter = new Meter(objects.map((object) => object.object_len), (state) => tellPage({ type: "progress", ...state }));
  tellPage({ type: "drafting", transferId: sealing.transfer_id });
}

/** Uploads what is not there yet, seals manifest and capsule, and learns the link. */
async function finish(sealing, files, objects, way) {
  const transferId = sealing.transfer_id;
  const keep = () => keepDraft(transferId, recordOf(sealing, current));
  await claimDraft(transferId);
  await keep();
  objects.forEach((object, index) => sealing.is_complete(index) && meter?.add(index, object.object_len));
  meter?.restart();
  const pool = new Pool("part-sealer", source);
  const objectIds = objects.map((object) => object.object_id);
  const detour = new Detour(way, (origin) => tellPage({ type: "detour", origin }));
  const onCarried = (/** @type {number} */ bytes) => tellPage({ type: "carried", bytes });
  const onLost = (/** @type {number} */ index, /** @type {string} */ why) => tellPage({ type: "lost", index, why });
  try {
    upload = new Upload({ sealing, files, objectIds, pool, partLen: client.part_plain_len(), meter, detour, patience, onMoved, onCarried, onFile: keep, onLost });
    await upload.run();
  } finally {
    pool.stop();
  }
  meter?.flush();

  tellPage({ type: "sealing" });
  const sealed = sealing.finish(JSON.stringify(manifestOf(current)));
  const body = { capsule: sealed.capsule, manifest: sealed.manifest, proof: sealed.proof };
  const { link } = await persist((signal) => call("POST", `/transfers/${transferId}/seal`, body, { signal }), patience);
  await dropDraft(transferId);
  const done = { link, passcode: sealing.passcode, transferId };
  sealing.free();
  return done;
}

/** @param {File} file @param {string} mediaType */
function describe({ name, size, lastModified }, mediaType) {
  return { name, size, lastModified, mediaType };
}

function createBody(order, transferId, objects) {
  return {
    transfer_id: transferId,
    recipient: order.recipient,
    expires_at: new Date(order.expires * 1000).toISOString().replace(".000", ""),
    max_openings: order.maxOpenings,
    notify_opened: order.notifyOpened,
    mailbox_code: order.mailboxCode,
    objects,
  };
}

function manifestOf(order) {
  return {
    not_after: order.expires,
    created: order.created,
    sender: order.sender,
    message: order.message,
    files: order.files.map((file) => ({ name: file.name, media_type: file.mediaType })),
  };
}

self.addEventListener("offline", () => meter && onWaiting());

serve({
  async load(wasm) {
    source = wasm;
    await loadClient(wasm);
  },
  offer: offerDraft,
  send,
  resume,
  async replace({ index, file, mediaType }) {
    current.files[index] = describe(file, mediaType);
    await upload?.replace(index, file);
  },
  pause: () => gate.close(),
  goOn() {
    meter?.restart();
    gate.open();
  },
  qr({ text }) {
    const { size, modules } = client.qr_modules(text);
    return { size, modules };
  },
});
