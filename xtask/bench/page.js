// The measuring page: asks workers one after the other and leaves the figures in `window.outcome`.

const { bytes, rounds } = JSON.parse(document.documentElement.dataset.sizes);

class Asked {
  #worker = new Worker("/worker.js", { type: "module" });

  ask(question) {
    return new Promise((resolve, reject) => {
      this.#worker.onmessage = ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data.answer));
      this.#worker.onerror = (event) => reject(new Error(event.message || "the worker does not start"));
      this.#worker.postMessage(question);
    });
  }

  end() {
    this.#worker.terminate();
  }
}

async function alone(question) {
  const worker = new Asked();
  const answer = await worker.ask(question);
  worker.end();
  return answer;
}

/** Megabytes a second of one worker and of as many as the machine has cores; the best of the rounds of each. */
async function pool() {
  const workers = Array.from({ length: Math.min(8, Math.max(2, navigator.hardwareConcurrency)) }, () => new Asked());
  await Promise.all(workers.map((worker) => worker.ask({ task: "load", bytes })));
  const speed = async (some) => {
    const begun = performance.now();
    await Promise.all(some.map((worker) => worker.ask({ task: "sealAgain", times: 4 })));
    return (some.length * 4 * bytes) / 1000 / (performance.now() - begun);
  };
  let [one, all] = [0, 0];
  for (let round = 0; round < rounds; round++) {
    one = Math.max(one, await speed(workers.slice(0, 1)));
    all = Math.max(all, await speed(workers));
  }
  workers.forEach((worker) => worker.end());
  return { workers: workers.length, one, all };
}

try {
  const ciphers = await alone({ task: "ciphers", bytes, rounds });
  const argon2 = await alone({ task: "argon2", rounds });
  window.outcome = { ciphers, argon2, pool: await pool() };
} catch (error) {
  // Not every engine's stack begins with the message.
  window.outcome = { error: `${error}\n${error?.stack ?? ""}` };
}
