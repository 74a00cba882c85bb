// What signed-in pages share: the sign-out button, and going to the sign-in page when the session has run out.

import { Problem, call } from "./api.js";
import { byId } from "./dom.js";
import { sweepDrafts, wipeDrafts } from "./drafts.js";
import { wipeLabels } from "./labels.js";

/** Where tabs tell each other that somebody signed in; an upload that waits for it goes on. */
export const SESSION_CHANNEL = "filmjacket-session";

/** How often the server is told that somebody is here: it writes it down at most once a minute. */
const STAY_EVERY = 60_000;

/** Reading asks the server for nothing, but a hand on the keyboard or the mouse says that the person is still there. */
function stayWhileUsed() {
  let toldAt = Date.now();
  const tell = () => {
    if (Date.now() - toldAt < STAY_EVERY) return;
    toldAt = Date.now();
    // Whatever is asked next finds out by itself that the session is over.
    call("POST", "/session").catch(() => {});
  };
  for (const sign of ["keydown", "pointerdown", "wheel"]) addEventListener(sign, tell, { passive: true });
}

/** Wires the header's sign-out button, wipes drafts that are too old, and keeps the session while the page is used. */
export function wireAccount() {
  sweepDrafts();
  stayWhileUsed();
  byId("sign-out").addEventListener("click", async () => {
    wipeLabels();
    await wipeDrafts();
    try {
      await call("DELETE", "/session");
    } catch (error) {
      if (!(error instanceof Problem && error.kind === "sign-in-needed")) {
        byId("sign-out").textContent = `Not signed out: ${error instanceof Error ? error.message : error}`;
        return;
      }
    }
    location.assign("/");
  });
}

/**
 * Leaves for the sign-in page if that is what the error asks for.
 * @param {unknown} error
 * @returns {string} otherwise, the sentence to show
 */
export function signInOr(error) {
  if (error instanceof Problem) {
    if (error.kind === "sign-in-needed") location.assign("/");
    if (error.kind === "second-step-needed") location.assign("/second-step");
    if (error.kind === "second-step-missing") location.assign("/account");
    if (error.kind === "step-up-needed") location.assign(`/second-step#${location.pathname.slice(1)}`);
    if (error.kind === "profile-missing") location.assign("/welcome");
    return error.message;
  }
  console.error(error);
  return "Something went wrong in this page. Please reload it.";
}
