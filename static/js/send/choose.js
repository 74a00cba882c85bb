// The first step of sending: files, recipient, limits. Says what is wrong before any work starts.

import { addressFault, likelyAddress } from "../address.js";
import { byId, isolated, make, tell, tellError } from "../dom.js";
import { bytes, counted, lasting } from "../format.js";
import { kindOf } from "../kinds.js";
import { Policy } from "./policy.js";

const LIFETIMES = [3600, 86400, 3 * 86400, 7 * 86400, 14 * 86400, 30 * 86400];
const USUAL_LIFETIME = 7 * 86400;
const USUAL_OPENINGS = 5;

/**
 * @typedef {object} Choice
 * @property {File[]} files
 * @property {{email: string, kind: string}} recipient
 * @property {string} message
 * @property {string} label
 * @property {number} lifetime  seconds
 * @property {number} openings
 * @property {boolean} notify
 * @property {boolean} mailboxCode  whether a code is mailed to the recipient before the passcode
 */

export class ChooseStep {
  /** @type {File[]} */
  files = [];
  #limits;
  #policy;
  #recipient = /** @type {HTMLInputElement} */ (byId("recipient"));

  /**
   * @param {{limits: any, policy: any, department: any}} me  from GET /api/v1/me
   * @param {(choice: Choice) => void} onReview
   */
  constructor({ limits, policy, department }, onReview) {
    this.#limits = limits;
    this.#policy = new Policy(policy, department);
    this.#policy.show(limits);
    this.#fillOptions();
    this.#wireFiles();
    this.#wireRecipient();
    this.#wireMailboxCode();
    byId("step-choose").addEventListener("submit", (event) => {
      event.preventDefault();
      const choice = this.#read();
      if (choice) onReview(choice);
    });
    // Quick hands, and browsers that restore forms, fill the field before this runs.
    this.#add([...(/** @type {HTMLInputElement} */ (byId("files")).files ?? [])]);
  }

  /** Takes a file off the list. @param {number} index */
  remove(index) {
    this.files.splice(index, 1);
    this.#drawFiles();
  }

