// The list of what was sent, newest first, page by page.

import { signInOr, wireAccount } from "../account.js";
import { call } from "../api.js";
import { addressText, byId, make, tell, tellError, whileBusy } from "../dom.js";
import { when } from "../format.js";
import { labelOf } from "../labels.js";
import { actionButtons, wireDialogs } from "./actions.js";
import { attemptsWords, filesWords, isLive, mailWords, openingsWords, stateWords } from "./words.js";

const PAGE = 20;
/** @type {string | null} */
let next = null;

/** @param {any} transfer */
function drawTransfer(transfer) {
  const { text, tone } = stateWords(transfer);
  const label = labelOf(transfer.transfer_id);
  const to = make("div", {}, make("p", { class: "to" }, addressText(transfer.recipient.email)));
  if (label) to.append(make("p", { class: "meta label", dir: "auto", text: label }));
  const details = make("a", { class: "btn details", href: `/sent/${transfer.transfer_id}`, "aria-label": `Details of the transfer to ${transfer.recipient.email}`, text: "Details" });
  const buttons = make("div", { class: "buttons" }, details);
  if (isLive(transfer)) buttons.append(...actionButtons(transfer, () => reload(transfer.transfer_id)));
  const live = isLive(transfer) ? [make("p", { class: "meta", text: `until ${when(transfer.expires_at)}` })] : [];
  const mail = transfer.state === "draft" ? [] : [make("p", { class: "meta", text: mailWords(transfer) })];
  const attempts = attemptsWords(transfer) ? [make("p", { class: "meta attempts", text: attemptsWords(transfer) })] : [];
  return make(
    "li",
    { class: "transfer", "data-transfer-id": transfer.transfer_id },
    to,
    make("div", {}, make("p", { text: when(transfer.created_at) }), make("p", { class: "meta", text: filesWords(transfer) })),
    make("div", {}, make("span", { class: `state ${tone}`, text }), make("p", { class: "meta openings", text: transfer.state === "draft" ? "" : openingsWords(transfer) }), ...mail, ...attempts, ...live),
    buttons,
  );
}

/** Draws one line anew after something was done with it. @param {string} transferId */
async function reload(transferId) {
  try {
    const fresh = drawTransfer(await call("GET", `/transfers/${transferId}`));
    document.querySelector(`[data-transfer-id="${transferId}"]`)?.replaceWith(fresh);
    // The button that opened the dialog is gone with the old line.
    /** @type {HTMLElement | null} */ (fresh.querySelector(".details"))?.focus();
  } catch (error) {
    tellError(byId("sent-error"), signInOr(error));
  }
}

async function loadMore() {
  const before = next ? `&before=${next}` : "";
  tellError(byId("sent-error"), "");
  try {
    const page = await call("GET", `/transfers?limit=${PAGE}${before}`);
    const lines = page.transfers.map(drawTransfer);
    byId("transfers").append(...lines);
    next = page.next ?? null;
    if (before) lines[0]?.querySelector(".details")?.focus();
  } catch (error) {
    tellError(byId("sent-error"), signInOr(error));
    byId("more").textContent = "Try again";
    byId("more-row").hidden = false;
    return;
  } finally {
    tell(byId("sent-loading"), "");
  }
  byId("more").textContent = "Show more";
  byId("more-row").hidden = next === null;
  byId("sent-empty").hidden = byId("transfers").children.length > 0;
}

wireAccount();
wireDialogs();
byId("more").addEventListener("click", () => whileBusy(/** @type {HTMLButtonElement} */ (byId("more")), loadMore));
loadMore();
