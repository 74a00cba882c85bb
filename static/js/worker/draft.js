// What is kept of a transfer for a reload (drafts.js), and how it fits with what the server has of it.

import { Problem, call } from "../api.js";
import { claimDraft, dropDraft, isClaimed, readDrafts } from "../drafts.js";
import { fromBase64, toBase64 } from "./base64.js";
import { client } from "./client.js";
import { Fault } from "./serve.js";
import { persist } from "./transport.js";

/**
 * The record of a transfer: what was ordered, and the sealing's own opaque bytes.
 * @param {any} sealing
 * @param {import("./seal-worker.js").Order} order
 */
export function recordOf(sealing, order) {
  const bytes = sealing.export_draft();
  try {
    return { order, done: order.files.map((_, index) => sealing.is_complete(index)), sealing: toBase64(bytes) };
  } finally {
    bytes.fill(0);
  }
}

/** @param {{sealing: string}} record */
function sealingOf(record) {
  const bytes = fromBase64(record.sealing);
  try {
    return client.Sealing.import_draft(bytes);
  } finally {
    bytes.fill(0);
  }
}

/**
 * The newest draft of this sender that no tab works on and that can go on, without its secrets. What cannot is wiped.
 * @param {{email: string}} sender
 * @returns {Promise<{transferId: string, order: import("./seal-worker.js").Order, done: boolean[]} | null>}
 */
export async function offerDraft({ email }) {
  for (const { transferId, draft } of await readDrafts()) {
    // Of somebody else who used this browser and did not sign out.
    const isOwn = draft.order.sender.email === email;
    if (isOwn && (await isClaimed(transferId))) continue;
    if (isOwn && (await isOnServer(transferId, draft))) return { transferId, order: draft.order, done: draft.done };
    await dropDraft(transferId);
  }
  return null;
}

async function isOnServer(transferId, draft) {
  try {
    return fits(await call("GET", `/transfers/${transferId}`), draft);
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return false;
    throw error;
  }
}

function fits(there, draft) {
  return there.state === "draft" && there.objects.length === draft.order.files.length;
}

/**
 * Takes a draft for this tab: its sealing, its order, the objects that the server has for it, in the order of the files, and
 * the way for what is missing.
 * @param {string} transferId
 * @param {Parameters<typeof persist>[1]} patience
 */
export async function takeDraft(transferId, patience) {
  if (!(await claimDraft(transferId))) throw new Fault("draft-taken", "Another tab is going on with this transfer already.");
  const there = await persist((signal) => call("GET", `/transfers/${transferId}`, undefined, { signal }), patience);
  const kept = (await readDrafts()).find((draft) => draft.transferId === transferId);
  if (!kept || !fits(there, kept.draft)) {
    if (kept) await dropDraft(transferId);
    throw new Fault("no-draft", "There is nothing left of this transfer to go on with. Please choose the files again.");
  }
  return { sealing: sealingOf(kept.draft), order: kept.draft.order, objects: there.objects, way: there.upload };
}
