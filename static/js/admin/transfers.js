// Transfers of others: a department's, or all that are under way. Which, and whether they can be ended, the page says.

import { signInOr, wireAccount } from "../account.js";
import { call } from "../api.js";
import { addressText, byId, isolated, make, tell, tellError, whileBusy } from "../dom.js";
import { when } from "../format.js";
import { attemptsWords, filesWords, isLive, mailWords, openingsWords, stateWords } from "../sent/words.js";
import { ask, pagedList } from "./pages.js";

const { calls, mayEnd } = byId("main").dataset;

/** @param {any} transfer */
function draw(transfer) {
  const { sender } = transfer;
  const { text, tone } = stateWords(transfer);
  const isDraft = transfer.state === "draft";
  const from = make("div", {}, make("p", { class: "to" }, addressText(sender.email)));
  if (sender.name) from.append(make("p", { class: "meta" }, isolated(sender.name)));
  if (mayEnd && sender.department) from.append(make("p", { class: "meta" }, isolated(sender.department)));
  const facts = [isDraft ? "" : openingsWords(transfer), isDraft ? "" : mailWords(transfer), attemptsWords(transfer)];
  if (isLive(transfer)) facts.push(`until ${when(transfer.expires_at)}`);
  const line = make(
    "li",
    { class: "transfer" },
    from,
    make("div", {}, make("p", {}, "to ", addressText(transfer.recipient.email)), make("p", { class: "meta", text: `${when(transfer.created_at)}, ${filesWords(transfer)}` })),
    make("div", {}, make("span", { class: `state ${tone}`, text }), ...facts.filter(Boolean).map((fact) => make("p", { class: "meta", text: fact }))),
  );
  if (mayEnd) {
    const end = make("button", { type: "button", class: "btn danger end", text: "End now", "aria-label": `End now: the transfer from ${sender.email} to ${transfer.recipient.email}` });
    end.addEventListener("click", () => whileBusy(end, () => endNow(transfer, line)));
    line.append(make("div", { class: "buttons" }, end));
  }
  return line;
}

/**
 * @param {any} transfer
 * @param {HTMLElement} line
 */
async function endNow(transfer, line) {
  const title = ["End this transfer now?"];
  const text = `The link from ${transfer.sender.email} to ${transfer.recipient.email} stops working at once, also for files that are being fetched. The files are removed. This cannot be taken back.`;
  if (!(await ask({ title, text, yes: "End now" }))) return;
  tellError(byId("transfers-error"), "");
  try {
    await call("POST", `/admin/transfers/${transfer.transfer_id}/end`);
    line.remove();
    tell(byId("transfers-note"), `The transfer to ${transfer.recipient.email} has ended.`);
    byId("search").focus();
  } catch (error) {
    tellError(byId("transfers-error"), signInOr(error));
  }
}

const load = pagedList("transfers", async (search, next) => {
  const before = next ? `&before=${next}` : "";
  const page = await call("GET", `${calls}?limit=20&search=${encodeURIComponent(search)}${before}`);
  return { lines: page.transfers.map(draw), next: page.next };
});

wireAccount();
load();
