// The last step of sending: the passcode, the link, the QR code, the hand-out on paper.

import { wireCopy } from "../copy.js";
import { confirmIn, openDialog } from "../dialog.js";
import { addressText, byId, make } from "../dom.js";
import { spelled, times, until } from "../format.js";
import { drawQr } from "../qr.js";

/**
 * Writes a passcode in its four groups; a line may end between groups only.
 * @param {HTMLElement} place
 * @param {string} passcode
 */
function drawPasscode(place, passcode) {
  const groups = passcode.split("-");
  // The hyphen stands inside the group before it, so that what is selected and copied is the passcode as written.
  place.replaceChildren(...groups.map((group, index) => make("span", { text: index < groups.length - 1 ? `${group}-` : group })));
}

/**
 * Fills and wires the step.
 * @param {object} sent
 * @param {string} sent.passcode
 * @param {string} sent.link
 * @param {string} sent.recipient
 * @param {string} sent.sender
 * @param {number} sent.expires
 * @param {number} sent.openings
 * @param {{size: number, modules: Uint8Array} | null} sent.qr  null if it could not be drawn
 * @param {() => void} onLeave
 */
export function fillDone(sent, onLeave) {
  let passedOn = false;
  const noted = () => (passedOn = true);
  byId("done-recipient").replaceChildren(addressText(sent.recipient));
  drawPasscode(byId("passcode"), sent.passcode);
  byId("link").textContent = sent.link;
  wireCopy(byId("copy-passcode"), () => sent.passcode, noted);
  wireCopy(byId("copy-link"), () => sent.link);

  byId("aloud").replaceChildren(...spelled(sent.passcode).map(({ symbol, word }) => make("li", {}, make("strong", { text: symbol }), ` ${word}`)));
  byId("read-aloud").addEventListener("click", () => {
    noted();
    openDialog(/** @type {HTMLDialogElement} */ (byId("aloud-dialog")));
  });

  byId("show-qr").hidden = !sent.qr;
  if (sent.qr) byId("qr-place").replaceChildren(drawQr(sent.qr, "QR code of the link"));
  byId("show-qr").addEventListener("click", () => openDialog(/** @type {HTMLDialogElement} */ (byId("qr-dialog"))));

  byId("print-handout").addEventListener("click", () => {
    const withPasscode = /** @type {HTMLInputElement} */ (byId("print-passcode")).checked;
    if (withPasscode) noted();
    fillHandout(sent, withPasscode);
    window.print();
  });

  byId("passed-on").addEventListener("click", async () => {
    const dialog = /** @type {HTMLDialogElement} */ (byId("leave-dialog"));
    if (passedOn || (await confirmIn(dialog, byId("leave-confirm"), byId("leave-keep")))) onLeave();
  });
}

function fillHandout(sent, withPasscode) {
  byId("handout-sender").textContent = sent.sender;
  byId("handout-qr").replaceChildren(sent.qr ? drawQr(sent.qr, "QR code of the link") : sent.link);
  byId("handout-until").textContent = until(sent.expires);
  byId("handout-openings").textContent = `and ${times(sent.openings)} at most`;
  const passcode = withPasscode ? make("span", { class: "passcode", text: sent.passcode }) : make("span", { class: "write-in" });
  const words = withPasscode ? "" : " You get it by phone or in person. You can note it here:";
  byId("handout-passcode").replaceChildren(words, passcode);
  byId("handout-care").textContent = withPasscode
    ? "This sheet opens the images. Please keep it as carefully as the images themselves."
    : "Please keep the passcode apart from the mail, and give it to nobody who should not see these images.";
}
