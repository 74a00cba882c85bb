// Browsers free what a finished request carried only when they collect its little object, and see no reason to: the bytes
// are not on JavaScript's heap. A study of gigabytes would stay in memory whole.

/**
 * Tells the collector of so many bytes more to look after, by a buffer that nobody touches (which takes no memory) and
 * nobody keeps.
 * @param {number} bytes
 */
export function hurryCollector(bytes) {
  new ArrayBuffer(bytes);
}
