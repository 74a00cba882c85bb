// The third step of sending: watches the worker that seals and uploads; pause, cancel, a lost connection, a lost session.

import { SESSION_CHANNEL } from "../account.js";
import { call } from "../api.js";
import { stayAwake } from "../awake.js";
import { confirmIn } from "../dialog.js";
import { byId, isolated, make, tell } from "../dom.js";
import { dropDraft } from "../drafts.js";
import { bytes, roughly } from "../format.js";
import { hurryCollector } from "../garbage.js";
import { kindOf } from "../kinds.js";

export class ProgressStep {
  #link;
  #files;
  #transferId = "";
  /** What the worker told last of how far it is. @type {any} */
  #last = null;
  #paused = false;
  #spokenTenth = 0;
  /** Files that must be chosen again, the first of them first. @type {{index: number, why: string}[]} */
  #lost = [];
  #onFailed;
  #sleepAgain = stayAwake();
  /** @type {{bar: HTMLProgressElement, text: HTMLElement}[]} */
  #rows = [];

  /**
   * @param {import("../worker-link.js").WorkerLink} link
   * @param {{name: string, size: number}[]} files
   * @param {() => void} onCancelled
   * @param {(error: unknown) => void} onFailed
   */
  constructor(link, files, onCancelled, onFailed) {
    this.#link = link;
    this.#files = [...files];
    this.#onFailed = onFailed;
    this.#draw();
    byId("pause").textContent = "Pause";
    byId("pause").onclick = () => this.#togglePause();
    byId("go-on").onclick = () => this.#goOn();
    byId("cancel").onclick = async () => {
      if (!(await confirmIn(/** @type {HTMLDialogElement} */ (byId("cancel-dialog")), byId("cancel-confirm"), byId("cancel-keep")))) return;
      this.abandon();
      onCancelled();
    };
    this.session = new BroadcastChannel(SESSION_CHANNEL);
    this.session.onmessage = () => this.#goOn();
    const input = /** @type {HTMLInputElement} */ (byId("lost-file"));
    input.onchange = () => {
      const [file] = input.files ?? [];
      if (file) this.#replace(file);
      input.value = "";
    };
  }

