// The way to a mailed code, on pages that begin with an address: #step-address (a form with #email, #address-error and the button
// #send-code), then #step-code with #code-address, the form for the code, and #change-address.

import { addressFault } from "./address.js";
import { CodeForm, refusal } from "./code-form.js";
import { byId, showStep, tellError, whileBusy } from "./dom.js";

export class AddressForm {
  #email = /** @type {HTMLInputElement} */ (byId("email"));
  #code;
  #mail;

  /**
   * @param {{mail: (email: string) => Promise<void>, enter: (email: string, code: string) => Promise<void>}} work
   *     asks for a code; trades one
   */
  constructor({ mail, enter }) {
    this.#mail = mail;
    this.#code = new CodeForm({ mail: () => mail(this.#address()), enter: (code) => enter(this.#address(), code), refused: () => false });
    byId("step-address").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    byId("change-address").addEventListener("click", () => {
      showStep("address", { focus: false });
      this.#email.focus();
    });
  }

  /** Empties the form, for the next person. */
  clear() {
    this.#email.value = "";
  }

  #address() {
    return this.#email.value.trim();
  }

  #submit() {
    const fault = addressFault(this.#address());
    tellError(byId("address-error"), fault, this.#email);
    if (fault) return;
    whileBusy(byId("send-code"), async () => {
      try {
        await this.#mail(this.#address());
      } catch (error) {
        tellError(byId("address-error"), refusal(error).message, this.#email);
        return;
      }
      byId("code-address").textContent = this.#address();
      showStep("code", { focus: false });
      this.#code.clear();
    });
  }
}