  #fillOptions() {
    const { max_lifetime, max_openings } = this.#limits;
    const lifetimes = LIFETIMES.filter((seconds) => seconds <= max_lifetime);
    if (!lifetimes.includes(max_lifetime)) lifetimes.push(max_lifetime);
    const usual = lifetimes.includes(USUAL_LIFETIME) ? USUAL_LIFETIME : lifetimes[lifetimes.length - 1];
    for (const seconds of lifetimes) byId("expires").append(make("option", { value: seconds, text: lasting(seconds), selected: seconds === usual }));
    const openings = /** @type {HTMLInputElement} */ (byId("openings"));
    openings.max = String(max_openings);
    openings.value = String(Math.min(USUAL_OPENINGS, max_openings));
    byId("openings-hint").textContent = `times, 1 to ${max_openings}`;
  }

  #wireFiles() {
    const input = /** @type {HTMLInputElement} */ (byId("files"));
    const zone = byId("drop");
    input.addEventListener("change", () => {
      this.#add([...(input.files ?? [])]);
      // The same file may be chosen again after it was removed.
      input.value = "";
    });
    for (const name of ["dragenter", "dragover"]) {
      zone.addEventListener(name, (event) => {
        event.preventDefault();
        zone.classList.add("over");
      });
    }
    for (const name of ["dragleave", "drop"]) zone.addEventListener(name, () => zone.classList.remove("over"));
    zone.addEventListener("drop", (event) => {
      event.preventDefault();
      const items = [...(event.dataTransfer?.items ?? [])];
      const folder = items.some((item) => item.webkitGetAsEntry?.()?.isDirectory);
      this.#add(folder ? [] : [...(event.dataTransfer?.files ?? [])]);
      if (folder) tellError(byId("files-error"), "That is a folder. Please pack it into one ZIP file, or open it and choose files from it.");
    });
    // A file that misses the zone would replace the page, and all that was typed.
    for (const name of ["dragover", "drop"]) window.addEventListener(name, (event) => event.preventDefault());
  }

  /** @param {File[]} more */
  #add(more) {
    const { max_files, max_file_len, max_transfer_len } = this.#limits;
    const refused = [];
    for (const file of more) {
      const known = this.files.some((other) => other.name === file.name && other.size === file.size && other.lastModified === file.lastModified);
      if (known) continue;
      const total = file.size + this.#total();
      if (file.size > max_file_len) {
        refused.push(`“${file.name}” is ${bytes(file.size)}; the limit for one file is ${bytes(max_file_len)}. Split it, or send a part of the study.`);
      } else if (this.files.length >= max_files) {
        refused.push(`“${file.name}” was left out: a transfer holds ${counted(max_files, "file")}. Send it in a second transfer, or pack several files into one ZIP.`);
      } else if (total > max_transfer_len) {
        refused.push(`“${file.name}” was left out: together the files would be ${bytes(total)}; the limit is ${bytes(max_transfer_len)}. Send it in a second transfer.`);
      } else if (this.#policy.faultOfLength(total)) {
        refused.push(`“${file.name}” was left out. ${this.#policy.faultOfLength(total)}`);
      } else {
        this.files.push(file);
      }
    }
    this.#drawFiles();
    tellError(byId("files-error"), refused.join(" "));
  }

  #total() {
    return this.files.reduce((sum, file) => sum + file.size, 0);
  }

  #drawFiles() {
    const { max_files, max_file_len } = this.#limits;
    const sum = this.files.length === 0 ? `Up to ${counted(max_files, "file")}, ${bytes(max_file_len)} each` : `${this.files.length} of ${counted(max_files, "file")} · ${bytes(this.#total())} · up to ${bytes(max_file_len)} a file`;
    byId("files-sum").textContent = sum;
    byId("file-list").replaceChildren(...this.files.map((file, index) => this.#drawFile(file, index)));
  }

  #drawFile(file, index) {
    const kind = kindOf(file.name);
    const remove = () => {
      this.remove(index);
      tellError(byId("files-error"), "");
      byId("files").focus();
    };
    return make(
      "li",
      { class: "film", "data-index": index },
      make("span", { class: "thumb", "aria-hidden": "true", text: kind.badge }),
      make("span", {}, isolated(file.name), make("span", { class: "meta", text: `${kind.label} · ${bytes(file.size)}` })),
      make("span", { class: "buttons" }, make("button", { type: "button", class: "btn quiet", "aria-label": `Remove ${file.name}`, text: "Remove", onclick: remove })),
    );
  }

  #wireRecipient() {
    const field = this.#recipient;
    // Wrong from the start of typing would be rude: the fault is told on leaving the field, and cleared while typing.
    field.addEventListener("change", () => {
      const address = field.value.trim();
      if (address !== "") this.#tellRecipient(this.#recipientFault(), false);
      this.#suggest();
    });
    field.addEventListener("input", () => {
      if (!byId("recipient-error").hidden) this.#tellRecipient(this.#recipientFault(), false);
      if (!byId("recipient-suggestion").hidden) this.#suggest();
    });
    byId("accept-suggestion").addEventListener("click", () => {
      field.value = likelyAddress(field.value.trim());
      this.#suggest();
      field.focus();
    });
  }

  #recipientFault() {
    const address = this.#recipient.value.trim();
    return addressFault(address) || this.#policy.fault(address);
  }

  /** Where the policy asks for the code, the box is ticked and cannot be changed; what was wanted before comes back. */
  #wireMailboxCode() {
    const box = /** @type {HTMLInputElement} */ (byId("mailbox-code"));
    let wanted = false;
    const draw = () => {
      const demanded = this.#policy.demandsCode(checkedKind());
      box.checked = demanded || wanted;
      box.disabled = demanded;
      byId("mailbox-code-hint").hidden = !demanded;
    };
    box.addEventListener("change", () => {
      wanted = box.checked;
    });
    for (const kind of document.querySelectorAll("input[name=kind]")) kind.addEventListener("change", draw);
    draw();
  }

  #tellRecipient(fault, focus) {
    if (focus) tellError(byId("recipient-error"), fault, this.#recipient);
    else {
      tell(byId("recipient-error"), fault);
      this.#recipient.toggleAttribute("aria-invalid", false);
      if (fault) this.#recipient.setAttribute("aria-invalid", "true");
    }
  }

  #suggest() {
    const likely = likelyAddress(this.#recipient.value.trim());
    byId("suggested-address").textContent = likely;
    byId("recipient-suggestion").hidden = likely === "";
  }

  /** @returns {Choice | null} null after telling what is missing */
  #read() {
    const email = this.#recipient.value.trim();
    const openings = /** @type {HTMLInputElement} */ (byId("openings"));
    if (this.files.length === 0) {
      tellError(byId("files-error"), "Please choose at least one file.", byId("files"));
      return null;
    }
    tellError(byId("files-error"), "");
    const fault = this.#recipientFault();
    this.#tellRecipient(fault, true);
    if (fault) return null;
    const wrongCount = openings.checkValidity() ? "" : `It can be opened 1 to ${openings.max} times; please enter a number between them.`;
    tellError(byId("choose-error"), wrongCount, openings);
    if (wrongCount) return null;
    const kind = checkedKind();
    return {
      files: [...this.files],
      recipient: { email, kind },
      message: /** @type {HTMLTextAreaElement} */ (byId("message")).value.trim(),
      label: /** @type {HTMLInputElement} */ (byId("label")).value.trim(),
      lifetime: Number(/** @type {HTMLSelectElement} */ (byId("expires")).value),
      openings: Number(openings.value),
      notify: /** @type {HTMLInputElement} */ (byId("notify")).checked,
      mailboxCode: /** @type {HTMLInputElement} */ (byId("mailbox-code")).checked,
    };
  }
}

function checkedKind() {
  return /** @type {HTMLInputElement} */ (document.querySelector("input[name=kind]:checked")).value;
}
