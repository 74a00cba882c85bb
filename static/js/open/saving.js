// Saving: picks where the bytes can go, shows progress, hands the finished file to the browser. Nothing is called saved
// before all of it verified and was taken.

import { stayAwake } from "../awake.js";
import { byId, tell, tellError, whileBusy } from "../dom.js";
import { bytes, roughly } from "../format.js";
import { StreamedDownload } from "./streamed.js";

/** Up to here a file is put together in memory, and appears whole or not at all: small enough for any phone. */
const SMALL = 32 * 1024 * 1024;
/** Where nothing else works, memory is all there is; beyond this, tabs of phones are killed. */
const MEMORY_LIMIT = 512 * 1024 * 1024;

/**
 * @typedef {object} Wish
 * @property {string} name
 * @property {number} length
 * @property {number[]} indexes
 * @property {boolean} zip
 * @property {() => Promise<void>} ready  what has to end before
 */

export class Saving {
  #link;
  #running = false;
  #title = document.title;
  /** What the worker told last of how far it is. @type {any} */
  #last = null;
  /** The download that the browser makes of what is being saved, if this way was chosen. @type {StreamedDownload | null} */
  #streamed = null;

  /** @param {import("../worker-link.js").WorkerLink} link */
  constructor(link) {
    this.#link = link;
    byId("stop-saving").addEventListener("click", () => this.#link.ask("stop"));
    byId("open-again").addEventListener("click", () => whileBusy(byId("open-again"), () => this.#openAgain()));
    window.addEventListener("beforeunload", (event) => {
      if (this.#running) event.preventDefault();
    });
  }

  /**
   * Saves files under one name; only one save runs at a time.
   * @param {Wish} wish
   * @returns {Promise<boolean>} whether everything is saved
   */
  async save(wish) {
    if (this.#running) return false;
    tellError(byId("save-error"), "");
    tell(byId("save-status"), "");
    this.#running = true;
    const goToSleep = stayAwake();
    try {
      // First of all: the picker may only open while the click is fresh.
      const sink = await this.#chooseSink(wish);
      if (!sink) return false;
      this.#show(wish.name);
      await wish.ready();
      const transfer = sink.kind === "stream" ? [sink.port] : [];
      const blob = await this.#link.ask("save", { indexes: wish.indexes, zip: wish.zip, sink }, { transfer });
      if (blob) handOver(blob, wish.name);
      tell(byId("save-status"), `${wish.name} is complete and verified.`);
      return true;
    } catch (error) {
      this.#tellFailure(error, wish.name);
      return false;
    } finally {
      goToSleep();
      this.#streamed?.end();
      this.#streamed = null;
      this.#running = false;
      this.#hide();
    }
  }

  /** @param {{type: string, [field: string]: any}} event  from the worker */
  handle(event) {
    // Parts that were on their way when the ticket ran out still come; what is asked of the person stays on the screen.
    const isAsking = !byId("open-again").hidden;
    if (event.type === "waiting" && this.#running && !isAsking) this.#note("Waiting for the network. Nothing is lost; it goes on by itself.");
    if (event.type === "moving" && !isAsking) this.#note("");
    if (event.type === "detour") {
      tell(byId("detour-note"), `This network does not reach ${event.origin}, where the files are kept. They come through this server instead, which can be slower.`);
    }
    if (event.type === "ticket-over") {
      this.#note("The time to fetch these files is over. What has come so far is kept. To go on, open the transfer again: this uses up one more opening.");
      byId("open-again").hidden = false;
    }
    if (event.type === "download") this.#streamed?.begin();
    if (event.type === "beat") this.#stay();
    if (event.type === "saving") this.#showProgress(event);
  }

  /** Goes on with another ticket. */
  async #openAgain() {
    try {
      await this.#link.ask("renew");
      byId("open-again").hidden = true;
      this.#note("");
    } catch (error) {
      const { kind, message } = /** @type {any} */ (error);
      // Without an answer there is still hope; anything else is the end.
      if (kind === "offline") this.#note(message);
      else if (kind === "mailbox-code-needed") this.#note("First a new code from your mail is needed. Open the link in a second tab, type the code there, then press “Open again” here.");
      else this.#link.ask("stop", { kind, message });
    }
  }

  async #stay() {
    const kept = await this.#streamed?.stay();
    if (kept === false) this.#link.ask("stop", { kind: "download-lost", message: "The browser lost the download." });
  }

  /** Says why nothing moves; nothing, if it does. */
  #note(/** @type {string} */ text) {
    tell(byId("save-note"), text);
    if (this.#last) this.#showProgress(this.#last);
  }

  /** @param {any} event */
  #showProgress(event) {
    this.#last = event;
    const { done, total, rate, secondsLeft } = event;
    const share = total === 0 ? 1 : done / total;
    /** @type {HTMLProgressElement} */ (byId("save-progress")).value = share * 100;
    const isMoving = rate > 0 && share < 1 && byId("save-note").hidden;
    const pace = isMoving ? ` · ${bytes(Math.round(rate))}/s · ${roughly(secondsLeft)} left` : "";
    byId("save-text").textContent = `${bytes(Math.round(done))} of ${bytes(total)}${pace}`;
    document.title = `${Math.floor(share * 100)} % · Saving · Filmjacket`;
  }

  /**
   * The first way that works: memory for small files; a picked file; the browser's private disk, where nothing appears before
   * it is whole (not in Chromium); a download streamed through a service worker; memory as far as it goes. Reasons are in docs/adr.
   * @param {Wish} wish
   */
  async #chooseSink(wish) {
    const { name, length, indexes, zip } = wish;
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
    // Chromium saves as well through the service worker, without having the file on the disk twice (docs/adr, record 28).
    const isChromium = navigator.vendor.startsWith("Google");
    if (!isChromium && (await this.#link.ask("hasDisk", { length }))) return { kind: "disk" };
    try {
      const { download, port } = await StreamedDownload.announce(name, await this.#link.ask("saveLength", { indexes, zip }));
      this.#streamed = download;
      return { kind: "stream", port };
    } catch {
      // No service worker here, as in private windows of some browsers.
    }
    if (length <= MEMORY_LIMIT) return { kind: "memory" };
    throw new Error(`This browser can save up to ${bytes(MEMORY_LIMIT)} at once; this is ${bytes(length)}. Please use a current Chrome, Edge, Firefox or Safari, not in a private window.`);
  }

  #show(name) {
    this.#title = document.title;
    this.#last = null;
    byId("saving").hidden = false;
    byId("save-text").textContent = `Opening ${name} …`;
    /** @type {HTMLProgressElement} */ (byId("save-progress")).value = 0;
    for (const button of saveButtons()) button.setAttribute("aria-disabled", "true");
  }

  #hide() {
    this.#last = null;
    document.title = this.#title;
    byId("saving").hidden = true;
    byId("open-again").hidden = true;
    this.#note("");
    for (const button of saveButtons()) button.removeAttribute("aria-disabled");
  }

  /** @param {any} error @param {string} name */
  #tellFailure(error, name) {
    const sentences = {
      damaged: "This file does not arrive as the sender sealed it: it was damaged or changed on the way. Please ask the sender to send it again.",
      "ticket-invalid": "The time to fetch these files is over, or the sender ended the transfer. Open the link again to see.",
      "link-invalid": "The sender ended the transfer, it has expired, or its openings are used up.",
      "download-lost": "Your browser broke off the download. Please save it once more.",
    };
    const sentence = sentences[/** @type {keyof typeof sentences} */ (error.kind)] ?? error.message;
    // Some browsers keep what they got, and one shows it as if it were whole.
    const left = this.#streamed?.begun ? `If your downloads show ${name} now, it is not whole: please delete it.` : "Nothing was saved.";
    if (error.kind === "stopped") tell(byId("save-status"), `Stopped. ${left}`);
    else tellError(byId("save-error"), /nothing/i.test(sentence) ? sentence : `${sentence} ${left}`);
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
