// The second step at the provider: the page leads there by a link. The fragment says where an act asked for the step; the
// server brings the browser back there, if it is one of its pages that ask.

import { wireAccount } from "./account.js";
import { byId } from "./dom.js";

if (location.pathname === "/second-step" && location.hash.length > 1) {
  const then = `/${location.hash.slice(1)}`;
  /** @type {HTMLAnchorElement} */ (byId("to-provider")).href = `/sign-in/provider?${new URLSearchParams({ then })}`;
}
wireAccount();
