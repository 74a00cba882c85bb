// The send page: one page, four steps (choose, check, progress, done), and one before them if an earlier transfer was
// interrupted (resume). Leaving loses what was typed, so it warns.

import { signInOr, wireAccount } from "../account.js";
import { call, serverNow } from "../api.js";
import { addressText, byId, isolated, make, showStep, tell, tellError, whileBusy } from "../dom.js";
import { dropDraft } from "../drafts.js";
import { bytes, counted, lasting, times, until } from "../format.js";
import { kindOf } from "../kinds.js";
import { keepLabel } from "../labels.js";
import { WorkerFault, WorkerLink, missingParts, wasmSource } from "../worker-link.js";
import { ChooseStep } from "./choose.js";
import { fillDone } from "./done.js";
import { ProgressStep } from "./progress.js";
import { ResumeStep } from "./resume.js";

/** @type {any} */
let me;
/** @type {ChooseStep} */
let choose;
/** @type {import("./choose.js").Choice} */
let choice;
/** @type {ProgressStep | null} */
let progress = null;
/** @type {WorkerLink} */
let link;
let leaving = false;

/** Fresh worker, fresh keys: nothing of an earlier try is used again. */
async function startWorker() {
  link = new WorkerLink("seal-worker", (event) => progress?.handle(event));
  await link.ask("load", wasmSource());
}

function showCheck() {
  const { files, recipient, message, lifetime, openings, mailboxCode } = choice;
  const total = files.reduce((sum, file) => sum + file.size, 0);
  byId("check-sum").replaceChildren(
    `You are sending ${counted(files.length, "file")}, ${bytes(total)}, to `,
    addressText(recipient.email),
    ".",
  );
  byId("check-recipient").replaceChildren(addressText(recipient.email));
  byId("check-kind").textContent = recipient.kind === "patient" ? "the patient; the page speaks in plain words" : "a clinician";
  byId("check-files").replaceChildren(
    ...files.map((file) => make("li", {}, isolated(file.name), make("span", { class: "meta", text: `${kindOf(file.name).label} · ${bytes(file.size)}` }))),
  );
  byId("check-message").textContent = message;
  byId("check-message").hidden = byId("check-message-term").hidden = message === "";
  byId("check-until").textContent = `for ${lasting(lifetime)}, until ${until(serverNow() + lifetime)}; can be opened ${times(openings)}`;
  byId("check-proof").textContent = mailboxCode ? "the passcode, and before it a code that we mail to the recipient" : "the passcode";
  byId("check-sender").textContent = senderName();
  tellError(byId("check-error"), "");
  showStep("check");
}

function senderName() {
  return me.organisation ? `${me.name}, ${me.organisation}` : me.name;
}

async function sealAndSend() {
  const created = serverNow();
  const order = {
    files: choice.files.map(({ name, size, lastModified }) => ({ name, size, lastModified, mediaType: kindOf(name).media })),
    sender: { name: me.name, email: me.email },
    message: choice.message,
    label: choice.label,
    created,
    expires: created + choice.lifetime,
    recipient: choice.recipient,
    maxOpenings: choice.openings,
    notifyOpened: choice.notify,
    mailboxCode: choice.mailboxCode,
  };
  await watch(order, () => link.ask("send", { order, files: choice.files }));
}

/** @param {import("./resume.js").Offer} offer @param {(File | null)[]} files */
async function goOn({ transferId, order }, files) {
  const mediaTypes = files.map((file) => (file ? kindOf(file.name).media : ""));
  const shown = { ...order, files: order.files.map((/** @type {any} */ known, /** @type {number} */ index) => files[index] ?? known) };
  await watch(shown, () => link.ask("resume", { transferId, files, mediaTypes }));
}

/**
 * Shows how a transfer gets on, and its passcode in the end.
 * @param {any} order
 * @param {() => Promise<{link: string, passcode: string, transferId: string}>} work
 */
async function watch(order, work) {
  progress = new ProgressStep(link, order.files, restart, fail);
  showStep("progress");
  let sent;
  try {
    sent = await work();
  } catch (error) {
    fail(error);
    return;
  }
  // The mail is out: whatever happens now, the passcode must be shown.
  const qr = await link.ask("qr", { text: sent.link }).catch(() => null);
  progress?.close();
  progress = null;
  link.terminate();
  if (order.label) keepLabel(sent.transferId, order.label);
  const words = { recipient: order.recipient.email, sender: senderName(), expires: order.expires, openings: order.maxOpenings };
  fillDone({ ...sent, ...words, qr }, () => {
    leaving = true;
    location.assign("/sent");
  });
  document.title = "Passcode · Filmjacket";
  showStep("done");
}

/** Offers what an earlier tab left unfinished, unless the person has begun something else meanwhile. */
async function offerDraft() {
  const offer = await link.ask("offer", { email: me.email }).catch(() => null);
  if (!offer || choose.files.length > 0 || byId("main").dataset.step !== "choose") return;
  new ResumeStep(offer, me.limits.max_file_len, (files) => whileBusy(byId("resume-go-on"), () => goOn(offer, files)));
  byId("resume-discard").onclick = async () => {
    await dropDraft(offer.transferId);
    call("POST", `/transfers/${offer.transferId}/end`).catch(() => {});
    showStep("choose");
  };
  byId("resume-later").onclick = () => showStep("choose");
  showStep("resume");
}

/** @param {unknown} error */
function fail(error) {
  if (error instanceof WorkerFault && error.kind === "stopped") return;
  progress?.abandon();
  progress = null;
  if (!(error instanceof WorkerFault)) console.error(error);
  document.title = "Nothing was sent · Filmjacket";
  showStep("failed");
  tellError(byId("failed-reason"), error instanceof Error ? error.message : String(error));
}

/** Back to the first step with everything still filled in. */
async function restart() {
  progress = null;
  document.title = "Send · Filmjacket";
  showStep("choose");
  await startWorker().catch(showUnsupported);
}

/** @param {any} error */
function showUnsupported(error) {
  byId("missing-parts").textContent = error.message;
  showStep("unsupported");
}

function warnBeforeLeaving(/** @type {BeforeUnloadEvent} */ event) {
  const step = byId("main").dataset.step;
  const something = (choose?.files.length > 0 || step === "progress" || step === "done") && step !== "failed" && step !== "unsupported";
  if (something && !leaving) event.preventDefault();
}

async function start() {
  wireAccount();
  const missing = missingParts();
  if (missing.length > 0) {
    showUnsupported({ message: missing.join(", ") });
    return;
  }
  window.addEventListener("beforeunload", warnBeforeLeaving);
  byId("back").addEventListener("click", () => showStep("choose"));
  byId("seal-and-send").addEventListener("click", () => whileBusy(byId("seal-and-send"), sealAndSend));
  byId("start-again").addEventListener("click", restart);
  try {
    me = await call("GET", "/me");
  } catch (error) {
    tell(byId("start-again-note"), signInOr(error));
    return;
  }
  choose = new ChooseStep(me, (chosen) => {
    choice = chosen;
    showCheck();
  });
  try {
    await startWorker();
  } catch (error) {
    showUnsupported(error);
    return;
  }
  await offerDraft();
}

start();
