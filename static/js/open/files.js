// The list of opened files, with previews of pictures and a larger view.

import { openDialog } from "../dialog.js";
import { byId, isolated, make, tell } from "../dom.js";
import { bytes } from "../format.js";
import { kindOf, mayPreview } from "../kinds.js";

/** @typedef {{index: number, name: string, plain_len: number}} OpenedFile */

export class FileList {
  #files;
  #link;
  /** @type {Map<number, {status: HTMLElement, save: HTMLElement, thumb: HTMLElement, buttons: HTMLElement}>} */
  #rows = new Map();
  /** Previews on their way; saving the same file waits for it instead of fetching twice. @type {Map<number, Promise<void>>} */
  #previews = new Map();

  /**
   * @param {OpenedFile[]} files
   * @param {import("../worker-link.js").WorkerLink} link
   * @param {(file: OpenedFile, button: HTMLElement) => void} onSave
   */
  constructor(files, link, onSave) {
    this.#files = files;
    this.#link = link;
    byId("file-list").replaceChildren(...files.map((file) => this.#draw(file, onSave)));
    this.#noteVerified(0);
  }

  /** Opens the pictures one after the other. */
  async showPreviews() {
    for (const file of this.#files.filter(mayPreview)) {
      const work = this.#preview(file);
      this.#previews.set(file.index, work);
      await work;
    }
  }

  /** Ends when no preview of this file is on its way. @param {number} index */
  async settled(index) {
    await this.#previews.get(index);
  }

  /** @param {number} index @param {string} status */
  setStatus(index, status) {
    const row = this.#rows.get(index);
    if (row) row.status.textContent = status === "" ? "" : ` · ${status}`;
  }

  /** @param {{index: number, verified: number}} event */
  handleVerified({ index, verified }) {
    this.setStatus(index, "verified");
    this.#noteVerified(verified);
  }

  /** @param {number} verified */
  #noteVerified(verified) {
    byId("verified").textContent = `${verified} of ${this.#files.length} verified`;
  }

  #draw(file, onSave) {
    const kind = kindOf(file.name);
    const thumb = make("span", { class: "thumb", "aria-hidden": "true", text: kind.badge });
    const status = make("span", { class: "status" });
    const save = make("button", { type: "button", class: "btn save", "aria-label": `Save ${file.name}`, text: "Save" });
    save.addEventListener("click", () => onSave(file, save));
    const buttons = make("span", { class: "buttons" }, save);
    this.#rows.set(file.index, { status, save, thumb, buttons });
    const meta = make("span", { class: "meta" }, `${kind.label} · ${bytes(file.plain_len)}`, status);
    return make("li", { class: "film", "data-index": file.index }, thumb, make("span", {}, isolated(file.name), meta), buttons);
  }

  /** @param {OpenedFile} file */
  async #preview(file) {
    this.setStatus(file.index, "opening …");
    /** @type {Blob | null} */
    let picture;
    try {
      picture = await this.#link.ask("preview", { index: file.index });
    } catch (error) {
      // The list stays usable; saving this file tells the same in full.
      this.setStatus(file.index, /** @type {any} */ (error).kind === "damaged" ? "damaged, cannot be opened" : "");
      return;
    }
    if (picture) await this.#showPicture(file, URL.createObjectURL(picture));
  }

  /** @param {OpenedFile} file @param {string} url */
  async #showPicture(file, url) {
    const image = /** @type {HTMLImageElement} */ (make("img", { src: url, alt: "" }));
    try {
      await image.decode();
    } catch {
      URL.revokeObjectURL(url);
      return;
    }
    const row = this.#rows.get(file.index);
    row?.thumb.replaceChildren(image);
    row?.thumb.classList.add("preview");
    const view = make("button", { type: "button", class: "btn view", "aria-label": `View ${file.name}`, text: "View" });
    view.addEventListener("click", () => this.#view(file, url));
    row?.buttons.prepend(view);
  }

  #view(file, url) {
    const image = /** @type {HTMLImageElement} */ (byId("viewer-image"));
    image.src = url;
    image.alt = file.name;
    byId("viewer-name").replaceChildren(isolated(file.name));
    openDialog(/** @type {HTMLDialogElement} */ (byId("viewer")));
  }
}

/** Says what the whole is worth. @param {OpenedFile[]} files */
export function describeTotal(files) {
  const total = files.reduce((sum, file) => sum + file.plain_len, 0);
  tell(byId("total"), files.length === 1 ? "" : `${bytes(total)} together`);
}
