// The page's part of a streamed save: starts the service worker (worker/save-service.js), announces one download to it,
// has the browser ask for it, and keeps it awake until the worker that writes says that it is over.

import { workerUrl } from "../worker-link.js";

/** Below this folder, which nothing else uses, the service worker answers; in it lies nothing on the server. */
const SCOPE = new URL("../worker/saving/", import.meta.url).href;
/** Held while a download runs; whoever gets it alone may tidy up. */
const LOCK = "filmjacket-saving";
/** Milliseconds in which a service worker starts on any machine that can be used. */
const START_WITHIN = 20_000;

export class StreamedDownload {
  #id = crypto.randomUUID();
  /** @type {ServiceWorker} */
  #service;
  #frame = document.createElement("iframe");
  #release = () => {};
  /** Whether the browser was asked to download: from then on it may keep what it got. */
  begun = false;
  #leave = () => this.#service.postMessage({ type: "leave", id: this.#id });

  /** @param {ServiceWorker} service */
  constructor(service) {
    this.#service = service;
    this.#frame.hidden = true;
  }

  /**
   * Announces a download.
   * @param {string} name
   * @param {number | null} length  exact, or null if nobody can tell
   * @returns {Promise<{download: StreamedDownload, port: MessagePort}>} `port` is for the worker that writes
   * @throws if this browser has no service workers, or not here (private windows of some)
   */
  static async announce(name, length) {
    const download = new StreamedDownload(await startService());
    const { port1, port2 } = new MessageChannel();
    const announced = download.#ask({ type: "announce", name, length, port: port1 }, [port1]);
    if (!(await inTime(announced))) throw new Error("the service worker refused");
    download.#hold();
    return { download, port: port2 };
  }

  /** Has the browser ask for it, which starts the download. */
  begin() {
    // An own frame: a link with `download` goes past service workers, and leaving this page would ask the person.
    this.begun = true;
    this.#frame.src = SCOPE + this.#id;
    document.body.append(this.#frame);
  }

  /** Keeps it awake. @returns {Promise<boolean>} false if the service worker was stopped and the download is lost */
  async stay() {
    try {
      return await this.#ask({ type: "stay" });
    } catch {
      // The registration itself is gone.
      return false;
    }
  }

  /** Whatever has not ended by now is failed. */
  end() {
    this.#leave();
    this.#release();
    this.#frame.remove();
    window.removeEventListener("pagehide", this.#leave);
  }

  #hold() {
    navigator.locks.request(LOCK, { mode: "shared" }, () => new Promise((resolve) => (this.#release = () => resolve(undefined))));
    // A page that goes away must not leave a cut file behind that looks whole.
    window.addEventListener("pagehide", this.#leave);
  }

  /** @param {Record<string, any>} message @param {Transferable[]} [moved] @returns {Promise<boolean>} */
  #ask(message, moved = []) {
    return new Promise((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = ({ data }) => {
        port1.close();
        resolve(data);
      };
      this.#service.postMessage({ id: this.#id, ...message }, [port2, ...moved]);
    });
  }
}

/** @returns {Promise<ServiceWorker>} ready to be spoken to */
async function startService() {
  await navigator.locks.request(LOCK, { ifAvailable: true }, (lock) => (lock ? removeOld() : undefined));
  // Our policy has made sure that it is one of our scripts; older declarations of `register` know only strings.
  const registration = await navigator.serviceWorker.register(/** @type {any} */ (workerUrl("save-service")), { scope: SCOPE });
  const service = registration.active ?? registration.waiting ?? registration.installing;
  if (!service) throw new Error("no service worker");
  await activated(service);
  return service;
}

/** @param {ServiceWorker} service @returns {Promise<void>} */
function activated(service) {
  const active = new Promise((resolve, reject) => {
    const look = () => {
      if (service.state === "redundant") reject(new Error("the service worker was refused"));
      if (service.state === "activated") resolve(undefined);
    };
    service.addEventListener("statechange", look);
    look();
  });
  return inTime(active);
}

/** @template T @param {Promise<T>} work @returns {Promise<T>} */
function inTime(work) {
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error("the service worker does not start")), START_WITHIN));
  return Promise.race([work, /** @type {Promise<never>} */ (late)]);
}

/** Each version has its own folder, so one of an older version would never be asked again: it goes. */
async function removeOld() {
  const registrations = await navigator.serviceWorker.getRegistrations();
  await Promise.all(registrations.filter(({ scope }) => scope !== SCOPE).map((registration) => registration.unregister()));
}
