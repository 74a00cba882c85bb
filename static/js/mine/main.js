// A recipient's own page: address → code → what waits for it. Each transfer opens on the open page, with its passcode.

import { addressFault } from "../address.js";
import { call } from "../api.js";
import { CodeForm, refusal } from "../code-form.js";
import { byId, isolated, make, showStep, tell, tellError, whileBusy } from "../dom.js";
import { bytes, counted, times, until, when } from "../format.js";

const email = /** @type {HTMLInputElement} */ (byId("email"));
/** @type {CodeForm} */
let form;

async function mailCode() {
  await call("POST", "/mine", { email: email.value.trim() });
}

/** @param {SubmitEvent} event */
function onAddress(event) {
  event.preventDefault();
  const fault = addressFault(email.value.trim());
  tellError(byId("address-error"), fault, email);
  if (fault) return;
  whileBusy(byId("send-code"), async () => {
    try {
      await mailCode();
    } catch (error) {
      tellError(byId("address-error"), refusal(error).message, email);
      return;
    }
    byId("code-address").textContent = email.value.trim();
    showStep("code", { focus: false });
    form.clear();
  });
}

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
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_");
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
  email.value = "";
  byId("waiting").replaceChildren();
  tell(byId("left-note"), "You have left this page. Nobody sees your images here any more.");
  showStep("address");
}

/** @param {string} sentence */
function fail(sentence) {
  byId("offline-reason").textContent = sentence;
  showStep("offline");
}

byId("step-address").addEventListener("submit", onAddress);
byId("leave").addEventListener("click", () => whileBusy(byId("leave"), leave));
byId("try-again").addEventListener("click", () => whileBusy(byId("try-again"), look));
byId("change-address").addEventListener("click", () => {
  showStep("address", { focus: false });
  email.focus();
});
form = new CodeForm({
  mail: mailCode,
  async enter(code) {
    await call("POST", "/mine/code", { email: email.value.trim(), code });
    tell(byId("left-note"), "");
    await look();
  },
  refused: () => false,
});
// Back from the open page, or hours later: the page may be an old picture of what waited then.
window.addEventListener("pageshow", (event) => event.persisted && look());
look();
