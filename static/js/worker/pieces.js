// Reads a stream of bytes through one small buffer, over and over, where the engine can. Memory that is new for every piece
// of a study costs as much as sealing it: the system clears each page before it is used.

// Bytes; larger ones were no faster in any engine.
const PIECE = 256 * 1024;

// Readers that are waiting. At least Chromium else collects a stream of a file that only its own reader's promise refers to,
// and the promise is never settled.
const waiting = new Set();

/**
 * Takes bytes from a stream's beginning. Whatever comes after them is not read.
 * @param {ReadableStream<Uint8Array>} stream
 * @param {number} length  how many
 * @param {(piece: Uint8Array) => void} take  must copy what it keeps; the piece is overwritten afterwards
 * @returns {Promise<number>} bytes taken: fewer if the stream ended or broke before. Rejects only with what `take` throws
 */
export async function takePieces(stream, length, take) {
  const read = reading(stream);
  waiting.add(read);
  let taken = 0;
  try {
    // Until the end is seen, not only the last byte: a connection whose answer was not read out is not used again.
    for (let piece = await read.next(); piece && (taken < length || piece.length === 0); piece = await read.next()) {
      const wanted = piece.subarray(0, length - taken);
      take(wanted);
      taken += wanted.length;
    }
    return taken;
  } finally {
    waiting.delete(read);
    read.cancel();
  }
}

/** `next` gives the next piece; null when the stream has ended or broke. @param {ReadableStream<Uint8Array>} stream */
function reading(stream) {
  const byob = byobReader(stream);
  const reader = byob ?? stream.getReader();
  const cancel = () => void reader.cancel().catch(() => {});
  let buffer = new ArrayBuffer(byob ? PIECE : 0);
  const next = async () => {
    const { value, done } = await (byob ? byob.read(new Uint8Array(buffer)) : /** @type {ReadableStreamDefaultReader} */ (reader).read());
    if (done) return null;
    if (byob) buffer = value.buffer;
    return /** @type {Uint8Array} */ (value);
  };
  return { next: () => next().catch(() => null), cancel };
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
