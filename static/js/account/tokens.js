// Access tokens: made, told once, revoked.

import { Problem, call } from "../api.js";
import { wireCopy } from "../copy.js";
import { confirmIn } from "../dialog.js";
import { byId, isolated, make, showStep, tellError, whileBusy } from "../dom.js";
import { when } from "../format.js";

/** Where the form waits while its person shows the second step once more; the server has not made anything yet. */
const WAITING = "filmjacket-token-form";

/**
 * @typedef {object} Page  what the page does with what comes of it
 * @property {(error: unknown) => string} told  the sentence for an error
 * @property {(work: () => Promise<any>) => Promise<void>} change  does it and shows the page anew
 * @property {() => Promise<void>} load
 */

/** Fills the list of tokens. @param {any} account @param {Page} page */
export function drawTokens({ tokens, factors }, page) {
  byId("tokens").replaceChildren(...tokens.map((/** @type {any} */ token) => drawToken(token, page)));
  byId("tokens").hidden = tokens.length === 0;
  byId("add-token-row").hidden = factors.length === 0;
  byId("tokens-need-factor").hidden = factors.length > 0;
}

/** @param {any} token @param {Page} page */
function drawToken(token, page) {
  const isOver = Date.parse(token.expires_at) <= Date.now();
  const state = isOver ? [" ", make("span", { class: "state", text: "expired" })] : [];
  const facts = [`made ${when(token.created_at)}`, `${isOver ? "ended" : "ends"} ${when(token.expires_at)}`, token.last_used_at ? `last used about ${when(token.last_used_at)}` : "not used yet"];
  return make(
    "li",
    { class: "entry" },
    make("div", {}, isolated(token.name), ...state, make("p", { class: "meta", text: token.scopes.join(" · ") }), make("p", { class: "meta", text: facts.join(" · ") })),
    make("div", { class: "buttons" }, make("button", { class: "btn danger revoke", type: "button", "aria-label": `Revoke ${token.name}`, text: "Revoke", onclick: () => revoke(token, page) })),
  );
}

/** @param {any} token @param {Page} page */
async function revoke(token, { change }) {
  byId("revoke-name").textContent = token.name;
  if (!(await confirmIn(/** @type {HTMLDialogElement} */ (byId("revoke-dialog")), byId("revoke-confirm"), byId("revoke-keep")))) return;
  await change(() => call("DELETE", `/account/tokens/${token.token_id}`));
}

/** Wires the form and what follows it. @param {Page} page */
export function wireTokens({ told, load }) {
  const name = /** @type {HTMLInputElement} */ (byId("token-name"));
  const days = /** @type {HTMLInputElement} */ (byId("token-days"));
  const form = /** @type {HTMLFormElement} */ (byId("step-token"));
  const boxes = /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll("[name=scope]")]);
  let secret = "";
  const waiting = JSON.parse(sessionStorage.getItem(WAITING) ?? "null");
  sessionStorage.removeItem(WAITING);
  if (waiting) {
    name.value = waiting.name;
    days.value = waiting.days;
    for (const box of boxes) box.checked = waiting.scopes.includes(box.value);
    showStep("token");
  }
  byId("add-token").addEventListener("click", () => {
    form.reset();
    tellError(byId("token-error"), "", name);
    showStep("token");
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const scopes = boxes.filter((box) => box.checked).map((box) => box.value);
    const [fault, field] = firstFault(name, days, scopes);
    for (const other of [name, days]) other.removeAttribute("aria-invalid");
    tellError(byId("token-error"), fault, field);
    if (fault) return;
    whileBusy(byId("make-token"), async () => {
      try {
        const { token, entry } = await call("POST", "/account/tokens", { name: name.value.trim(), scopes, days: days.valueAsNumber });
        secret = token;
        byId("token-text").textContent = token;
        byId("token-facts").replaceChildren(isolated(entry.name), ` · ${entry.scopes.join(" · ")} · ends ${when(entry.expires_at)}`);
        showStep("token-made");
      } catch (error) {
        if (error instanceof Problem && error.kind === "step-up-needed") {
          sessionStorage.setItem(WAITING, JSON.stringify({ name: name.value, scopes, days: days.value }));
        }
        tellError(byId("token-error"), told(error));
      }
    });
  });
  wireCopy(byId("copy-token"), () => secret);
  byId("token-kept").addEventListener("click", async () => {
    secret = "";
    byId("token-text").textContent = "";
    await load();
    showStep("account");
  });
}

/**
 * @param {HTMLInputElement} name
 * @param {HTMLInputElement} days
 * @param {string[]} scopes
 * @returns {[string, HTMLInputElement | undefined]}
 */
function firstFault(name, days, scopes) {
  if (name.value.trim() === "") return ["Please say what it is for first.", name];
  if (scopes.length === 0) return ["Please choose what the program may do.", undefined];
  if (!days.validity.valid) return [`Please give a number of days from 1 to ${days.max}.`, days];
  return ["", undefined];
}
