// The sender's worker: owns the keys and the passcode, seals, uploads and completes one transfer. The page only watches.
//
// The passcode leaves this worker after the server's answer to the seal, so that nobody can pass on one that opens nothing.

import { call } from "../api.js";
import { client, loadClient } from "./client.js";
import { Meter } from "./meter.js";
import { serve, tellPage } from "./serve.js";
import { Gate, persist } from "./transport.js";
import { uploadAll } from "./upload.js";

const gate = new Gate();
let waiting = false;
/** @type {Meter | null} */
let meter = null;

const patience = {
  gate,
  signal: new AbortController().signal,
  onWaiting() {
    waiting = true;
    tellPage({ type: "waiting" });
  },
  onSignInNeeded() {
    gate.close();
    tellPage({ type: "sign-in-needed" });
  },
};

function onMoved() {
  if (!waiting) return;
  waiting = false;
  tellPage({ type: "moving" });
}

/**
 * Seals and sends.
 * @param {object} order
 * @param {File[]} order.files
 * @param {string[]} order.mediaTypes
 * @param {{name: string, email: string}} order.sender
 * @param {string} order.message
 * @param {number} order.created  seconds since 1970, by the server's clock
 * @param {number} order.expires
 * @param {{email: string, kind: string}} order.recipient
 * @param {number} order.maxOpenings
 * @param {boolean} order.notifyOpened
 */
async function send(order) {
  const { files } = order;
  const sealing = client.Sealing.make();
  for (const file of files) sealing.add_file(file.size);
  const objects = files.map((_, index) => ({ object_id: sealing.object_id(index), object_len: sealing.object_len(index) }));
  meter = new Meter(objects.map((object) => object.object_len), (state) => tellPage({ type: "progress", ...state }));

  const transfer = `/transfers/${sealing.transfer_id}`;
  tellPage({ type: "drafting", transferId: sealing.transfer_id });
  await persist((signal) => call("POST", "/transfers", createBody(order, sealing.transfer_id, objects), { signal }), patience);
  onMoved();
  meter.restart();
  await uploadAll({ sealing, files, partLen: client.part_plain_len(), meter, patience, onMoved });
  meter.flush();

  tellPage({ type: "sealing" });
  const sealed = sealing.finish(JSON.stringify(manifestOf(order)));
  const body = { capsule: sealed.capsule, manifest: sealed.manifest, proof: sealed.proof };
  const { link } = await persist((signal) => call("POST", `${transfer}/seal`, body, { signal }), patience);
  const done = { link, passcode: sealing.passcode, transferId: sealing.transfer_id };
  sealing.free();
  return done;
}

function createBody(order, transferId, objects) {
  return {
    transfer_id: transferId,
    recipient: order.recipient,
    expires_at: new Date(order.expires * 1000).toISOString().replace(".000", ""),
    max_openings: order.maxOpenings,
    notify_opened: order.notifyOpened,
    objects,
  };
}

function manifestOf(order) {
  return {
    not_after: order.expires,
    created: order.created,
    sender: order.sender,
    message: order.message,
    files: order.files.map((file, index) => ({ name: file.name, media_type: order.mediaTypes[index] })),
  };
}

serve({
  load: loadClient,
  send,
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