  /** Ends the worker, and the draft on the server as far as it can be reached; what is left there is swept by its jobs. */
  abandon() {
    this.close();
    this.#link.terminate();
    if (!this.#transferId) return;
    dropDraft(this.#transferId);
    call("POST", `/transfers/${this.#transferId}/end`).catch(() => {});
  }

  /** Stops watching. */
  close() {
    this.session.close();
    this.#sleepAgain();
    const dialog = /** @type {HTMLDialogElement} */ (byId("cancel-dialog"));
    if (dialog.open) dialog.close();
  }

  /** @param {any} event  from the worker */
  handle(event) {
    if (event.type === "carried") {
      hurryCollector(event.bytes);
      return;
    }
    if (event.type === "drafting") this.#transferId = event.transferId;
    if (event.type === "progress") this.#last = event;
    if (event.type === "waiting") tell(byId("network-note"), "Waiting for the network. Nothing is lost; it goes on by itself.");
    if (event.type === "moving") tell(byId("network-note"), "");
    if (event.type === "detour") {
      tell(byId("detour-note"), `This network does not reach ${event.origin}, where the files are kept. They go through this server instead, which can be slower. Whoever runs the network can allow that address.`);
    }
    if (event.type === "sign-in-needed") {
      tell(byId("network-note"), "");
      byId("sign-in-note").hidden = false;
    }
    if (event.type === "lost") {
      this.#lost.push(event);
      this.#showLost();
    }
    // After what says why nothing moves: then there is no pace to show.
    if (this.#last) this.#progress(this.#last);
    if (event.type === "sealing") {
      this.#last = null;
      tell(byId("progress-text"), "Almost done: sealing the list of files and sending the mail …");
      tell(byId("progress-spoken"), "Everything is there. Sealing the list of files.");
    }
  }

  #showLost() {
    const [first] = this.#lost;
    byId("lost-note").hidden = !first;
    if (!first) return;
    const { name } = this.#files[first.index];
    tell(byId("lost-text"), first.why || `“${name}” was changed, moved or removed while it was being sent. Please choose it again. The other files go on meanwhile.`);
  }

  /** A file that was chosen again starts from its beginning, under a new key. @param {File} file */
  #replace(file) {
    const lost = this.#lost.shift();
    if (!lost) return;
    this.#files[lost.index] = file;
    this.#showLost();
    this.#link.ask("replace", { index: lost.index, file, mediaType: kindOf(file.name).media }).catch(this.#onFailed);
  }

  #draw() {
    this.#rows = [];
    byId("progress-files").replaceChildren(
      ...this.#files.map((file, index) => {
        const bar = /** @type {HTMLProgressElement} */ (make("progress", { max: 1, value: 0, "aria-label": file.name }));
        const text = make("span", { class: "meta", text: bytes(file.size) });
        this.#rows.push({ bar, text });
        const badge = make("span", { class: "thumb", "aria-hidden": "true", text: kindOf(file.name).badge });
        return make("li", { class: "film", "data-index": index }, badge, make("span", { class: "grow" }, isolated(file.name), text, bar));
      }),
    );
    this.#showTotal(0);
    tell(byId("progress-text"), "Starting …");
    tell(byId("progress-spoken"), "");
    tell(byId("network-note"), "");
    tell(byId("detour-note"), "");
    byId("sign-in-note").hidden = true;
    byId("lost-note").hidden = true;
  }

  #progress({ files, lengths, done, total, rate, secondsLeft }) {
    for (const [index, sent] of files.entries()) this.#progressFile(index, sent / lengths[index]);
    const share = total === 0 ? 1 : done / total;
    this.#showTotal(share);
    if (this.#paused) return;
    const length = this.#files.reduce((sum, file) => sum + file.size, 0);
    const isMoving = rate > 0 && share < 1 && byId("network-note").hidden && byId("sign-in-note").hidden && this.#lost.length === 0;
    const pace = isMoving ? ` · ${bytes(Math.round(rate))}/s · ${roughly(secondsLeft)} left` : "";
    tell(byId("progress-text"), `${bytes(Math.round(length * share))} of ${bytes(length)}${pace}`);
    const tenth = Math.floor(share * 10);
    if (tenth > this.#spokenTenth) {
      this.#spokenTenth = tenth;
      tell(byId("progress-spoken"), `${tenth * 10} percent sent`);
    }
  }

  #progressFile(index, share) {
    const { bar, text } = this.#rows[index];
    const size = this.#files[index].size;
    bar.value = share;
    if (share === 1) text.textContent = `${bytes(size)} · done`;
    else if (share > 0) text.textContent = `${bytes(Math.round(size * share))} of ${bytes(size)} · ${Math.floor(share * 100)}\u00a0%`;
    else text.textContent = bytes(size);
  }

  #showTotal(share) {
    const percent = Math.floor(share * 100);
    /** @type {HTMLProgressElement} */ (byId("progress-all")).value = share * 100;
    byId("progress-tab").textContent = `${percent} %`;
    document.title = `${percent} % · Sending · Filmjacket`;
  }

  #togglePause() {
    this.#paused = !this.#paused;
    this.#link.ask(this.#paused ? "pause" : "goOn").catch(() => {});
    byId("pause").textContent = this.#paused ? "Go on" : "Pause";
    tell(byId("progress-text"), this.#paused ? "Paused. Nothing is lost." : "Going on …");
    tell(byId("network-note"), "");
  }

  #goOn() {
    byId("sign-in-note").hidden = true;
    if (!this.#paused) this.#link.ask("goOn").catch(() => {});
  }
}
