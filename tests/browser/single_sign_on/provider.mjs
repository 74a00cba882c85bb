// A real OpenID provider (npm oidc-provider) on a free port, with its own sign-in and consent pages.
// Arguments: the folder with its package. It prints its port; each line on standard input is JSON: first {"redirect": …}, where
// it may send browsers back to, later {"groups": […]}, which everybody is in from then on. It ends with its input.

import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [folder] = process.argv.slice(2);
const { Provider } = await import(pathToFileURL(`${folder}/node_modules/oidc-provider/lib/index.js`).href);

let groups = [];
const server = createServer();
server.listen(0, "127.0.0.1", () => process.stdout.write(`${server.address().port}\n`));

function start(redirect) {
  const provider = new Provider(`http://localhost:${server.address().port}`, {
    clients: [{ client_id: "films", client_secret: "a secret that the tests know", redirect_uris: [redirect] }],
    claims: { openid: ["sub"], email: ["email", "email_verified"], groups: ["groups"] },
    scopes: ["openid", "email", "groups"],
    pkce: { required: () => true },
    findAccount: (_, sub) => ({
      accountId: sub,
      claims: () => ({ sub, email: sub.includes("@") ? sub : `${sub}@clinic.example`, email_verified: true, groups }),
    }),
  });
  server.on("request", provider.callback());
}

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const told = JSON.parse(line);
  if (told.redirect) start(told.redirect);
  if (told.groups) groups = told.groups;
  process.stdout.write("done\n");
});
lines.on("close", () => process.exit(0));
