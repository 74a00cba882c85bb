// The account page: second steps, recovery codes, sessions, access tokens.

import { signInOr, wireAccount } from "../account.js";
import { Problem, call } from "../api.js";
import { wireCopy } from "../copy.js";
import { confirmIn, openDialog } from "../dialog.js";
import { byId, isolated, make, showStep, tell, tellError, whileBusy } from "../dom.js";
import { counted, when } from "../format.js";
import { wireSetUp } from "./set-up.js";
import { drawTokens, wireTokens } from "./tokens.js";

const mustSetUp = "mustSetUp" in byId("main").dataset;
/** @type {any} */
let account;
/** @type {string[]} */
let codes = [];

/**
 * The sentence for an error; leaves for what is left of the sign-in if that is what it asks for.
 * @param {unknown} error
 */
function told(error) {
  if (error instanceof Problem && error.kind === "passkey") return error.message;
  return signInOr(error);
}

const KINDS = { passkey: "Passkey", app: "Authenticator app" };

/** What lets somebody in who has no second step here. */
const ALONE = {
  code: "You sign in with the code from your mail alone. With a second step, whoever gets into your mailbox still cannot act as you.",
  provider: "You sign in by your clinic, and have no second step here. With one, whoever gets your password there still cannot act as you.",
};

/** @param {any} factor */
function drawFactor(factor) {
  const used = factor.last_used_at ? `last used ${when(factor.last_used_at)}` : "not used yet";
  return make(
    "li",
    { class: "entry" },
    make("div", {}, isolated(factor.name), make("p", { class: "meta", text: `${KINDS[/** @type {keyof typeof KINDS} */ (factor.kind)]} · added ${when(factor.created_at)} · ${used}` })),
    make(
      "div",
      { class: "buttons" },
      make("button", { class: "btn rename", type: "button", "aria-label": `Rename ${factor.name}`, text: "Rename", onclick: () => rename(factor) }),
      make("button", { class: "btn danger remove", type: "button", "aria-label": `Remove ${factor.name}`, text: "Remove", onclick: () => remove(factor) }),
    ),
  );
}

/** @param {any} session */
function drawSession(session) {
  const where = session.network || "an unknown network";
  const here = session.is_this ? [" ", make("span", { class: "state good", text: "this one" })] : [];
  const end = make("button", { class: "btn end", type: "button", "aria-label": `End the session in ${where}`, text: "End", onclick: (/** @type {Event} */ event) => endSession(/** @type {HTMLElement} */ (event.currentTarget), session) });
  return make(
    "li",
    { class: "entry" },
    make("div", {}, make("span", { class: "name", text: where }), ...here, make("p", { class: "meta", text: `since ${when(session.created_at)} · last seen ${when(session.seen_at)}` })),
    make("div", { class: "buttons" }, ...(session.is_this ? [] : [end])),
  );
}

async function load() {
  try {
    account = await call("GET", "/account");
  } catch (error) {
    tellError(byId("account-error"), told(error));
    return;
  } finally {
    tell(byId("account-loading"), "");
  }
  const { factors, sessions, second_step: rule, recovery_codes: left } = account;
  byId("factors").replaceChildren(...factors.map(drawFactor));
  byId("factors").hidden = factors.length === 0;
  tell(byId("factors-none"), factors.length > 0 || mustSetUp ? "" : account.provider ? ALONE.provider : ALONE.code);
  byId("add-factors").hidden = rule === "none";
  byId("recovery").hidden = factors.length === 0;
  byId("recovery-left").textContent = left === 0 ? "You have none. Without one, a lost telephone means asking your administrator." : `${counted(left, "code")} left, each for one sign-in.`;
  if (mustSetUp) return;
  byId("sessions").replaceChildren(...sessions.map(drawSession));
  byId("end-others-row").hidden = sessions.length < 2;
  drawTokens(account, tokenPage);
  drawProvider(account.provider);
}

