// How the sent list and the details page say where a transfer is.

import { bytes, counted, times, when } from "../format.js";

/** @typedef {any} Transfer  one line of GET /api/v1/transfers */

/**
 * @param {Transfer} transfer
 * @returns {{text: string, tone: "" | "good" | "wait" | "bad"}}
 */
export function stateWords(transfer) {
  if (transfer.state === "ready" && transfer.mail?.state === "refused") return { text: "mail refused", tone: "bad" };
  if (transfer.state === "ready" && transfer.openings > 0) return { text: "opened", tone: "good" };
  if (transfer.state === "ready") return { text: "ready", tone: "wait" };
  const text = { draft: "not sent", expired: "expired", revoked: "ended", used_up: "used up" }[/** @type {string} */ (transfer.state)] ?? transfer.state;
  return { text, tone: "" };
}

/** @param {Transfer} transfer */
export function mailWords(transfer) {
  const mail = transfer.mail;
  if (!mail) return "No mail was sent.";
  if (mail.state === "refused") return `The mail was refused: ${mail.reason}`;
  return mail.state === "accepted" ? "Mail handed over" : "Mail not sent yet";
}

/** @param {Transfer} transfer */
export function openingsWords(transfer) {
  if (transfer.openings === 0) return isLive(transfer) ? "not opened yet" : "never opened";
  const last = transfer.last_opened_at ? `, last ${when(transfer.last_opened_at)}` : "";
  return `opened ${times(transfer.openings)} of ${transfer.max_openings}${last}`;
}

/** @param {Transfer} transfer */
export function attemptsWords(transfer) {
  if (!transfer.refused_attempts) return "";
  return `${counted(transfer.refused_attempts, "wrong passcode")} tried`;
}

/** @param {Transfer} transfer */
export function filesWords(transfer) {
  return `${counted(transfer.files, "file")}, ${bytes(transfer.total_len)}`;
}

/** Whether the transfer can still be ended or mailed again. @param {Transfer} transfer */
export function isLive(transfer) {
  return transfer.state === "ready";
}
