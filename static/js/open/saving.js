// Saving: picks where the bytes can go, shows progress, hands the finished file to the browser. Never half a file.

import { byId, tell, tellError } from "../dom.js";
import { bytes, roughly } from "../format.js";

/** Up to here a file is put together in memory: small enough for any phone. */
const SMALL = 64_000_000;
/** Without a disk to stage on, memory is all there is; beyond this, tabs of phones are killed. */
const MEMORY_LIMIT = 512 * 1024 * 1024;

export class Saving {
  #link;
  #running = false;
  #title = document.title;

  /** @param {import("../worker-link.js").WorkerLink} link */
  constructor(link) {
    this.#link = link;
    byId("stop-saving").addEventListener("click", () => this.#link.ask("stop"));
    window.addEventListener("beforeunload", (event) => {
      if (this.#running) event.preventDefault();
    });
  }

  /**
   * Saves files under one name; only one save runs at a time.
   * @param {object} wish
   * @param {string} wish.name
   * @param {number} wish.length
   * @param {number[]} wish.indexes
   * @param {boolean} wish.zip
   * @param {() => Promise<void>} wish.ready  what has to end before
   * @returns {Promise<boolean>} whether everything is saved
   */
  async save(wish) {
    if (this.#running) return false;
    tellError(byId("save-error"), "");
    tell(byId("save-status"), "");
    this.#running = true;
    try {
      // First of all: the picker may only open while the click is fresh.
      const sink = await this.#chooseSink(wish);
      if (!sink) return false;
      this.#show(wish.name);
      await wish.ready();
      const blob = await this.#link.ask("save", { indexes: wish.indexes, zip: wish.zip, sink });
      if (blob) handOver(blob, wish.name);
      tell(byId("save-status"), `${wish.name} is complete and verified.`);
      return true;
    } catch (error) {
      this.#tellFailure(error);
      return false;
    } finally {
      this.#running = false;
      this.#hide();
    }
  }

  /** @param {{type: string, [field: string]: any}} event  from the worker */
  handle(event) {
    if (event.type === "waiting" && this.#running) tell(byId("save-note"), "Waiting for the network. Nothing is lost; it goes on by itself.");
    if (event.type === "moving") tell(byId("save-note"), "");
    if (event.type !== "saving") return;
    const { done, total, rate, secondsLeft } = event;
    const share = total === 0 ? 1 : done / total;
    /** @type {HTMLProgressElement} */ (byId("save-progress")).value = share * 100;
    const pace = rate > 0 && share < 1 ? ` · ${bytes(Math.round(rate))}/s · ${roughly(secondsLeft)} left` : "";
    byId("save-text").textContent = `${bytes(Math.round(done))} of ${bytes(total)}${pace}`;
    document.title = `${Math.floor(share * 100)} % · Saving · Filmjacket`;
  }

  /** Memory for small files; a picked file, else the browser's private disk, else memory as far as it goes. */
  async #chooseSink({ name, length }) {
    if (length <= SMALL) return { kind: "memory" };
    const picker = /** @type {any} */ (window).showSaveFilePicker;
    if (picker) {
      try {
        return { kind: "picked", handle: await picker.call(window, { suggestedName: name }) };
      } catch (error) {
        if (/** @type {any} */ (error).name === "AbortError") return null;
        // Forbidden here: the other ways remain.
      }
    }
    if (await this.#link.ask("hasDisk")) return { kind: "disk" };
    if (length <= MEMORY_LIMIT) return { kind: "memory" };
    throw new Error(`This browser can save up to ${bytes(MEMORY_LIMIT)} at once; this is ${bytes(length)}. Please use a current Chrome, Edge, Firefox or Safari, not in a private window.`);
  }

  #show(name) {
    this.#title = document.title;
    byId("saving").hidden = false;
    byId("save-text").textContent = `Opening ${name} …`;
    /** @type {HTMLProgressElement} */ (byId("save-progress")).value = 0;
    for (const button of saveButtons()) button.setAttribute("aria-disabled", "true");
  }

  #hide() {
    document.title = this.#title;
    byId("saving").hidden = true;
    tell(byId("save-note"), "");
    for (const button of saveButtons()) button.removeAttribute("aria-disabled");
  }

  /** @param {any} error */
  #tellFailure(error) {
    const sentences = {
      damaged: "This file does not arrive as the sender sealed it: it was damaged or changed on the way. Nothing of it was kept. Please ask the sender to send it again.",
      "ticket-invalid": "The time to fetch these files is over, or the sender ended the transfer. Nothing was saved. Open the link again to see.",
      "link-invalid": "The sender ended the transfer, or it has expired. Nothing was saved.",
    };
    const sentence = sentences[/** @type {keyof typeof sentences} */ (error.kind)] ?? error.message;
    if (error.kind === "stopped") tell(byId("save-status"), "Stopped. Nothing was saved.");
    else tellError(byId("save-error"), /nothing/i.test(sentence) ? sentence : `${sentence} Nothing was saved.`);
  }
}

function saveButtons() {
  return document.querySelectorAll("button.save, #save-all");
}

/**
 * Gives a finished file to the browser's downloads.
 * @param {Blob} blob
 * @param {string} name
 */
function handOver(blob, name) {
  const url = URL.createObjectURL(blob);
  const anchor = document.createElement("a");
  anchor.href = url;
  anchor.download = name;
  anchor.hidden = true;
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  // The download reads from the address for as long as it copies; nobody tells when it has ended.
  setTimeout(() => URL.revokeObjectURL(url), 15 * 60_000);
}
