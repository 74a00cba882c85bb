// The step before sending, if a reload or a crash interrupted an earlier transfer: its files are chosen again, or it is
// discarded. What is there already need not be chosen; what is not starts again from its beginning.

import { addressText, byId, isolated, make, tellError } from "../dom.js";
import { bytes, counted } from "../format.js";
import { kindOf } from "../kinds.js";

/** @typedef {{transferId: string, order: any, done: boolean[]}} Offer  as the worker gives it */

export class ResumeStep {
  #offer;
  /** @type {(File | null)[]} */
  #chosen;

  /**
   * @param {Offer} offer
   * @param {number} longest  bytes that a file may have
   * @param {(files: (File | null)[]) => void} onGoOn  a file for each that is to be sent; null for those that are there
   */
  constructor(offer, longest, onGoOn) {
    this.#offer = offer;
    this.#chosen = offer.order.files.map(() => null);
    const input = /** @type {HTMLInputElement} */ (byId("resume-files"));
    input.onchange = () => {
      this.#take([...(input.files ?? [])], longest);
      input.value = "";
    };
    byId("resume-go-on").onclick = () => {
      const missing = this.#missing();
      if (missing.length > 0) tellError(byId("resume-error"), `Please choose ${missing.map((name) => `“${name}”`).join(" and ")} again.`, input);
      else onGoOn(this.#chosen);
    };
    tellError(byId("resume-error"), "");
    this.#draw();
  }

  /** A file is known by its name; one that is there already and comes as it was is left as it is. */
  #take(/** @type {File[]} */ files, /** @type {number} */ longest) {
    const strangers = [];
    for (const file of files) {
      const index = this.#offer.order.files.findIndex((/** @type {any} */ known) => known.name === file.name);
      if (index < 0) strangers.push(`“${file.name}” is not one of these files.`);
      else if (file.size > longest) strangers.push(`“${file.name}” is ${bytes(file.size)} now; the limit for one file is ${bytes(longest)}.`);
      else this.#chosen[index] = this.#offer.done[index] && isSame(file, this.#offer.order.files[index]) ? null : file;
    }
    this.#draw();
    tellError(byId("resume-error"), strangers.join(" "));
  }

  #missing() {
    return this.#offer.order.files.filter((_, index) => !this.#offer.done[index] && !this.#chosen[index]).map((file) => file.name);
  }

  #draw() {
    const { order, done } = this.#offer;
    const there = done.filter(Boolean).length;
    const state = there === 0 ? "None is there completely yet." : `${there} of them ${there === 1 ? "is" : "are"} there already.`;
    byId("resume-sum").replaceChildren(`You were sending ${counted(order.files.length, "file")} to `, addressText(order.recipient.email), `. ${state}`);
    byId("resume-list").replaceChildren(
      ...order.files.map((file, index) => {
        const words = this.#chosen[index] ? "chosen again" : done[index] ? "there already" : "please choose it again";
        const badge = make("span", { class: "thumb", "aria-hidden": "true", text: kindOf(file.name).badge });
        const meta = make("span", { class: "meta", text: `${bytes(this.#chosen[index]?.size ?? file.size)} · ${words}` });
        return make("li", { class: "film", "data-index": index }, badge, make("span", { class: "grow" }, isolated(file.name), meta));
      }),
    );
  }
}

/** @param {File} file @param {{size: number, lastModified: number}} known */
function isSame(file, known) {
  return file.size === known.size && file.lastModified === known.lastModified;
}
