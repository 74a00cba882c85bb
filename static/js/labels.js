// The sender's own words for a transfer, kept in this browser only. The server never sees them; signing out wipes them.

const KEY = "filmjacket-labels";
// Enough for months of work; the oldest go first.
const MOST = 500;

/** @returns {[string, string][]} */
function load() {
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(stored) ? stored : [];
  } catch {
    return [];
  }
}

/**
 * @param {string} transferId
 * @returns {string} empty if there is none
 */
export function labelOf(transferId) {
  return load().find(([id]) => id === transferId)?.[1] ?? "";
}

/**
 * @param {string} transferId
 * @param {string} label
 */
export function keepLabel(transferId, label) {
  try {
    localStorage.setItem(KEY, JSON.stringify([[transferId, label], ...load()].slice(0, MOST)));
  } catch {
    // Storage may be full or switched off; a label is a convenience, sending must not fail for it.
  }
}

/** Forgets all labels. */
export function wipeLabels() {
  try {
    localStorage.removeItem(KEY);
  } catch {
    // Switched off: then there is nothing to wipe.
  }
}
