// The form for a mailed code: #code-form with #code, #code-error, #code-note, the submit button #enter-code, and #resend.

import { Problem } from "./api.js";
import { byId, tell, tellError, whileBusy } from "./dom.js";

const DIGITS = 8;

/** @typedef {{kind?: string, message: string}} Refusal  what the server or the worker refused, with its sentence */

/**
 * What was refused; anything else is a mistake of this page and goes on.
 * @param {any} error
 * @returns {Refusal}
 */
export function refusal(error) {
  if (error instanceof Problem || error?.name === "WorkerFault") return error;
  throw error;
}

export class CodeForm {
  #code = /** @type {HTMLInputElement} */ (byId("code"));
  #work;

  /**
   * @param {{mail: () => Promise<void>, enter: (code: string) => Promise<void>, refused: (refusal: Refusal) => boolean}} work
   *     asks for a new code; trades one; answers whether what was refused is dealt with elsewhere
   */
  constructor(work) {
    this.#work = work;
    byId("code-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#enter();
    });
    byId("resend").addEventListener("click", () =>
      whileBusy(byId("resend"), () =>
        this.#try(async () => {
          await work.mail();
          this.clear();
          tell(byId("code-note"), "A new code is on its way. The older one no longer works.");
        }),
      ),
    );
  }

  /** Empties the form and puts the cursor into it. */
  clear() {
    this.#code.value = "";
    tellError(byId("code-error"), "", this.#code);
    tell(byId("code-note"), "");
    this.#code.focus();
  }

  #enter() {
    const digits = this.#code.value.replace(/\D/g, "");
    const fault = digits.length === DIGITS ? "" : `The code has ${DIGITS} digits; this has ${digits.length}.`;
    tell(byId("code-note"), "");
    tellError(byId("code-error"), fault, this.#code);
    if (fault) return;
    whileBusy(byId("enter-code"), () => this.#try(() => this.#work.enter(digits)));
  }

  /** @param {() => Promise<void>} work */
  async #try(work) {
    try {
      await work();
    } catch (error) {
      const refused = refusal(error);
      if (this.#work.refused(refused)) return;
      tellError(byId("code-error"), refused.message, this.#code);
      this.#code.select();
    }
  }
}
