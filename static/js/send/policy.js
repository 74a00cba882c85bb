// What the sender's organisation allows, in words, before any file is chosen. The server has the last word (src/transfer).

import { byId, tell } from "../dom.js";
import { bytes, counted, lasting, times } from "../format.js";

/** Domains named in a sentence; more are counted. */
const NAMED = 3;

/** @param {string[]} domains */
function listed(domains) {
  if (domains.length > NAMED) return `${domains.slice(0, NAMED).join(", ")} and ${domains.length - NAMED} more`;
  return domains.length > 1 ? `${domains.slice(0, -1).join(", ")} and ${domains[domains.length - 1]}` : domains[0];
}

export class Policy {
  #policy;
  #department;

  /**
   * @param {{allowed_domains: string[], blocked_domains: string[], mailbox_code: "offered" | "patients" | "always"}} policy  from GET /api/v1/me
   * @param {{name: string, stored: number, max_stored: number} | null} department  the same; null where it has no quota
   */
  constructor(policy, department) {
    this.#policy = policy;
    this.#department = department;
  }

  /** Bytes that the department's quota leaves, as they were when the page came. */
  get #left() {
    return this.#department ? Math.max(0, this.#department.max_stored - this.#department.stored) : Infinity;
  }

  /** The rules that this sender has to keep, in two or three sentences. @param {any} limits */
  show(limits) {
    const { allowed_domains, blocked_domains, mailbox_code } = this.#policy;
    const sentences = [
      `Up to ${counted(limits.max_files, "file")}, ${bytes(limits.max_file_len)} each and ${bytes(limits.max_transfer_len)} together. A link works for ${lasting(limits.max_lifetime)} and can be opened ${times(limits.max_openings)} at most.`,
    ];
    if (allowed_domains.length > 0) sentences.push(`Your organisation sends only to ${listed(allowed_domains)}.`);
    if (blocked_domains.length > 0) sentences.push(`It does not send to ${listed(blocked_domains)}.`);
    if (mailbox_code === "patients") sentences.push("Patients are always asked for a code from their mailbox too.");
    if (mailbox_code === "always") sentences.push("Recipients are always asked for a code from their mailbox too.");
    if (this.#department) {
      const { name, stored, max_stored } = this.#department;
      const left = this.#left > 0 ? `${bytes(this.#left)} are left` : "nothing is left";
      sentences.push(`The transfers of ${name} hold ${bytes(stored)} of ${bytes(max_stored)} together: ${left}.`);
    }
    tell(byId("policy"), sentences.join(" "));
  }

  /**
   * What speaks against files of this length together, in a sentence; empty if nothing does.
   * @param {number} total
   */
  faultOfLength(total) {
    if (total <= this.#left) return "";
    const { name, max_stored } = /** @type {NonNullable<typeof this.#department>} */ (this.#department);
    return `The transfers of ${name} may hold ${bytes(max_stored)} together, and there is not so much room left. End transfers that are no longer needed, or ask your administrator.`;
  }

  /**
   * What speaks against this recipient, in a sentence; empty if nothing does.
   * @param {string} address
   */
  fault(address) {
    const { allowed_domains, blocked_domains } = this.#policy;
    const domain = asciiDomain(address);
    const isIn = (/** @type {string[]} */ domains) => domains.some((known) => domain === known || domain.endsWith(`.${known}`));
    const wayOut = "Please check the address, or ask your administrator to allow it.";
    if (isIn(blocked_domains)) return `Your organisation does not send to ${domain}. ${wayOut}`;
    if (allowed_domains.length === 0 || isIn(allowed_domains)) return "";
    return `Your organisation sends only to ${listed(allowed_domains)}. ${wayOut}`;
  }

  /** Whether a code from the mailbox is asked for whatever the sender wants. @param {string} kind */
  demandsCode(kind) {
    const rule = this.#policy.mailbox_code;
    return rule === "always" || (rule === "patients" && kind === "patient");
  }
}

/** The domain as the DNS and the server have it; as it was typed if it is none. @param {string} address */
function asciiDomain(address) {
  const domain = address.slice(address.lastIndexOf("@") + 1);
  try {
    return new URL(`http://${domain}`).hostname;
  } catch {
    return domain.toLowerCase();
  }
}
