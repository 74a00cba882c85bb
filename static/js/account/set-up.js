// Setting up a second step: a passkey, or an authenticator app.

import { call } from "../api.js";
import { byId, showStep, tellError, whileBusy } from "../dom.js";
import { hasPasskeys, makePasskey } from "../passkeys.js";
import { drawQr } from "../qr.js";
import { WorkerLink, wasmSource } from "../worker-link.js";

/**
 * @typedef {object} Page  what the page does with what comes of it
 * @property {(error: unknown) => string} told  the sentence for an error
 * @property {(codes: string[]) => Promise<void>} showCodes
 */

/** Wires the buttons that begin, and the forms behind them. @param {Page} page */
export function wireSetUp(page) {
  wireApp(page);
  const begin = document.getElementById("add-passkey");
  if (!begin) return;
  if (!hasPasskeys()) {
    begin.hidden = true;
    byId("passkey-hint").textContent = "This browser is too old for passkeys. An authenticator app works.";
    return;
  }
  wirePasskey(begin, page);
}

/**
 * @param {HTMLElement} begin
 * @param {Page} page
 */
function wirePasskey(begin, { told, showCodes }) {
  const name = /** @type {HTMLInputElement} */ (byId("passkey-name"));
  begin.addEventListener("click", () => {
    tellError(byId("passkey-error"), "", name);
    name.value = "";
    showStep("passkey");
  });
  byId("step-passkey").addEventListener("submit", (event) => {
    event.preventDefault();
    const fault = name.value.trim() === "" ? "Please give it a name first." : "";
    tellError(byId("passkey-error"), fault, name);
    if (fault) return;
    whileBusy(byId("make-passkey"), async () => {
      try {
        const credential = await makePasskey(await call("POST", "/account/passkey"));
        const { recovery_codes: codes } = await call("POST", "/account/passkey/confirm", { name: name.value.trim(), credential });
        await showCodes(codes);
      } catch (error) {
        tellError(byId("passkey-error"), told(error));
      }
    });
  });
}

/** @param {Page} page */
function wireApp({ told, showCodes }) {
  const name = /** @type {HTMLInputElement} */ (byId("app-name"));
  const code = /** @type {HTMLInputElement} */ (byId("app-code"));
  byId("add-app").addEventListener("click", () =>
    whileBusy(byId("add-app"), async () => {
      tellError(byId("account-error"), "");
      try {
        const { secret, uri } = await call("POST", "/account/app");
        await drawSecret(secret, uri);
      } catch (error) {
        tellError(byId("account-error"), told(error));
        return;
      }
      tellError(byId("app-error"), "", code);
      name.value = code.value = "";
      showStep("app");
    }),
  );
  byId("step-app").addEventListener("submit", (event) => {
    event.preventDefault();
    const [fault, field] = firstFault(name, code);
    tellError(byId("app-error"), fault, field);
    if (fault) return;
    whileBusy(byId("confirm-app"), async () => {
      try {
        const { recovery_codes: codes } = await call("POST", "/account/app/confirm", { name: name.value.trim(), code: code.value.trim() });
        await showCodes(codes);
      } catch (error) {
        tellError(byId("app-error"), told(error), code);
        code.select();
      }
    });
  });
}

/**
 * @param {HTMLInputElement} name
 * @param {HTMLInputElement} code
 * @returns {[string, HTMLInputElement]}
 */
function firstFault(name, code) {
  name.removeAttribute("aria-invalid");
  code.removeAttribute("aria-invalid");
  if (name.value.trim() === "") return ["Please give it a name first.", name];
  const digits = code.value.replace(/\s/g, "");
  return [/^\d{6}$/.test(digits) ? "" : "The app shows six digits. Please type them here.", code];
}

/**
 * The picture that the telephone reads. Without WebAssembly there is only the text, which does as well.
 * @param {string} secret
 * @param {string} uri
 */
async function drawSecret(secret, uri) {
  byId("app-secret").textContent = secret.replace(/(.{4})(?=.)/g, "$1 ");
  /** @type {WorkerLink | undefined} */
  let link;
  try {
    link = new WorkerLink("seal-worker");
    await link.ask("load", wasmSource());
    byId("app-qr").replaceChildren(drawQr(await link.ask("qr", { text: uri }), "QR code for the authenticator app; the text below says the same"));
  } catch {
    byId("app-qr").replaceChildren();
    /** @type {HTMLDetailsElement} */ (byId("app-secret-details")).open = true;
  } finally {
    link?.terminate();
  }
}
