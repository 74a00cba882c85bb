// The page behind the link on the server's console. Its secret stands in the fragment, which no server on the way sees.

import { signInOr, wireAccount } from "../account.js";
import { call } from "../api.js";
import { byId, tellError, whileBusy } from "../dom.js";

wireAccount();

byId("become-first").addEventListener("click", () =>
  whileBusy(byId("become-first"), async () => {
    tellError(byId("first-error"), "");
    const token = location.hash.slice(1);
    if (!/^[\w-]{43}$/.test(token)) {
      tellError(byId("first-error"), "The link is not complete. Please copy the whole line from the server's console.");
      return;
    }
    try {
      await call("POST", "/first-administrator", { token });
      location.assign("/admin/people");
    } catch (error) {
      tellError(byId("first-error"), signInOr(error));
    }
  }),
);
