// Bytes as base64 (RFC 4648, section 4), as HTTP fields and JSON hold them. For short ones: Content-Digest, a draft.

/** @param {Uint8Array} bytes */
export function toBase64(bytes) {
  let text = "";
  // A call takes only so many arguments.
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

/** The same as the API's JSON has it (section 5, without padding). @param {string} base64 */
export function toBase64Url(base64) {
  return base64.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** @param {string} text @returns {Uint8Array<ArrayBuffer>} */
export function fromBase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
