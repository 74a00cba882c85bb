// The passcode field: four groups that behave as one. Pasting the whole anywhere fills all; typing moves on by itself.

import { byId } from "../dom.js";

const GROUP = 4;
const GROUPS = 4;

export class PasscodeField {
  /** @type {HTMLInputElement[]} */
  #groups = Array.from({ length: GROUPS }, (_, index) => byId(`passcode-${index + 1}`));

  /** @param {(passcode: string, complete: boolean) => void} onChange */
  constructor(onChange) {
    for (const [index, input] of this.#groups.entries()) {
      input.addEventListener("input", () => {
        this.#spread(index);
        onChange(this.text, this.text.length === GROUP * GROUPS);
      });
      input.addEventListener("keydown", (event) => this.#move(event, index));
      // The whole group is easier to correct than to place a cursor in.
      input.addEventListener("focus", () => input.select());
    }
  }

  /** What was typed, without separators, in capitals. */
  get text() {
    return this.#groups.map((input) => clean(input.value)).join("");
  }

  /** @param {boolean} wrong */
  mark(wrong) {
    for (const input of this.#groups) {
      if (wrong) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    }
  }

  focus() {
    const gap = this.#groups.find((input) => clean(input.value).length < GROUP);
    (gap ?? this.#groups[0]).focus();
  }

  /** What is longer than one group flows into the next ones; a whole passcode starts at the first. @param {number} index */
  #spread(index) {
    const input = this.#groups[index];
    const typed = clean(input.value);
    if (typed.length <= GROUP) {
      if (input.value !== typed) input.value = typed;
      const atEnd = input.selectionStart === typed.length;
      if (typed.length === GROUP && atEnd) this.#groups[index + 1]?.focus();
      return;
    }
    let at = typed.length >= GROUP * GROUPS ? 0 : index;
    for (let from = 0; from < typed.length && at < GROUPS; from += GROUP) this.#groups[at++].value = typed.slice(from, from + GROUP);
    const last = this.#groups[at - 1];
    (last.value.length === GROUP ? (this.#groups[at] ?? last) : last).focus();
  }

  /** @param {KeyboardEvent} event @param {number} index */
  #move(event, index) {
    const input = this.#groups[index];
    const caret = input.selectionStart === input.selectionEnd ? input.selectionStart : -1;
    const before = this.#groups[index - 1];
    const after = this.#groups[index + 1];
    if (event.key === "Backspace" && input.value === "" && before) {
      event.preventDefault();
      before.focus();
      before.value = before.value.slice(0, -1);
      before.setSelectionRange(before.value.length, before.value.length);
      before.dispatchEvent(new Event("input"));
    } else if (event.key === "ArrowLeft" && caret === 0 && before) {
      event.preventDefault();
      before.focus();
    } else if (event.key === "ArrowRight" && caret === input.value.length && after) {
      event.preventDefault();
      after.focus();
    }
  }
}

/** @param {string} text */
function clean(text) {
  return text.replace(/[\s\-\u2010-\u2015\u2212.]/g, "").toUpperCase();
}
