// Bytes as base64 (RFC 4648, section 4), as HTTP fields and JSON hold them. For short ones: Content-Digest, a draft.

/** @param {Uint8Array} bytes  a few thousand at most */
export function toBase64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}

/** @param {string} text @returns {Uint8Array<ArrayBuffer>} */
export function fromBase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
