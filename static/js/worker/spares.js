// Buffers that have done their work and wait for the next part. Memory that is new for each part can cost more than opening
// it: the system finds and clears every page of it, and takes it back afterwards.

// As many as are given back before the next is taken; more would only lie there.
const MOST = 2;

export class Spares {
  /** @type {ArrayBuffer[]} */
  #waiting = [];
  #over = false;

  /** One for the next part, of whatever length; undefined if there is none. */
  take() {
    return this.#waiting.pop();
  }

  /** Whoever gives one back reads it no more. @param {ArrayBufferLike} buffer */
  give(buffer) {
    if (!this.#over && this.#waiting.length < MOST) this.#waiting.push(/** @type {ArrayBuffer} */ (buffer));
    else free(buffer);
  }

  /** Keeps none any more. */
  end() {
    this.#over = true;
    this.#waiting.splice(0).forEach(free);
  }
}

/** Gives memory back to the system now; a collector would leave dozens of parts lying. @param {ArrayBufferLike} buffer */
function free(buffer) {
  /** @type {any} */ (buffer).transfer?.(0);
}
