// Counts bytes and tells the page about five times a second: how far, how fast, how long still.

// A bar that is redrawn for every record costs more than the sealing itself.
const BETWEEN_REPORTS = 200;
// Seconds over which the rate is smoothed.
const SMOOTHING = 3;

export class Meter {
  #report;
  #done;
  #lengths;
  #rate = 0;
  #last = { at: performance.now(), done: 0 };
  #timer = 0;

  /**
   * @param {number[]} lengths  of each file
   * @param {(state: {files: number[], lengths: number[], done: number, total: number, rate: number, secondsLeft: number | null}) => void} report
   */
  constructor(lengths, report) {
    this.#lengths = lengths;
    this.#done = lengths.map(() => 0);
    this.#report = report;
  }

  /**
   * @param {number} file
   * @param {number} bytes  more; negative when bytes have to go again
   */
  add(file, bytes) {
    this.#done[file] += bytes;
    this.#timer ||= setTimeout(() => this.flush(), BETWEEN_REPORTS);
  }

  /**
   * A file starts again, maybe with another length.
   * @param {number} file
   * @param {number} length
   */
  setLength(file, length) {
    this.#lengths[file] = length;
    this.#done[file] = 0;
    this.restart();
    this.flush();
  }

  /** Reports now. */
  flush() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const total = sum(this.#lengths);
    const done = sum(this.#done);
    this.#measure(done);
    const secondsLeft = this.#rate > 0 ? (total - done) / this.#rate : null;
    this.#report({ files: [...this.#done], lengths: this.#lengths, done, total, rate: this.#rate, secondsLeft });
  }

  /** Forgets the pace: after a pause or a lost connection the old one tells nothing. */
  restart() {
    this.#rate = 0;
    this.#last = { at: performance.now(), done: sum(this.#done) };
  }

  /** @param {number} done */
  #measure(done) {
    const now = performance.now();
    const seconds = (now - this.#last.at) / 1000;
    if (seconds <= 0) return;
    const current = Math.max(0, done - this.#last.done) / seconds;
    const weight = this.#rate === 0 ? 1 : 1 - Math.exp(-seconds / SMOOTHING);
    this.#rate += (current - this.#rate) * weight;
    this.#last = { at: now, done };
  }
}

/** @param {number[]} numbers */
function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}
