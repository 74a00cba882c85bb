// The sign-in page: address, then the code from the mail, on one page.

import { SESSION_CHANNEL } from "./account.js";
import { AddressForm } from "./address-form.js";
import { call } from "./api.js";

new AddressForm({
  mail: (email) => call("POST", "/sign-in", { email }),
  async enter(email, code) {
    await call("POST", "/sign-in/code", { email, code });
    new BroadcastChannel(SESSION_CHANNEL).postMessage("signed-in");
    // At another address than the first page's, this page stood in for one that needs somebody signed in. Else the server
    // knows where they work.
    if (location.pathname === "/") location.assign("/");
    else location.reload();
  },
});
