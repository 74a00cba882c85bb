// Calls to the server's API and its errors (RFC 9457). Used by pages and workers alike, so it touches no document.

/** What went wrong, with a sentence for the person in front of the screen. */
export class Problem extends Error {
  /**
   * @param {{kind: string, status: number, detail: string, field?: string, missing?: string, tries?: number, retryAfter?: number, mailbox?: string}} fields
   */
  constructor({ kind, status, detail, field, missing, tries, retryAfter, mailbox }) {
    super(detail);
    this.name = "Problem";
    /** Stable name, the last segment of the problem's type. */
    this.kind = kind;
    /** HTTP status; 0 when no answer came. */
    this.status = status;
    this.field = field;
    this.missing = missing;
    this.tries = tries;
    /** Seconds to wait before the next try. */
    this.retryAfter = retryAfter;
    /** Where a code would be mailed, masked. */
    this.mailbox = mailbox;
  }

  /** Whether the same request may succeed later without anybody changing anything. */
  get passing() {
    if (this.kind === "quota-reached" || this.kind === "storage-full") return false;
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500 || this.kind === "digest-mismatch";
  }
}

/** The network gave no answer. */
export function offline() {
  return new Problem({ kind: "offline", status: 0, detail: "The server cannot be reached. Please check the connection and try again." });
}

/**
 * Reads the error from an answer that is not a success.
 * @param {number} status
 * @param {string} body
 * @param {string | null} retryAfter  the Retry-After header
 */
export function problemFrom(status, body, retryAfter) {
  /** @type {any} */
  let json = {};
  try {
    json = JSON.parse(body) ?? {};
  } catch {
    // A proxy on the way may answer with a page of its own; the status still tells what to do.
  }
  const kind = typeof json.type === "string" ? json.type.replace(/^.*\//, "") : "";
  const seconds = Number.parseInt(retryAfter ?? "", 10);
  return new Problem({
    kind,
    status,
    detail: json.detail || json.title || `The server answered with an error (${status}). Please try again in a moment.`,
    field: json.field,
    missing: json.missing,
    tries: json.tries,
    mailbox: json.mailbox,
    retryAfter: json.retry_after ?? (Number.isFinite(seconds) ? seconds : undefined),
  });
}

/**
 * One call with a JSON body and a JSON answer.
 * @param {string} method
 * @param {string} path  below /api/v1, such as `/transfers`
 * @param {unknown} [body]
 * @param {{signal?: AbortSignal, headers?: Record<string, string>}} [options]
 * @returns {Promise<any>} the parsed answer; undefined for an empty one
 */
export async function call(method, path, body, { signal, headers = {} } = {}) {
  /** @type {Response} */
  let answer;
  let text;
  try {
    answer = await fetch(`/api/v1${path}`, {
      method,
      headers: { Accept: "application/json", ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      redirect: "error",
      signal,
    });
    text = await answer.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw offline();
  }
  if (!answer.ok) throw problemFrom(answer.status, text, answer.headers.get("Retry-After"));
  noteServerTime(answer);
  return text === "" ? undefined : JSON.parse(text);
}

/** Milliseconds that the server's clock is ahead of this machine's. */
let clockAhead = 0;

/** @param {Response} answer */
function noteServerTime(answer) {
  const date = Date.parse(answer.headers.get("Date") ?? "");
  // The header has whole seconds; a smaller difference is only rounding.
  if (Number.isFinite(date) && Math.abs(date - Date.now()) > 2000) clockAhead = date - Date.now();
}

/** Seconds since 1970 by the server's clock, which decides when a link ends; hospital PCs' clocks are often off. */
export function serverNow() {
  return Math.floor((Date.now() + clockAhead) / 1000);
}
