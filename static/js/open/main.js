// The open page: link → passcode → files. The fragment is read here and goes to the worker; no address ever carries it.

import { addressText, byId, isolated, showStep, tell, tellError, whileBusy } from "../dom.js";
import { counted, lasting, until } from "../format.js";
import { WorkerLink, missingParts, wasmSource } from "../worker-link.js";
import { FileList, describeTotal } from "./files.js";
import { MailboxStep } from "./mailbox.js";
import { PasscodeField } from "./passcode.js";
import { Saving } from "./saving.js";

/** @type {WorkerLink} */
let link;
/** @type {{sender: {name: string, organisation: string}, recipientKind: string, expiresAt: string}} */
let linked;
/** @type {FileList | null} */
let list = null;
/** @type {Saving | null} */
let saving = null;
/** @type {PasscodeField} */
let field;
/** @type {MailboxStep} */
let mailbox;

/** Sentences for what the passcode check finds before anything is asked of the server. @type {Record<string, string>} */
const TYPING = {
  "check-symbol": "There is a typing mistake in it: please compare it once more with what you were told. No try was used up.",
  "passcode-symbol": "There is a character in it that no passcode has. It has digits and letters, without U. No try was used up.",
  "passcode-length": "A passcode has 16 letters and digits.",
};

async function look() {
  showStep("checking", { focus: false });
  try {
    linked = await link.ask("look", { fragment: location.hash.replace(/^#/, "") });
  } catch (error) {
    showLinkProblem(error);
    return;
  }
  showPasscode();
}

/** @param {any} error */
function showLinkProblem(error) {
  if (error.kind === "damaged-link") showStep("damaged");
  else if (error.kind === "mailbox-code-needed") mailbox.show(error.mailbox);
  else if (error.kind === "link-invalid") showStep("ended");
  else {
    byId("offline-reason").textContent = `${error.message} Nothing was used up.`;
    showStep("offline");
  }
}

function showPasscode() {
  const { sender, recipientKind, expiresAt } = linked;
  const patient = recipientKind === "patient";
  byId("main").classList.toggle("patient", patient);
  for (const part of document.querySelectorAll("[data-for]")) {
    /** @type {HTMLElement} */ (part).hidden = /** @type {HTMLElement} */ (part).dataset.for !== recipientKind;
  }
  byId("sender-name").textContent = sender.name;
  byId("passcode-giver").textContent = sender.name;
  byId("sender-line").textContent = [sender.organisation, `They can be opened until ${until(expiresAt)}.`].filter(Boolean).join(" · ");
  showStep("passcode");
}

/** Finds typing mistakes as soon as all 16 are there. */
async function onPasscode(/** @type {string} */ passcode, /** @type {boolean} */ complete) {
  tellPasscode("");
  if (!complete) return;
  const sentence = await typingMistake(passcode);
  // What was typed meanwhile counts, not what was asked about.
  if (field.text !== passcode) return;
  if (sentence) tellPasscode(sentence);
  // Whatever is wrong with it will be told on opening.
  else link.ask("prepare", { passcode }).catch(() => {});
}

async function typingMistake(/** @type {string} */ passcode) {
  try {
    await link.ask("check", { passcode });
    return "";
  } catch (error) {
    const kind = /** @type {any} */ (error).kind;
    if (kind === "passcode-length") return `${TYPING[kind]} This has ${passcode.length}.`;
    return TYPING[kind] ?? /** @type {Error} */ (error).message;
  }
}

/** @param {string} sentence */
function tellPasscode(sentence) {
  tell(byId("passcode-error"), sentence);
  field.mark(sentence !== "");
}

/** @returns {Promise<number>} seconds to pause before the next try */
async function unlock() {
  const passcode = field.text;
  const sentence = await typingMistake(passcode);
  if (sentence) {
    tellPasscode(sentence);
    field.focus();
    return 0;
  }
  tell(byId("opening-note"), "Opening …");
  try {
    showFiles(await link.ask("unlock", { passcode }));
    return 0;
  } catch (error) {
    return refuse(/** @type {any} */ (error));
  } finally {
    tell(byId("opening-note"), "");
  }
}

/** @param {any} error @returns {number} seconds to pause */
function refuse(error) {
  if (error.kind === "link-invalid") {
    showStep("ended");
    return 0;
  }
  if (error.kind === "mailbox-code-needed") {
    mailbox.show(error.mailbox, { again: true });
    return 0;
  }
  tellPasscode(refusalSentence(error));
  field.focus();
  return error.retryAfter ?? 0;
}

function refusalSentence(error) {
  if (error.kind === "damaged") return "These files do not arrive as the sender sealed them: something was damaged or changed on the way. Please ask the sender to send them again.";
  if (error.kind === "unsupported") return "This was sealed in a way that this page does not know. Please reload the page, or ask the sender to send it again.";
  if (error.kind !== "wrong-passcode") return error.message;
  const tries = error.tries > 0 ? ` You have ${counted(error.tries, "more try", "more tries")} before a pause.` : "";
  return `This passcode does not open these files. Is it perhaps for another mail?${tries}`;
}

/** After wrong passcodes the server asks for a pause; the page shows how long. @param {number} seconds */
function countDown(seconds) {
  const end = Date.now() + seconds * 1000;
  const button = byId("open");
  button.setAttribute("aria-disabled", "true");
  const tick = () => {
    const left = Math.ceil((end - Date.now()) / 1000);
    const over = left <= 0;
    tell(byId("countdown"), over ? "" : `You can try again in ${lasting(left)}.`);
    if (!over) return;
    clearInterval(timer);
    button.removeAttribute("aria-disabled");
    tell(byId("opening-note"), "You can try again now.");
  };
  const timer = setInterval(tick, 1000);
  tick();
}

/** @param {any} opened */
function showFiles(opened) {
  const patient = linked.recipientKind === "patient";
  byId("files-title").textContent = patient ? "Your images" : "The images";
  // What was sealed with the files; until now the server alone said who sent them.
  byId("from").replaceChildren("From ", isolated(opened.sender.name), ", ", addressText(opened.sender.email), ".");
  tell(byId("message"), opened.message);
  byId("come-back").textContent = `Save what you need now: while this page stays open, saving again is free. Opening the link again uses up another opening, if any is left, until ${until(linked.expiresAt)}.`;
  saving = new Saving(link);
  list = new FileList(opened.files, link, saveOne);
  describeTotal(opened.files);
  byId("save-all").hidden = opened.files.length < 2;
  byId("save-all").addEventListener("click", () => saveAll(opened.files));
  showStep("files");
  list.showPreviews();
}

/** @param {import("./files.js").OpenedFile} file */
async function saveOne(file) {
  const saved = await saving?.save({ name: file.name, length: file.plain_len, indexes: [file.index], zip: false, ready: async () => list?.settled(file.index) });
  if (saved) list?.setStatus(file.index, "verified, saved");
}

/** @param {import("./files.js").OpenedFile[]} files */
async function saveAll(files) {
  const length = files.reduce((sum, file) => sum + file.plain_len, 0);
  const day = new Date().toISOString().slice(0, 10);
  const indexes = files.map((file) => file.index);
  const saved = await saving?.save({
    name: `images ${day}.zip`,
    length,
    indexes,
    zip: true,
    ready: async () => void (await Promise.all(indexes.map((index) => list?.settled(index)))),
  });
  if (saved) for (const index of indexes) list?.setStatus(index, "verified, saved");
}

/** @param {any} event  from the worker */
function onEvent(event) {
  if (event.type === "verified") list?.handleVerified(event);
  else saving?.handle(event);
}

async function start() {
  const missing = missingParts();
  if (missing.length > 0) {
    showUnsupported(missing.join(", "));
    return;
  }
  field = new PasscodeField(onPasscode);
  byId("step-passcode").addEventListener("submit", (event) => {
    event.preventDefault();
    whileBusy(/** @type {HTMLButtonElement} */ (byId("open")), unlock).then((pause) => {
      if (pause) countDown(pause);
    });
  });
  byId("try-again").addEventListener("click", look);
  // Another link pasted into the same tab changes only the fragment; everything starts anew.
  window.addEventListener("hashchange", () => location.reload());
  link = new WorkerLink("open-worker", onEvent);
  mailbox = new MailboxStep(link, look, (refused) => {
    if (refused.kind === "link-invalid") showStep("ended");
    return refused.kind === "link-invalid";
  });
  try {
    await link.ask("load", wasmSource());
  } catch (error) {
    showUnsupported(/** @type {Error} */ (error).message);
    return;
  }
  await look();
}

/** @param {string} what */
function showUnsupported(what) {
  byId("missing-parts").textContent = what;
  showStep("unsupported");
}

start();
