// Spreads the parts of all files over the pool's helpers and sees each through: claimed once, sealed once, sent until it is
// there, confirmed. A file that cannot be finished under its key starts again under a new one. Holds no bytes itself.

import { call } from "../api.js";
import { Turns, persist } from "./transport.js";

// Parts that a helper holds at a time: one travels while the next is read and sealed.
const LANES_A_HELPER = 2;
// Parts on their way at the same time. Browsers open six connections to a server at most (HTTP/1.1); one stays free for
// other calls. A part that waited inside the browser would look like one that stalled.
const TRAVELLING = 5;
// How often a file starts again by itself; what fails more often needs a person.
const RESTARTS = 2;

/**
 * @typedef {object} Course  where a file is
 * @property {number} index
 * @property {File | null} file  null until it was chosen again after a reload
 * @property {string} objectId  as the server knows it
 * @property {number} next  the part that is handed out next
 * @property {number} count
 * @property {number} confirmed
 * @property {number} underWay
 * @property {AbortController} stop  aborted when the file's key is given up
 * @property {number} restarts
 * @property {"sending" | "given-up" | "lost" | "done"} state
 */

export class Upload {
  #job;
  /** @type {Course[]} */
  #courses;
  #travelling = new Turns(TRAVELLING);
  #turn = 0;
  #failed = new AbortController();
  /** Lanes that wait for something to do. @type {(() => void)[]} */
  #idle = [];

  /**
   * @param {object} job
   * @param {any} job.sealing  the WASM client's Sealing
   * @param {(File | null)[]} job.files  null for one that is complete already
   * @param {string[]} job.objectIds  as the server knows them; those of interrupted files are replaced
   * @param {import("./pool.js").Pool} job.pool
   * @param {number} job.partLen  plaintext bytes of a part
   * @param {import("./meter.js").Meter} job.meter
   * @param {import("./detour.js").Detour} job.detour  which way parts go
   * @param {Parameters<typeof persist>[1]} job.patience
   * @param {() => void} job.onMoved  a part has arrived
   * @param {(bytes: number) => void} job.onCarried  a request with so many bytes is over, one way or the other
   * @param {() => Promise<void>} job.onFile  a file is complete, or is another object now
   * @param {(index: number, why: string) => void} job.onLost  a file must be chosen again
   */
  constructor(job) {
    this.#job = job;
    this.#courses = job.files.map((file, index) => this.#courseOf(file, index));
  }

