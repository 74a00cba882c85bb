// The page where a sender gives the name and organisation that recipients will see.

import { signInOr, wireAccount } from "./account.js";
import { call } from "./api.js";
import { byId, tellError, whileBusy } from "./dom.js";

wireAccount();

const name = /** @type {HTMLInputElement} */ (byId("name"));
const organisation = /** @type {HTMLInputElement} */ (byId("organisation"));

byId("profile-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const fault = name.value.trim() === "" ? "Please enter your name, as recipients know you." : "";
  tellError(byId("profile-error"), fault, name);
  if (fault) return;
  whileBusy(byId("save-profile"), async () => {
    try {
      await call("PUT", "/me", { name: name.value.trim(), organisation: organisation.value.trim() });
      location.assign("/");
    } catch (error) {
      tellError(byId("profile-error"), signInOr(error));
    }
  });
});
