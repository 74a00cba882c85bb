// Patience: tries again what failed in passing, waits when told to, stops when asked. Knows nothing of what it carries.

import { Problem } from "../api.js";

/** What is mended by signing in, the second step included. */
const SIGN_IN_KINDS = ["sign-in-needed", "second-step-needed", "second-step-missing"];

// Seconds between tries. Short enough to go on at once after a hiccup, long enough to leave an overloaded server alone.
const FIRST_WAIT = 0.5;
const LONGEST_WAIT = 30;
// A server that asks for a longer pause than this has a reason that a person should read.
const LONGEST_OBEYED = 120;

/** Lets only so many work at the same time. */
export class Turns {
  #free;
  /** @type {(() => void)[]} */
  #waiting = [];

  /** @param {number} places */
  constructor(places) {
    this.#free = places;
  }

  /**
   * Waits for a place.
   * @param {AbortSignal} signal
   * @returns {Promise<() => void>} gives the place back
   */
  async enter(signal) {
    while (this.#free === 0 && !signal.aborted) {
      await new Promise((resolve) => {
        this.#waiting.push(() => resolve(undefined));
        signal.addEventListener("abort", resolve, { once: true });
      });
    }
    signal.throwIfAborted();
    this.#free--;
    return () => {
      this.#free++;
      // All of them look again: one that has been stopped meanwhile must not take another's turn with it.
      for (const wake of this.#waiting.splice(0)) wake();
    };
  }
}

/** Lets work through while open; holds it while closed. */
export class Gate {
  /** @type {Promise<void>} */
  #opened = Promise.resolve();
  #open = () => {};
  #interrupt = new AbortController();
  closed = false;

  /** Holds what comes, and interrupts what is on its way. */
  close() {
    if (this.closed) return;
    this.closed = true;
    this.#opened = new Promise((resolve) => (this.#open = resolve));
    this.#interrupt.abort();
  }

  open() {
    if (!this.closed) return;
    this.closed = false;
    this.#interrupt = new AbortController();
    this.#open();
  }

  pass() {
    return this.#opened;
  }

  /** Aborted when the gate closes. */
  get signal() {
    return this.#interrupt.signal;
  }
}

/**
 * Runs `attempt` until it succeeds or fails for good.
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} attempt  must stop when the signal says so
 * @param {object} options
 * @param {Gate} options.gate  closed while paused or signed out
 * @param {AbortSignal} options.signal  aborted for good
 * @param {() => void} options.onWaiting  before each wait for the network
 * @param {() => void} [options.onSignInNeeded]  the session ran out; the gate must be closed by then
 * @returns {Promise<T>}
 */
export async function persist(attempt, { gate, signal, onWaiting, onSignInNeeded }) {
  for (let failures = 0; ; ) {
    await gate.pass();
    signal.throwIfAborted();
    const interrupted = gate.signal;
    try {
      return await attempt(AbortSignal.any([signal, interrupted]));
    } catch (error) {
      signal.throwIfAborted();
      if (interrupted.aborted) continue;
      if (!(error instanceof Problem)) throw error;
      if (SIGN_IN_KINDS.includes(error.kind) && onSignInNeeded) {
        onSignInNeeded();
        continue;
      }
      if (!error.passing || (error.retryAfter ?? 0) > LONGEST_OBEYED) throw error;
      onWaiting();
      // Without a network there is nothing to try: the nap ends when it comes back, or to see whether the browser errs.
      const isOffline = error.status === 0 && navigator.onLine === false;
      await nap(isOffline ? LONGEST_WAIT : waitBefore(failures++, error.retryAfter), AbortSignal.any([signal, interrupted]));
    }
  }
}

/**
 * Doubling waits, each drawn from its upper half so that many clients do not come back at the same moment.
 * @param {number} failures  earlier ones
 * @param {number} [retryAfter]  what the server asked for, in seconds
 */
function waitBefore(failures, retryAfter = 0) {
  const longest = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(failures, 6));
  return Math.max(retryAfter, longest * (0.5 + Math.random() / 2));
}

/**
 * Waits; ends early when the network comes back or the work is interrupted.
 * @param {number} seconds
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
function nap(seconds, signal) {
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      self.removeEventListener("online", wake);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const timer = setTimeout(wake, seconds * 1000);
    self.addEventListener("online", wake);
    signal.addEventListener("abort", wake);
    if (signal.aborted) wake();
  });
}
