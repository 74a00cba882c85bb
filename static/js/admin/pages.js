// What the administrators' lists share: loading page by page, and asking before something that cannot be taken back.

import { signInOr } from "../account.js";
import { confirmIn } from "../dialog.js";
import { byId, tell, tellError, whileBusy } from "../dom.js";

/**
 * A list that is searched and loaded page by page.
 * @param {string} name  of its elements: `<name>`, `<name>-note`, `<name>-error`
 * @param {(search: string, next: string | null) => Promise<{lines: HTMLElement[], next: string | null}>} load
 * @returns {() => Promise<void>} loads it anew
 */
export function pagedList(name, load) {
  const search = /** @type {HTMLInputElement} */ (byId("search"));
  /** @type {string | null} */
  let next = null;
  // An answer that comes after another question was asked is not shown.
  let question = 0;

  /** @param {boolean} anew */
  async function show(anew) {
    const asked = ++question;
    tellError(byId(`${name}-error`), "");
    try {
      const page = await load(search.value.trim(), anew ? null : next);
      if (asked !== question) return;
      if (anew) byId(name).replaceChildren();
      byId(name).append(...page.lines);
      next = page.next;
      if (!anew) /** @type {HTMLElement | null} */ (page.lines[0]?.querySelector("button"))?.focus();
      byId("more-row").hidden = next === null;
      tell(byId(`${name}-note`), byId(name).children.length ? "" : "Nothing was found.");
    } catch (error) {
      if (asked !== question) return;
      tell(byId(`${name}-note`), "");
      tellError(byId(`${name}-error`), signInOr(error));
    }
  }

  byId("search-form").addEventListener("submit", (event) => {
    event.preventDefault();
    show(true);
  });
  byId("more").addEventListener("click", () => whileBusy(byId("more"), () => show(false)));
  return () => show(true);
}

/**
 * Asks before something that cannot be taken back.
 * @param {{title: (string | Node)[], text: string, yes: string}} question
 */
export function ask({ title, text, yes }) {
  byId("confirm-title").replaceChildren(...title);
  byId("confirm-text").textContent = text;
  byId("confirm-yes").textContent = yes;
  return confirmIn(/** @type {HTMLDialogElement} */ (byId("confirm-dialog")), byId("confirm-yes"), byId("confirm-no"));
}
