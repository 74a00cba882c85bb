// The step before the passcode, where one is asked for: a code that is mailed to the recipient.

import { CodeForm, refusal } from "../code-form.js";
import { byId, showStep, tellError, whileBusy } from "../dom.js";

export class MailboxStep {
  #link;
  #form;

  /**
   * @param {import("../worker-link.js").WorkerLink} link
   * @param {() => Promise<void>} onProven
   * @param {(refusal: any) => boolean} refused  whether what was refused ends this step
   */
  constructor(link, onProven, refused) {
    this.#link = link;
    this.#form = new CodeForm({
      mail: () => link.ask("mailCode"),
      async enter(code) {
        await link.ask("enterCode", { code });
        await onProven();
      },
      refused,
    });
    byId("mail-code").addEventListener("click", () => whileBusy(byId("mail-code"), () => this.#mail(refused)));
  }

  /**
   * @param {string} mailbox  masked
   * @param {{again?: boolean}} [options]  whether an earlier proof has run out
   */
  show(mailbox, { again = false } = {}) {
    byId("mailbox").textContent = mailbox;
    byId("mailbox-over").hidden = !again;
    this.#ask(true);
    showStep("mailbox");
  }

  #ask(/** @type {boolean} */ asking) {
    byId("mailbox-ask").hidden = !asking;
    byId("mailbox-enter").hidden = asking;
  }

  async #mail(/** @type {(refusal: any) => boolean} */ refused) {
    tellError(byId("mailbox-error"), "");
    try {
      await this.#link.ask("mailCode");
    } catch (error) {
      const refusedNow = refusal(error);
      if (!refused(refusedNow)) tellError(byId("mailbox-error"), refusedNow.message);
      return;
    }
    byId("mailbox-over").hidden = true;
    this.#ask(false);
    this.#form.clear();
  }
}
