// The second step: a passkey, the code of an app, or a recovery code. After the mailed code, or once more before a
// dangerous act; the fragment then says where that is.

import { SESSION_CHANNEL, signInOr, wireAccount } from "./account.js";
import { Problem, call } from "./api.js";
import { byId, tellError, whileBusy } from "./dom.js";
import { hasPasskeys, showPasskey } from "./passkeys.js";

const code = /** @type {HTMLInputElement} */ (byId("code"));
const error = byId("second-step-error");

wireAccount();

/** @param {() => Promise<void>} show */
async function finish(show) {
  tellError(error, "", code);
  try {
    await show();
  } catch (problem) {
    tellError(error, problem instanceof Problem && problem.kind === "passkey" ? problem.message : signInOr(problem));
    return;
  }
  new BroadcastChannel(SESSION_CHANNEL).postMessage("signed-in");
  // At another address than its own, this page stood in for one that needs somebody wholly signed in.
  if (location.pathname !== "/second-step") location.reload();
  // Only paths of this server: a fragment may come from anyone.
  else location.assign(/^#[a-z][a-z/-]*$/.test(location.hash) ? `/${location.hash.slice(1)}` : "/");
}

const passkey = document.getElementById("use-passkey");
if (passkey) {
  passkey.addEventListener("click", () =>
    whileBusy(passkey, () =>
      finish(async () => {
        if (!hasPasskeys()) throw new Problem({ kind: "passkey", status: 0, detail: "This browser is too old for passkeys. Please use a recovery code, or a current browser." });
        const credential = await showPasskey(await call("POST", "/sign-in/passkey"));
        await call("POST", "/sign-in/passkey/answer", { credential });
      }),
    ),
  );
}

byId("code-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (code.value.trim() === "") {
    tellError(error, "Please enter the code first.", code);
    return;
  }
  whileBusy(byId("send-code"), () =>
    finish(async () => {
      try {
        await call("POST", "/sign-in/second-step", { code: code.value.trim() });
      } catch (problem) {
        code.select();
        throw problem;
      }
    }),
  );
});

(passkey ?? code).focus();
