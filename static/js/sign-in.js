// The sign-in page: address, then the code from the mail, on one page.

import { SESSION_CHANNEL } from "./account.js";
import { addressFault } from "./address.js";
import { Problem, call } from "./api.js";
import { byId, tell, tellError, whileBusy } from "./dom.js";

const email = /** @type {HTMLInputElement} */ (byId("email"));
const code = /** @type {HTMLInputElement} */ (byId("code"));

/** @param {"address" | "code"} step */
function show(step) {
  byId("main").dataset.step = step;
  byId("address-step").hidden = step !== "address";
  byId("code-step").hidden = step !== "code";
}

/** @param {unknown} error */
function sentence(error) {
  if (!(error instanceof Problem)) throw error;
  return error.message;
}

async function mailCode() {
  await call("POST", "/sign-in", { email: email.value.trim() });
}

byId("address-step").addEventListener("submit", (event) => {
  event.preventDefault();
  const fault = addressFault(email.value.trim());
  tellError(byId("address-error"), fault, email);
  if (fault) return;
  whileBusy(byId("send-code"), async () => {
    try {
      await mailCode();
    } catch (error) {
      tellError(byId("address-error"), sentence(error), email);
      return;
    }
    byId("code-address").textContent = email.value.trim();
    tellError(byId("code-error"), "");
    tell(byId("code-note"), "");
    code.value = "";
    show("code");
    code.focus();
  });
});

byId("code-step").addEventListener("submit", (event) => {
  event.preventDefault();
  signIn();
});

function digits() {
  return code.value.replace(/\D/g, "");
}

function signIn() {
  const fault = digits().length === 8 ? "" : `The code has 8 digits; this has ${digits().length}.`;
  tellError(byId("code-error"), fault, code);
  if (fault) return;
  whileBusy(byId("sign-in"), async () => {
    try {
      await call("POST", "/sign-in/code", { email: email.value.trim(), code: digits() });
    } catch (error) {
      tellError(byId("code-error"), sentence(error), code);
      code.select();
      return;
    }
    new BroadcastChannel(SESSION_CHANNEL).postMessage("signed-in");
    // At another address than the first page's, this page stood in for one that needs somebody signed in. Else the server
    // knows where they work.
    if (location.pathname === "/") location.assign("/");
    else location.reload();
  });
}

byId("resend").addEventListener("click", () =>
  whileBusy(byId("resend"), async () => {
    tellError(byId("code-error"), "", code);
    try {
      await mailCode();
      tell(byId("code-note"), "A new code is on its way. The older one no longer works.");
      code.value = "";
      code.focus();
    } catch (error) {
      tellError(byId("code-error"), sentence(error), code);
    }
  }),
);

byId("change-address").addEventListener("click", () => {
  show("address");
  email.focus();
});
