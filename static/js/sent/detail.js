// One transfer in detail, with its log.

import { signInOr, wireAccount } from "../account.js";
import { call } from "../api.js";
import { addressText, byId, make, tell, tellError } from "../dom.js";
import { times, until, when } from "../format.js";
import { labelOf } from "../labels.js";
import { actionButtons, wireDialogs } from "./actions.js";
import { attemptsWords, filesWords, isLive, mailWords, openingsWords, stateWords } from "./words.js";

const transferId = /** @type {string} */ (byId("main").dataset.transferId);

/** The audit events that concern a transfer, in words that a detail may follow; an unknown one is shown by its name. @type {Record<string, string>} */
const EVENTS = {
  "transfer.created": "Upload started",
  "transfer.file_restarted": "A file changed or was interrupted, and started again",
  "transfer.sealed": "Sealed, link queued for mailing",
  "mailbox.asked": "Code mailed to the recipient",
  "mailbox.proven": "Code typed",
  "mailbox.refused": "Wrong code",
  "transfer.opened": "Opened with the passcode",
  "transfer.refused": "Wrong passcode",
  "transfer.received": "Received",
  "transfer.revoked": "Ended by the sender",
  "transfer.expired": "Expired",
  "transfer.used_up": "Last opening used up",
  "transfer.purged": "Files removed from the server",
  "transfer.resent": "New link mailed, the old one stopped working",
  "mail.accepted": "Mail handed over",
  "mail.refused": "Mail refused",
};

function drawFacts(transfer) {
  const { text, tone } = stateWords(transfer);
  byId("detail-recipient").replaceChildren(addressText(transfer.recipient.email));
  tell(byId("detail-label"), labelOf(transferId));
  byId("detail-state").replaceChildren(make("span", { class: `state ${tone}`, text }));
  byId("detail-mail").textContent = mailWords(transfer);
  byId("detail-begun").textContent = when(transfer.created_at);
  byId("detail-link").textContent = linkWords(transfer);
  const attempts = attemptsWords(transfer);
  byId("detail-openings").textContent = `${openingsWords(transfer)}${transfer.openings ? "" : ` (${times(transfer.max_openings)} at most)`}${attempts ? `; ${attempts}` : ""}`;
  byId("detail-files").textContent = filesWords(transfer);
  byId("detail-proof").textContent = transfer.mailbox_code ? "the passcode, and before it a code by mail" : "the passcode";
  byId("detail-actions").replaceChildren(...(isLive(transfer) ? actionButtons(transfer, load) : []));
}

function linkWords(transfer) {
  if (transfer.ended_at) return `ended ${when(transfer.ended_at)}`;
  return transfer.state === "draft" ? "not made yet" : `works until ${until(transfer.expires_at)}`;
}

function drawEvent(event) {
  const what = EVENTS[event.event] ?? event.event;
  const from = event.address ? ` from ${event.address}` : "";
  return make(
    "li",
    {},
    make("time", { class: "meta", datetime: event.at, text: when(event.at) }),
    make("span", {}, event.detail ? `${what}: ${event.detail}` : what, make("span", { class: "meta", text: ` by ${event.actor}${from}` })),
  );
}

async function load() {
  try {
    const [transfer, log] = await Promise.all([call("GET", `/transfers/${transferId}`), call("GET", `/transfers/${transferId}/log`)]);
    drawFacts(transfer);
    byId("log").replaceChildren(...log.events.map(drawEvent));
    byId("detail").hidden = false;
  } catch (error) {
    tellError(byId("detail-error"), signInOr(error));
  } finally {
    tell(byId("detail-loading"), "");
  }
}

wireAccount();
wireDialogs();
load();
