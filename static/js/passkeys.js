// Passkeys: hands the server's question to the browser and brings back its answer (W3C Web Authentication).

import { Problem } from "./api.js";

/** Whether this browser can do it. Those that cannot read the options as JSON (before 2025) are too old. */
export function hasPasskeys() {
  return typeof globalThis.PublicKeyCredential?.parseCreationOptionsFromJSON === "function";
}

/**
 * Makes a new passkey.
 * @param {any} options  from the server
 * @returns {Promise<any>} what the server checks
 */
export async function makePasskey(options) {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  return asked(navigator.credentials.create({ publicKey }));
}

/**
 * Shows a passkey.
 * @param {any} options  from the server
 * @returns {Promise<any>} what the server checks
 */
export async function showPasskey(options) {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return asked(navigator.credentials.get({ publicKey }));
}

/** @param {Promise<Credential | null>} asking */
async function asked(asking) {
  try {
    return /** @type {any} */ (await asking).toJSON();
  } catch (error) {
    throw new Problem({ kind: "passkey", status: 0, detail: sentence(error) });
  }
}

/** @param {unknown} error */
function sentence(error) {
  switch (error instanceof DOMException ? error.name : "") {
    case "InvalidStateError":
      return "This device holds a passkey for your account already.";
    case "NotSupportedError":
    case "SecurityError":
      return "This browser or device cannot use a passkey here. Please use another one, or an authenticator app.";
    default:
      // Refused, closed, waited too long, or no such passkey: browsers do not tell which.
      return "The browser gave no passkey. Please try again; if you did not see a question, this device may have none.";
  }
}
