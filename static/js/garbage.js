// Browsers free what a finished request carried only when they collect its little object, and see no reason to: the bytes
// are not on JavaScript's heap. A study of gigabytes would stay in memory whole. Chromium keeps them for the worker that
// asked, Firefox for the page's own thread, to which it hands a worker's requests: so both are told.

// Bytes that the collector is told of for each byte sent: collections, which find next to nothing else, after a few parts.
const HURRY = 4;

/**
 * Tells this thread's collector of bytes that were sent and are needed no more, by a buffer that nobody touches and nobody keeps.
 * @param {number} sent
 */
export function hurryCollector(sent) {
  try {
    new ArrayBuffer(HURRY * sent);
  } catch {
    // Only a hint: where there is no room for it, the collector is at work already.
  }
}
