// Dialogs: the browser's own, which hold the focus inside and give it back when they close.

/**
 * Opens a dialog; its `[data-close]` buttons and Escape close it.
 * @param {HTMLDialogElement} dialog
 */
export function openDialog(dialog) {
  for (const button of dialog.querySelectorAll("[data-close]")) {
    /** @type {HTMLElement} */ (button).onclick = () => dialog.close();
  }
  dialog.showModal();
}

/**
 * Asks a question with two buttons.
 * @param {HTMLDialogElement} dialog
 * @param {HTMLElement} yes
 * @param {HTMLElement} no
 * @returns {Promise<boolean>} true only if `yes` was pressed; Escape is no
 */
export function confirmIn(dialog, yes, no) {
  return new Promise((resolve) => {
    let answer = false;
    yes.onclick = () => {
      answer = true;
      dialog.close();
    };
    no.onclick = () => dialog.close();
    dialog.onclose = () => resolve(answer);
    dialog.showModal();
    // The harmless answer has the focus, so that Enter does no damage.
    no.focus();
  });
}
