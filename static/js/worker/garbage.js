// Browsers free what a finished request carried only when they collect its little object, and see no reason to: the bytes
// are not on JavaScript's heap. A study of gigabytes would stay in memory whole.

/**
 * Tells the collector of so many bytes more to look after, by a buffer that nobody touches and nobody keeps.
 * @param {number} bytes
 */
export function hurryCollector(bytes) {
  try {
    new ArrayBuffer(bytes);
  } catch {
    // Only a hint: where there is no room for it, the collector is at work already.
  }
}