  #courseOf(/** @type {File | null} */ file, /** @type {number} */ index) {
    const { sealing, objectIds } = this.#job;
    const objectId = objectIds[index];
    const course = { index, file, objectId, next: 0, count: 0, confirmed: 0, underWay: 0, stop: new AbortController(), restarts: 0 };
    const own = sealing.is_interrupted(index) ? null : sealing.object_id(index);
    // Interrupted by a reload, or chosen anew because it changed: the server still has the object before it.
    if (own !== objectId) return { ...course, state: /** @type {const} */ ("given-up") };
    const state = sealing.is_complete(index) ? /** @type {const} */ ("done") : /** @type {const} */ ("sending");
    return { ...course, count: sealing.part_count(index), state };
  }

  /** Resolves when every file is there. */
  async run() {
    const { pool, patience } = this.#job;
    this.#job.patience = { ...patience, signal: AbortSignal.any([patience.signal, this.#failed.signal]) };
    try {
      await Promise.all(this.#courses.map((course) => (course.state === "given-up" ? this.#startAgain(course) : undefined)));
      const lanes = pool.helpers.flatMap((helper) => Array.from({ length: LANES_A_HELPER }, () => this.#lane(helper)));
      await Promise.all(lanes);
      // Lanes end before the work is done only when their helpers died; asking for a live one says so.
      if (!this.#isDone) void pool.freest;
    } catch (error) {
      // The other lanes must not go on behind a transfer that has failed.
      this.#failed.abort();
      this.#wake();
      throw error;
    }
  }

  /**
   * Goes on with a file that was lost, chosen again.
   * @param {number} index
   * @param {File} file
   */
  async replace(index, file) {
    const course = this.#courses[index];
    if (course.state !== "lost") return;
    Object.assign(course, { file, restarts: 0, state: "given-up" });
    await this.#startAgain(course);
  }

  get #isDone() {
    return this.#courses.every((course) => course.state === "done");
  }

  async #lane(/** @type {import("./pool.js").Helper} */ helper) {
    const { gate } = this.#job.patience;
    while (!helper.isOver && !this.#failed.signal.aborted && !this.#isDone) {
      await gate.pass();
      const course = this.#nextCourse();
      if (course) await this.#carry(helper, course, course.next++);
      else await new Promise((resolve) => this.#idle.push(() => resolve(undefined)));
    }
    this.#wake();
  }

  /** The files take turns, so that a small one does not wait for a large one. */
  #nextCourse() {
    for (let tried = 0; tried < this.#courses.length; tried++) {
      const course = this.#courses[this.#turn++ % this.#courses.length];
      if (course.state === "sending" && course.next < course.count) return course;
    }
    return null;
  }

  #wake() {
    for (const wake of this.#idle.splice(0)) wake();
  }

  async #carry(/** @type {import("./pool.js").Helper} */ helper, /** @type {Course} */ course, /** @type {number} */ n) {
    const { sealing, partLen } = this.#job;
    const { objectId, stop } = course;
    const part = `${objectId}/${n}`;
    course.underWay++;
    try {
      const slice = /** @type {File} */ (course.file).slice(n * partLen, (n + 1) * partLen);
      const sealer = sealing.claim_part(course.index, n);
      await helper.ask("seal", { part, sealer, slice }, { transfer: [sealer.buffer] });
      await this.#put(helper, course, n, stop.signal);
      if (stop.signal.aborted) return;
      sealing.confirm_part(objectId, n);
      this.#job.onMoved();
      if (++course.confirmed === course.count) {
        course.state = "done";
        await this.#job.onFile();
        this.#wake();
      }
    } catch (error) {
      helper.ask("drop", { part }).catch(() => {});
      if (!stop.signal.aborted) this.#giveUp(helper, course, error);
    } finally {
      course.underWay--;
      if (course.state === "given-up" && course.underWay === 0) await this.#startAgain(course);
    }
  }

  async #put(/** @type {import("./pool.js").Helper} */ helper, /** @type {Course} */ { index, objectId, file }, /** @type {number} */ n, /** @type {AbortSignal} */ stopped) {
    const { sealing, partLen, meter, detour, patience, onCarried } = this.#job;
    const length = Math.min(partLen, /** @type {File} */ (file).size - n * partLen);
    const path = `/transfers/${sealing.transfer_id}/objects/${objectId}/parts/${n}`;
    const signal = AbortSignal.any([patience.signal, stopped]);
    const attempt = async (/** @type {AbortSignal} */ signal) => {
      let counted = 0;
      const count = (/** @type {number} */ sent) => {
        if (!stopped.aborted) meter.add(index, sent - counted);
        counted = sent;
      };
      const leave = await this.#travelling.enter(signal);
      try {
        const part = `${objectId}/${n}`;
        count(await detour.carry((direct) => helper.ask("put", { part, path, direct }, { signal, onProgress: count })));
      } catch (error) {
        count(0);
        throw error;
      } finally {
        leave();
        onCarried(length);
      }
    };
    await persist(attempt, { ...patience, signal });
  }

  /** A part that was claimed came to nothing: the file's key is not used any more. What is not the file's fault is thrown. */
  #giveUp(/** @type {import("./pool.js").Helper} */ helper, /** @type {Course} */ course, /** @type {any} */ error) {
    const isFile = error.kind === "file-changed";
    if (!isFile && !helper.isOver) throw error;
    course.stop.abort();
    course.state = "given-up";
  }

  /** Starts a file again if it can be read; else a person must choose it again. */
  async #startAgain(/** @type {Course} */ course) {
    const { onLost, patience } = this.#job;
    // Only one of the lanes that saw it fail does this.
    course.state = "lost";
    const file = course.file;
    if (!file || course.restarts++ >= RESTARTS || !(await isReadable(file))) {
      onLost(course.index, "");
      return;
    }
    try {
      await this.#restart(course, file);
    } catch (error) {
      patience.signal.throwIfAborted();
      // Too long now, or over the quota: the sentence says which, and another file may do.
      if (!["object-too-long", "transfer-too-long", "quota-reached"].includes(/** @type {any} */ (error).kind)) throw error;
      onLost(course.index, /** @type {Error} */ (error).message);
    }
  }

  async #restart(/** @type {Course} */ course, /** @type {File} */ file) {
    const { sealing, meter, patience, onFile } = this.#job;
    const { index, objectId } = course;
    sealing.restart_file(index, file.size);
    const body = { object_id: sealing.object_id(index), object_len: sealing.object_len(index) };
    await persist((signal) => call("POST", `/transfers/${sealing.transfer_id}/objects/${objectId}/restart`, body, { signal }), patience);
    meter.setLength(index, body.object_len);
    Object.assign(course, { objectId: body.object_id, next: 0, count: sealing.part_count(index), confirmed: 0, stop: new AbortController(), state: "sending" });
    await onFile();
    this.#wake();
  }
}

/** Whether both ends of a file can be read. @param {File} file */
async function isReadable(file) {
  for (const slice of [file.slice(0, 1), file.slice(-1)]) {
    const bytes = await slice.arrayBuffer().catch(() => null);
    if (bytes?.byteLength !== slice.size) return false;
  }
  return true;
}

