// Seals or opens one file with the npm package age-encryption: node interop.mjs MODULE seal|open IDENTITY INPUT OUTPUT
import { readFile, writeFile } from "node:fs/promises";

const [module, verb, identityFile, input, output] = process.argv.slice(2);
const age = await import(module);
const identity = (await readFile(identityFile, "utf8")).trim();
const bytes = new Uint8Array(await readFile(input));

if (verb === "seal") {
  const encrypter = new age.Encrypter();
  encrypter.addRecipient(await age.identityToRecipient(identity));
  await writeFile(output, await encrypter.encrypt(bytes));
} else {
  const decrypter = new age.Decrypter();
  decrypter.addIdentity(identity);
  await writeFile(output, await decrypter.decrypt(bytes, "uint8array"));
}
