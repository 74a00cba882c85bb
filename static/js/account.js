// What signed-in pages share: the sign-out button, and going to the sign-in page when the session has run out.

import { Problem, call } from "./api.js";
import { byId } from "./dom.js";
import { sweepDrafts, wipeDrafts } from "./drafts.js";
import { wipeLabels } from "./labels.js";

/** Where tabs tell each other that somebody signed in; an upload that waits for it goes on. */
export const SESSION_CHANNEL = "filmjacket-session";

/** Wires the header's sign-out button, and wipes drafts that are too old. */
export function wireAccount() {
  sweepDrafts();
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
    if (error.kind === "profile-missing") location.assign("/welcome");
    return error.message;
  }
  console.error(error);
  return "Something went wrong in this page. Please reload it.";
}
