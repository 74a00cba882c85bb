// One worker of the measuring page. It answers one question at a time: {task, …} → {…figures}.

import { ageEncryption, filmjacket, libsodium, noble, webCrypto } from "./contenders.js";

const FOLDERS = { kernel: "/kernel", RustCrypto: "/rustcrypto" };

const tasks = { ciphers, argon2, load, sealAgain };

self.addEventListener("message", async ({ data: { task, ...fields } }) => {
  try {
    self.postMessage({ answer: await tasks[task](fields) });
  } catch (error) {
    self.postMessage({ error: `${task}: ${error}\n${error?.stack ?? ""}` });
  }
});

/**
 * Megabytes a second of everyone, sealing and opening. All take turns in every round, so that whatever else the machine
 * does meets them alike; the first round only warms up. The fastest of the rest counts, for interference only adds.
 */
async function ciphers({ bytes, rounds }) {
  const contenders = [
    await filmjacket("kernel", FOLDERS.kernel),
    await filmjacket("RustCrypto", FOLDERS.RustCrypto),
    await libsodium(),
    noble(),
    await ageEncryption(),
    await webCrypto(),
  ];
  const plain = noise(bytes);
  const times = Object.fromEntries(contenders.map(({ name }) => [name, { seal: [], open: [] }]));
  for (let round = 0; round <= rounds; round++) {
    for (const contender of contenders) {
      const sealing = await timed(() => contender.seal(plain));
      contender.prepare?.();
      const opening = await timed(() => contender.open());
      if (round > 0) {
        times[contender.name].seal.push(sealing);
        times[contender.name].open.push(opening);
      }
    }
  }
  const speed = (measured) => bytes / 1000 / fastest(measured);
  return Object.entries(times).map(([name, { seal, open }]) => ({ name, seal: speed(seal), open: speed(open) }));
}

/** Milliseconds of one Argon2id with the product's parameters: with vector instructions, and without. */
async function argon2({ rounds }) {
  const contenders = [];
  for (const module of ["filmjacket_bg.wasm", "filmjacket_plain_bg.wasm"]) {
    const contender = await filmjacket(module, FOLDERS.kernel, module);
    contender.seal(new Uint8Array(1));
    contender.prepare();
    contenders.push({ contender, times: [] });
  }
  for (let round = 0; round < rounds; round++) {
    for (const { contender, times } of contenders) times.push(await timed(contender.stretch));
  }
  return contenders.map(({ times }) => fastest(times));
}

let own, ownPlain;

/** Makes ready for `sealAgain`. */
async function load({ bytes }) {
  own = await filmjacket("kernel", FOLDERS.kernel);
  ownPlain = noise(bytes);
  own.seal(ownPlain);
}

/** Seals the same bytes several times. */
function sealAgain({ times }) {
  for (let i = 0; i < times; i++) own.seal(ownPlain);
}

async function timed(work) {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

function fastest(numbers) {
  return Math.min(...numbers);
}

function noise(bytes) {
  const noise = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 65536) crypto.getRandomValues(noise.subarray(at, at + 65536));
  return noise;
}
