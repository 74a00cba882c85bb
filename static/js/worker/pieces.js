// Reads a stream of bytes through one small buffer, over and over, where the engine can. Memory that is new for every piece
// of a study costs as much as sealing it: the system clears each page before it is used.

// Bytes; larger ones were no faster in any engine.
const PIECE = 256 * 1024;

// Readers that are waiting. At least Chromium else collects a stream of a file that only its own reader's promise refers to,
// and the promise is never settled.
const waiting = new Set();

/**
 * @param {ReadableStream<Uint8Array>} stream
 * @param {(piece: Uint8Array) => void} take  must copy what it keeps; the piece is overwritten afterwards
 * @returns {Promise<void>} when the stream has ended; rejects if it breaks, or with what `take` throws
 */
export async function takePieces(stream, take) {
  const byob = byobReader(stream);
  const reader = byob ?? stream.getReader();
  waiting.add(reader);
  try {
    await (byob ? takeIntoBuffer(byob, take) : takeAsTheyCome(/** @type {any} */ (reader), take));
  } finally {
    waiting.delete(reader);
  }
}

/** @param {ReadableStreamBYOBReader} reader @param {(piece: Uint8Array) => void} take */
async function takeIntoBuffer(reader, take) {
  for (let buffer = new ArrayBuffer(PIECE); ; ) {
    const { value, done } = await reader.read(new Uint8Array(buffer));
    if (done) return;
    take(value);
    buffer = /** @type {ArrayBuffer} */ (value.buffer);
  }
}

/** @param {ReadableStreamDefaultReader<Uint8Array>} reader @param {(piece: Uint8Array) => void} take */
async function takeAsTheyCome(reader, take) {
  for (let step = await reader.read(); !step.done; step = await reader.read()) take(step.value);
}

/** @param {ReadableStream<Uint8Array>} stream */
function byobReader(stream) {
  try {
    return stream.getReader({ mode: "byob" });
  } catch {
    // Not a byte stream in this engine.
    return null;
  }
}
