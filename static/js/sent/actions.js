// What a sender can still do with a transfer: end it, or mail a new link. Both ask first.

import { signInOr } from "../account.js";
import { call } from "../api.js";
import { wireCopy } from "../copy.js";
import { byId, make, tellError, whileBusy } from "../dom.js";

let newLink = "";

/** Wires the dialogs that stand once in the page. */
export function wireDialogs() {
  wireCopy(byId("copy-new-link"), () => newLink);
  byId("resend-close").addEventListener("click", () => dialog("resend").close());
  byId("resend-keep").addEventListener("click", () => dialog("resend").close());
  byId("end-keep").addEventListener("click", () => dialog("end").close());
}

/**
 * The buttons for a transfer that is still live.
 * @param {any} transfer
 * @param {() => void} onChanged
 */
export function actionButtons(transfer, onChanged) {
  const to = transfer.recipient.email;
  return [
    make("button", { type: "button", class: "btn resend", text: "Resend mail", "aria-label": `Resend mail to ${to}`, onclick: () => askResend(transfer, onChanged) }),
    make("button", { type: "button", class: "btn danger end", text: "End now", "aria-label": `End now: the transfer to ${to}`, onclick: () => askEnd(transfer, onChanged) }),
  ];
}

function askEnd(transfer, onChanged) {
  prepare("end", transfer);
  byId("end-confirm").onclick = () =>
    run("end", async () => {
      await call("POST", `/transfers/${transfer.transfer_id}/end`);
      dialog("end").close();
      onChanged();
    });
  dialog("end").showModal();
  byId("end-keep").focus();
}

function askResend(transfer, onChanged) {
  prepare("resend", transfer);
  byId("resend-ask").hidden = false;
  byId("resend-done").hidden = true;
  byId("resend-confirm").onclick = () =>
    run("resend", async () => {
      const { link } = await call("POST", `/transfers/${transfer.transfer_id}/mail`);
      newLink = link;
      byId("new-link").textContent = link;
      byId("resend-ask").hidden = true;
      byId("resend-done").hidden = false;
      byId("resend-done").querySelector("h2")?.focus();
      onChanged();
    });
  dialog("resend").showModal();
  byId("resend-keep").focus();
}

/** @param {"end" | "resend"} name @returns {HTMLDialogElement} */
function dialog(name) {
  return /** @type {HTMLDialogElement} */ (byId(`${name}-dialog`));
}

/** @param {"end" | "resend"} name */
function errorIn(name) {
  return /** @type {HTMLElement} */ (dialog(name).querySelector(".error"));
}

function prepare(name, transfer) {
  for (const place of dialog(name).querySelectorAll(".dialog-recipient")) place.textContent = transfer.recipient.email;
  tellError(errorIn(name), "");
}

function run(name, work) {
  return whileBusy(/** @type {HTMLButtonElement} */ (byId(`${name}-confirm`)), async () => {
    tellError(errorIn(name), "");
    try {
      await work();
    } catch (error) {
      tellError(errorIn(name), signInOr(error));
    }
  });
}
