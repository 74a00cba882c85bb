// People: the list, inviting, changing what somebody may do, disabling.

import { signInOr, wireAccount } from "../account.js";
import { addressFault } from "../address.js";
import { Problem, call } from "../api.js";
import { addressText, byId, isolated, make, tell, tellError, whileBusy } from "../dom.js";
import { counted, when } from "../format.js";
import { ask, pagedList } from "./pages.js";

const ROLES = { sender: "sends", department_head: "heads the department", auditor: "auditor", administrator: "administrator" };

const STATES = {
  active: { text: "active", tone: "good" },
  invited: { text: "invited", tone: "wait" },
  invitation_over: { text: "invitation expired", tone: "" },
  not_yet: { text: "not yet", tone: "wait" },
  over: { text: "over", tone: "" },
  disabled: { text: "disabled", tone: "bad" },
  not_allowed: { text: "not allowed", tone: "" },
};

const dialog = /** @type {HTMLDialogElement} */ (byId("person-dialog"));
/** Who is being changed; null while somebody is invited. @type {any} */
let person = null;

/** @param {string} id @returns {HTMLInputElement} */
const input = (id) => /** @type {HTMLInputElement} */ (byId(id));

/** The day that a moment falls on here, as a date field wants it. @param {Date} moment */
function dayOf(moment) {
  const two = (/** @type {number} */ number) => String(number).padStart(2, "0");
  return `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
}

/** The last day of what ends before this moment. @param {string} time */
function lastDayOf(time) {
  return dayOf(new Date(Date.parse(time) - 1000));
}

/** The first second of a day here, some days later; null for no day. @param {string} day @param {number} later */
function startOf(day, later) {
  if (!day) return null;
  const [year, month, date] = day.split("-").map(Number);
  return `${new Date(year, month - 1, date + later).toISOString().slice(0, 19)}Z`;
}

/** @param {any} shown */
function draw(shown) {
  const { may } = shown;
  const { text, tone } = STATES[/** @type {keyof typeof STATES} */ (shown.state)];
  const who = make("div", {}, make("p", { class: "to" }, addressText(shown.email)));
  if (shown.name) who.append(make("p", { class: "meta" }, isolated(shown.name)));
  const what = make("div", {}, make("p", { text: may.roles.map((/** @type {keyof typeof ROLES} */ role) => ROLES[role]).join(", ") || "nothing" }));
  if (may.department) what.append(make("p", { class: "meta" }, isolated(may.department)));
  const facts = [
    may.valid_from && `from ${dayOf(new Date(may.valid_from))}`,
    may.valid_until && `until ${lastDayOf(may.valid_until)}`,
    shown.tokens > 0 && counted(shown.tokens, "access token"),
    shown.has_identity && "by single sign-on",
    shown.signed_in_at ? `last here ${when(shown.signed_in_at)}` : "never signed in",
  ];
  const state = make("div", {}, make("span", { class: `state ${tone}`, text }), ...facts.filter(Boolean).map((fact) => make("p", { class: "meta", text: fact })));
  const buttons = make("div", { class: "buttons" }, button(shown, "Change", "change", "btn", async () => openDialog(shown)));
  if (shown.state !== "active") buttons.append(button(shown, "Invite again", "invite-again", "btn", () => inviteAgain(shown)));
  if (shown.has_identity && !shown.is_me) buttons.append(button(shown, "Disconnect", "disconnect", "btn", () => disconnect(shown)));
  if (shown.state === "disabled") buttons.append(button(shown, "Enable", "enable", "btn", () => act(shown, "enable", "can sign in again.")));
  else if (!shown.is_me) buttons.append(button(shown, "Disable", "disable", "btn danger", () => disable(shown)));
  return make("li", { class: "transfer", "data-email": shown.email }, who, what, state, buttons);
}

/**
 * @param {any} shown @param {string} label @param {string} name @param {string} look
 * @param {() => Promise<unknown>} work
 */
function button(shown, label, name, look, work) {
  const made = make("button", { type: "button", class: `${look} ${name}`, text: label, "aria-label": `${label}: ${shown.email}` });
  made.addEventListener("click", () => whileBusy(made, work));
  return made;
}

/** @param {any} shown */
async function disable(shown) {
  const title = ["Disable ", addressText(shown.email), "?"];
  const text = "They are signed out at once, uploads included, their access tokens end, and they cannot sign in. What they sent can still be opened: end it under “Under way” if it must not.";
  if (await ask({ title, text, yes: "Disable" })) await act(shown, "disable", "is disabled.");
}

/** @param {any} shown */
async function disconnect(shown) {
  const title = ["Disconnect ", addressText(shown.email), " from the clinic’s sign-in?"];
  const text = "Only for somebody who got a new account at the clinic. Make sure by voice that it is they who ask: from then on, whoever signs in at the clinic with this address, or reads its mail if codes are mailed, gets this account. They are signed out at once, and their access tokens end.";
  if (await ask({ title, text, yes: "Disconnect" })) await act(shown, "identity", "is disconnected.", "DELETE");
}

/** @param {any} shown */
async function inviteAgain(shown) {
  await act(shown, "invitation", "gets a new invitation, good for 14 days.");
}

/** Does it, and draws the line anew. @param {any} shown @param {string} what @param {string} outcome @param {string} method */
async function act(shown, what, outcome, method = "POST") {
  tellError(byId("people-error"), "");
  try {
    await call(method, `/admin/people/${shown.account_id}/${what}`);
    await redraw(shown.account_id, shown.email);
    tell(byId("people-note"), `${shown.email} ${outcome}`);
  } catch (error) {
    tellError(byId("people-error"), signInOr(error));
  }
}

/** @param {string} accountId @param {string} email */
async function redraw(accountId, email) {
  const fresh = draw(await call("GET", `/admin/people/${accountId}`));
  document.querySelector(`[data-email="${CSS.escape(email)}"]`)?.replaceWith(fresh);
  // The button that was pressed is gone with the old line.
  /** @type {HTMLElement} */ (fresh.querySelector(".change")).focus();
}

/** @param {any} shown  null to invite somebody */
function openDialog(shown) {
  person = shown;
  const may = shown?.may ?? { roles: ["sender"], department: "" };
  byId("person-title").replaceChildren(...(shown ? ["Change ", addressText(shown.email)] : ["Invite somebody"]));
  byId("email-field").hidden = Boolean(shown);
  byId("save-person").textContent = shown ? "Save" : "Send invitation";
  input("email").value = "";
  for (const role of Object.keys(ROLES)) input(`role-${role}`).checked = may.roles.includes(role);
  input("department").value = may.department;
  input("valid-from").value = may.valid_from ? dayOf(new Date(may.valid_from)) : "";
  input("valid-until").value = may.valid_until ? lastDayOf(may.valid_until) : "";
  tellError(byId("person-error"), "");
  input("email").removeAttribute("aria-invalid");
  dialog.showModal();
}

function wanted() {
  return {
    roles: Object.keys(ROLES).filter((role) => input(`role-${role}`).checked),
    department: input("department").value.trim(),
    valid_from: startOf(input("valid-from").value, 0),
    valid_until: startOf(input("valid-until").value, 1),
  };
}

/** Which field a refusal is about. @param {unknown} error */
function fieldOf(error) {
  const fields = { email: "email", "may.department": "department", "may.valid_until": "valid-until" };
  const field = error instanceof Problem ? fields[/** @type {keyof typeof fields} */ (error.field)] : undefined;
  return field ? input(field) : undefined;
}

async function save() {
  const address = input("email").value.trim();
  const fault = person ? "" : addressFault(address);
  for (const field of ["email", "department", "valid-until"]) input(field).removeAttribute("aria-invalid");
  tellError(byId("person-error"), fault, fault ? input("email") : undefined);
  if (fault) return;
  try {
    if (person) {
      await call("PUT", `/admin/people/${person.account_id}`, wanted());
      dialog.close();
      await redraw(person.account_id, person.email);
      tell(byId("people-note"), `${person.email} is changed.`);
    } else {
      const invited = await call("POST", "/admin/people", { email: address, may: wanted() });
      dialog.close();
      input("search").value = "";
      await load();
      tell(byId("people-note"), `${invited.email} gets an invitation, good for 14 days.`);
    }
  } catch (error) {
    if (dialog.open) tellError(byId("person-error"), signInOr(error), fieldOf(error));
    else tellError(byId("people-error"), signInOr(error));
  }
}

const load = pagedList("people", async (search, next) => {
  const after = next ? `&after=${encodeURIComponent(next)}` : "";
  const page = await call("GET", `/admin/people?limit=30&search=${encodeURIComponent(search)}${after}`);
  byId("departments").replaceChildren(...page.departments.map((/** @type {string} */ name) => make("option", { value: name })));
  return { lines: page.people.map(draw), next: page.next };
});

wireAccount();
byId("invite").addEventListener("click", () => openDialog(null));
byId("close-person").addEventListener("click", () => dialog.close());
byId("person-form").addEventListener("submit", (event) => {
  event.preventDefault();
  whileBusy(byId("save-person"), save);
});
load();
