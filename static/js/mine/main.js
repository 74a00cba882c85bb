// A recipient's own page: address → code → what waits for it. Each transfer opens on the open page, with its passcode.

import { AddressForm } from "../address-form.js";
import { call } from "../api.js";
import { refusal } from "../code-form.js";
import { byId, isolated, make, showStep, tell, tellError, whileBusy } from "../dom.js";
import { bytes, counted, times, until, when } from "../format.js";
import { toBase64Url } from "../worker/base64.js";

const form = new AddressForm({
  mail: (email) => call("POST", "/mine", { email }),
  async enter(email, code) {
    await call("POST", "/mine/code", { email, code });
    tell(byId("left-note"), "");
    await look();
  },
});

/** Shows what waits, or asks for the address if none is proved in this browser. */
async function look() {
  let mine;
  try {
    mine = await call("GET", "/mine");
  } catch (error) {
    const { kind, message } = refusal(error);
    if (kind === "mailbox-code-needed") showStep("address", { focus: false });
    else fail(message);
    return;
  }
  byId("mine-address").textContent = mine.email;
  byId("nothing").hidden = mine.transfers.length > 0;
  byId("waiting").replaceChildren(...mine.transfers.map(drawTransfer));
  showStep("list");
}

/** @param {any} transfer  one of GET /api/v1/mine */
function drawTransfer({ transfer_id, opening_right, sender, sent_at, expires_at, files, total_len, openings_left }) {
  const open = () => location.assign(`/open#${fragment(opening_right, transfer_id)}`);
  return make(
    "li",
    { class: "waiting" },
    make("h2", {}, "From ", isolated(sender.name)),
    sender.organisation ? make("p", { dir: "auto", text: sender.organisation }) : "",
    make("p", { text: `Sent ${when(sent_at)}. ${counted(files, "file")}, ${bytes(total_len)}.` }),
    make("p", { text: `You can open it until ${until(expires_at)}, ${times(openings_left)}.` }),
    make("p", { class: "actions" }, make("button", { type: "button", class: "btn primary", "aria-label": `Open what ${sender.name} sent on ${when(sent_at)}`, text: "Open", onclick: open })),
  );
}

/** As in a mailed link: 32 bytes and 16 bytes in one base64url. @param {string} right @param {string} transferId */
function fragment(right, transferId) {
  const text = [right, transferId].map((part) => atob(part.replaceAll("-", "+").replaceAll("_", "/"))).join("");
  return toBase64Url(btoa(text));
}

async function leave() {
  try {
    await call("DELETE", "/mine");
  } catch (error) {
    const { kind, message } = refusal(error);
    if (kind !== "mailbox-code-needed") {
      tellError(byId("list-error"), message);
      return;
    }
  }
  form.clear();
  byId("waiting").replaceChildren();
  tell(byId("left-note"), "You have left this page. Nobody sees your images here any more.");
  showStep("address");
}

/** @param {string} sentence */
function fail(sentence) {
  byId("offline-reason").textContent = sentence;
  showStep("offline");
}

byId("leave").addEventListener("click", () => whileBusy(byId("leave"), leave));
byId("try-again").addEventListener("click", () => whileBusy(byId("try-again"), look));
// Back from the open page, or hours later: the page may be an old picture of what waited then.
window.addEventListener("pageshow", (event) => event.persisted && look());
look();