/** Whether the clinic's own sign-in is connected; the page has no place for it where there is none. @param {any} provider */
function drawProvider(provider) {
  if (!document.getElementById("connected")) return;
  byId("connected").hidden = !provider;
  byId("not-connected").hidden = Boolean(provider);
  if (!provider) return;
  byId("connected-since").textContent = `since ${when(provider.since)}`;
  tell(byId("connected-stays"), provider.stays ?? "");
  byId("disconnect-row").hidden = provider.stays !== null;
}

async function disconnect() {
  if (!(await confirmIn(/** @type {HTMLDialogElement} */ (byId("disconnect-dialog")), byId("disconnect-confirm"), byId("disconnect-keep")))) return;
  try {
    await call("DELETE", "/account/identity");
    location.assign("/");
  } catch (error) {
    tellError(byId("account-error"), told(error));
  }
}

/** @param {any} factor */
async function remove(factor) {
  byId("remove-name").textContent = factor.name;
  byId("remove-text").textContent =
    account.factors.length > 1 ? "It can no longer be used to sign in." : "It is your last one: from then on, the code from your mail is enough to sign in. Your recovery codes go with it.";
  if (!(await confirmIn(/** @type {HTMLDialogElement} */ (byId("remove-dialog")), byId("remove-confirm"), byId("remove-keep")))) return;
  await change(() => call("DELETE", `/account/factors/${factor.factor_id}`));
}

/** @param {any} factor */
function rename(factor) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("rename-dialog"));
  const name = /** @type {HTMLInputElement} */ (byId("rename-name"));
  name.value = factor.name;
  tellError(byId("rename-error"), "", name);
  byId("rename-form").onsubmit = async (event) => {
    event.preventDefault();
    try {
      await call("PUT", `/account/factors/${factor.factor_id}`, { name: name.value.trim() });
      dialog.close();
      await load();
    } catch (error) {
      tellError(byId("rename-error"), told(error), name);
    }
  };
  openDialog(dialog);
  name.select();
}

/**
 * @param {HTMLElement} button
 * @param {any} session
 */
function endSession(button, session) {
  whileBusy(button, () => change(() => call("DELETE", `/account/sessions/${session.session_id}`)));
}

/** @param {() => Promise<any>} work */
async function change(work) {
  tellError(byId("account-error"), "");
  try {
    await work();
    await load();
    // The button that was pressed is gone with its line.
    byId("step-account").querySelector("h1")?.focus({ preventScroll: true });
  } catch (error) {
    tellError(byId("account-error"), told(error));
  }
}

/** Shows recovery codes, or the page again if there are none to show. @param {string[]} fresh */
async function showCodes(fresh) {
  codes = fresh;
  if (codes.length === 0) {
    await load();
    showStep("account");
    return;
  }
  byId("codes").replaceChildren(...codes.map((text) => make("li", { text })));
  showStep("codes");
}

const tokenPage = { told, change, load };
if (!mustSetUp) wireTokens(tokenPage);
wireAccount();
wireSetUp({ told, showCodes });
wireCopy(byId("copy-codes"), () => codes.join("\n"));
byId("print-codes").addEventListener("click", () => window.print());
byId("codes-kept").addEventListener("click", async () => {
  codes = [];
  byId("codes").replaceChildren();
  if (mustSetUp) {
    location.assign("/");
    return;
  }
  await load();
  showStep("account");
});
byId("make-codes").addEventListener("click", async () => {
  if (!(await confirmIn(/** @type {HTMLDialogElement} */ (byId("codes-dialog")), byId("codes-confirm"), byId("codes-keep")))) return;
  try {
    await showCodes((await call("POST", "/account/recovery-codes")).recovery_codes);
  } catch (error) {
    tellError(byId("account-error"), told(error));
  }
});
document.getElementById("disconnect")?.addEventListener("click", () => whileBusy(byId("disconnect"), disconnect));
document.getElementById("end-others")?.addEventListener("click", () => whileBusy(byId("end-others"), () => change(() => call("DELETE", "/account/sessions"))));
for (const back of document.querySelectorAll("button.back")) back.addEventListener("click", () => showStep("account"));
load();
