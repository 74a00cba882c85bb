// Small hands for the page: find, make, show, tell. Text always goes in as text; nothing here parses HTML.

/**
 * The element with this id. A missing one is a mistake in a template, so it is named at once.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return /** @type {T} */ (element);
}

/**
 * Makes an element. `props` are attributes, except functions (listeners named `onclick`) and `text`.
 * @param {string} tag
 * @param {Record<string, any>} [props]
 * @param {...(Node|string)} children
 * @returns {HTMLElement}
 */
export function make(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === false || value === undefined || value === null) continue;
    if (name === "text") element.textContent = value;
    else if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children);
  return element;
}

/**
 * Shows one step of a page, hides the others, and moves the focus to its heading so that a screen reader reads it.
 * @param {string} step  the element `step-<step>`
 * @param {{focus?: boolean}} [options]
 */
export function showStep(step, { focus = true } = {}) {
  const main = byId("main");
  main.dataset.step = step;
  for (const section of main.querySelectorAll("[id^='step-']")) {
    /** @type {HTMLElement} */ (section).hidden = section.id !== `step-${step}`;
  }
  const heading = byId(`step-${step}`).querySelector("h1");
  if (!focus || !heading) return;
  heading.focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

/**
 * Says what is wrong, or clears it. The sentence is announced (role=alert), and the field is marked.
 * @param {HTMLElement} place
 * @param {string} sentence  empty to clear
 * @param {HTMLElement} [field]  what needs correcting; takes the focus
 */
export function tellError(place, sentence, field) {
  place.textContent = sentence;
  place.hidden = sentence === "";
  if (field) {
    if (sentence) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }
  if (sentence) (field ?? place).focus();
}

/**
 * Shows a sentence, or hides its place when there is none.
 * @param {HTMLElement} place
 * @param {string} sentence
 */
export function tell(place, sentence) {
  // Writing the same text again would make screen readers repeat it.
  if (place.textContent !== sentence) place.textContent = sentence;
  place.hidden = sentence === "";
}

/**
 * Keeps a button from being pressed twice while its work runs.
 * @template T
 * @param {HTMLElement} button
 * @param {() => Promise<T>} work
 * @returns {Promise<T | undefined>} what the work gives; undefined if the button was already busy
 */
export async function whileBusy(button, work) {
  if (button.getAttribute("aria-disabled") === "true") return undefined;
  // aria-disabled, not disabled: the focus must stay where the person left it.
  button.setAttribute("aria-disabled", "true");
  try {
    return await work();
  } finally {
    button.removeAttribute("aria-disabled");
  }
}

/**
 * An e-mail address that breaks, if it must, after the @ or before a dot of its domain.
 * @param {string} address
 * @param {string} [className]
 */
export function addressText(address, className) {
  const at = address.lastIndexOf("@") + 1;
  const pieces = [address.slice(0, at), ...address.slice(at).split(/(?=\.)/)];
  return make("bdi", { class: className }, ...pieces.flatMap((piece, index) => (index ? [document.createElement("wbr"), piece] : [piece])));
}

/**
 * A name that someone else chose, kept from turning the text around it (bidirectional isolation).
 * @param {string} text
 */
export function isolated(text) {
  return make("bdi", { class: "name", text });
}
