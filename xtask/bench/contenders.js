// Ways of sealing in a browser, made alike: each seals `plain`, a whole number of parts, and opens what it sealed last.

import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { Decrypter, Encrypter, generateX25519Identity, identityToRecipient } from "age-encryption";
import sodium from "libsodium-wrappers";

const CHUNK = 64 * 1024;
const PART = 128 * CHUNK;

/**
 * `prepare` comes between the two and is not measured.
 * @typedef {{name: string, seal: (plain: Uint8Array) => any, prepare?: () => any, open: () => any}} Contender
 */

/**
 * Filmjacket's own client, through the same bindings as the product's workers: bytes are copied in, and what is
 * opened also out; what is sealed goes on its way from where it lies.
 * @param {string} name
 * @param {string} folder  where its files are
 * @param {string} [module]
 * @returns {Promise<Contender & {stretch: () => void}>}
 */
export async function filmjacket(name, folder, module = "filmjacket_bg.wasm") {
  // The query makes it a script of its own, with a module of its own.
  const client = await import(`${folder}/filmjacket.js?${module}`);
  await client.default({ module_or_path: `${folder}/${module}` });
  let sealing;
  let parts = [];
  const seal = (plain) => {
    // A part is sealed once in its life, so every round is another transfer.
    sealing?.free();
    parts.forEach((part) => part.free());
    sealing = client.Sealing.make();
    sealing.add_file(plain.length);
    parts = [];
    for (let n = 0; n * PART < plain.length; n++) {
      const part = new client.Part();
      part.push(plain.subarray(n * PART, (n + 1) * PART));
      part.seal(sealing.claim_part(0, n));
      parts.push(part);
    }
  };
  // Opening needs the capsule, whose making and opening run Argon2id; neither belongs to the time that is measured.
  let opening, opener, capsule, sealed;
  // What is opened is copied out into a buffer that goes round, as the product's do.
  const spare = new Uint8Array(PART);
  const derive = () => client.Opening.derive(sealing.passcode, sealing.transfer_id, headOf(capsule));
  const prepare = () => {
    parts.forEach((_, n) => sealing.confirm_part(sealing.object_id(0), n));
    const objects = [{ object_id: sealing.object_id(0), object_len: sealing.object_len(0) }];
    const sender = { name: "Bench", email: "bench@example.org" };
    const files = [{ name: "noise", media_type: "" }];
    const finished = sealing.finish(JSON.stringify({ not_after: 2, created: 1, sender, message: "", files }));
    capsule = finished.capsule;
    opening = derive();
    opening.unlock(capsule, finished.manifest, JSON.stringify(objects));
    opener = opening.part_opener(0);
    sealed = parts.map((part) => part.view.slice());
  };
  const open = () =>
    sealed.forEach((bytes, n) => {
      const part = new client.Part();
      part.push(bytes);
      part.open(opener, n);
      spare.set(part.view);
      part.free();
    });
  return { name, seal, prepare, open, stretch: () => derive().free() };
}

/** The capsule's first 52 bytes, from base64url to base64url. */
function headOf(capsule) {
  const bytes = atob(capsule.replaceAll("-", "+").replaceAll("_", "/"));
  return btoa(bytes.slice(0, 52)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** @returns {Promise<Contender>} */
export async function libsodium() {
  await sodium.ready;
  const key = sodium.crypto_aead_chacha20poly1305_ietf_keygen();
  return inChunks(
    "libsodium.js",
    (chunk, nonce) => sodium.crypto_aead_chacha20poly1305_ietf_encrypt(chunk, null, null, nonce, key),
    (chunk, nonce) => sodium.crypto_aead_chacha20poly1305_ietf_decrypt(null, chunk, null, nonce, key),
  );
}

/** @returns {Contender} */
export function noble() {
  const key = crypto.getRandomValues(new Uint8Array(32));
  return inChunks(
    "@noble/ciphers",
    (chunk, nonce) => chacha20poly1305(key, nonce).encrypt(chunk),
    (chunk, nonce) => chacha20poly1305(key, nonce).decrypt(chunk),
  );
}

/** Not the same cipher, but what the engine itself offers, with the processor's own instructions. */
export async function webCrypto() {
  const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  return inChunks(
    "WebCrypto AES-GCM",
    async (chunk, iv) => new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, chunk)),
    async (chunk, iv) => new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, chunk)),
  );
}

/** The other age for browsers: a whole file at once. */
export async function ageEncryption() {
  const identity = await generateX25519Identity();
  const [encrypter, decrypter] = [new Encrypter(), new Decrypter()];
  encrypter.addRecipient(await identityToRecipient(identity));
  decrypter.addIdentity(identity);
  let sealed;
  return {
    name: "age-encryption",
    async seal(plain) {
      sealed = await encrypter.encrypt(plain);
    },
    open: () => decrypter.decrypt(sealed),
  };
}

/**
 * @param {string} name
 * @param {(chunk: Uint8Array, nonce: Uint8Array) => any} sealChunk
 * @param {(chunk: Uint8Array, nonce: Uint8Array) => any} openChunk
 * @returns {Contender}
 */
function inChunks(name, sealChunk, openChunk) {
  let chunks;
  return {
    name,
    async seal(plain) {
      chunks = [];
      for (let at = 0; at < plain.length; at += CHUNK) {
        chunks.push(await sealChunk(plain.subarray(at, at + CHUNK), nonceOf(chunks.length)));
      }
    },
    async open() {
      for (const [i, chunk] of chunks.entries()) await openChunk(chunk, nonceOf(i));
    },
  };
}

function nonceOf(counter) {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setUint32(4, counter);
  return nonce;
}
