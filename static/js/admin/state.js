// How the installation is doing, in words.

import { signInOr, wireAccount } from "../account.js";
import { call } from "../api.js";
import { byId, make, tell, tellError } from "../dom.js";
import { bytes, counted, lasting, when } from "../format.js";

const NEEDS = { database: "Database", store: "Store of ciphertext", mail: "Mail", key: "Server key", server: "Server" };
const TRANSFERS = { draft: "Not sent yet", ready: "Ready to be opened", expired: "Expired", revoked: "Ended", used_up: "Used up" };

/**
 * @param {string} id
 * @param {[string, string | HTMLElement][]} facts
 */
function tellFacts(id, facts) {
  byId(id).replaceChildren(...facts.flatMap(([name, value]) => [make("dt", { text: name }), make("dd", {}, value)]));
}

/** @param {boolean} isReady */
function word(isReady) {
  return make("span", { class: `state ${isReady ? "good" : "bad"}`, text: isReady ? "ok" : "not ready" });
}

/** @param {number} people */
function toldTo(people) {
  if (people === 0) return "nobody: there is no auditor who can sign in with the second step that is required, and the configuration names no address";
  return people === 1 ? "one person" : `${people} people`;
}

/** @param {any} state */
function show(state) {
  const { limits } = state;
  tellFacts("ready", state.ready.map((/** @type {any} */ need) => [NEEDS[/** @type {keyof typeof NEEDS} */ (need.name)] ?? need.name, word(need.is_ready)]));
  tellFacts("amounts", [
    ["Stored", bytes(state.stored_len)],
    ...state.transfers.map((/** @type {any} */ count) => [TRANSFERS[/** @type {keyof typeof TRANSFERS} */ (count.name)] ?? count.name, counted(count.count, "transfer")]),
    ["Mail that waits", state.mail_waiting ? `${counted(state.mail_waiting, "mail")}, since ${when(state.mail_waiting_since)}` : "none"],
    ["Told of what is unusual", toldTo(state.alerts_mailed_to)],
  ]);
  tellFacts("departments", state.departments.map((/** @type {any} */ { name, stored, max_stored }) => [name, `${bytes(stored)}${max_stored === null ? "" : ` of ${bytes(max_stored)}`}`]));
  byId("departments-jacket").hidden = state.departments.length === 0;
  tellFacts("limits", [
    ["Files", `${limits.max_files} in a transfer, ${bytes(limits.max_file_len)} each, ${bytes(limits.max_transfer_len)} together`],
    ["Life", `${lasting(limits.max_lifetime)} at most`],
    ["Openings", `${limits.max_openings} at most`],
    ["A sender", `${counted(limits.max_transfers_per_day, "transfer")} a day, ${bytes(limits.max_stored)} waiting`],
    ["Signing in", state.sign_in_allow ? `who is invited, and ${state.sign_in_allow.join(", ")}` : "anyone: only this machine reaches this server"],
  ]);
  tellFacts("kept", state.kept.map((/** @type {any} */ setting) => [setting.name, setting.value]));
  byId("state").hidden = false;
}

async function load() {
  try {
    show(await call("GET", "/admin/state"));
  } catch (error) {
    tellError(byId("state-error"), signInOr(error));
  }
  tell(byId("state-note"), "");
}

wireAccount();
load();
