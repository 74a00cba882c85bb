// Mozilla's header scan of one server, page by page. Their own program asks the standard ports of a public host for one page; its
// parts take ports and a path. What they make of the answers is theirs: the tests, the score of each, the grade.
//
// node scan.mjs <folder of the npm package> <https port of localhost> <path> …   prints {path: {grade, score, failed}} as JSON

import { createServer } from "node:net";

const [folder, httpsPort, ...paths] = process.argv.slice(2);
const theirs = (/** @type {string} */ file) => import(`file://${folder}/node_modules/@mdn/mdn-http-observatory/src/${file}`);
const { retrieve } = await theirs("retriever/retriever.js");
const { ALL_TESTS } = await theirs("constants.js");
const { getGradeForScore, getScoreModifier } = await theirs("grader/grader.js");
const { MINIMUM_SCORE_FOR_EXTRA_CREDIT } = await theirs("grader/charts.js");

// Nobody speaks plain HTTP there, as on a server that does TLS itself: who connects is hung up on.
const silent = createServer((socket) => socket.destroy()).listen(0);
const httpPort = silent.address().port;

const grades = {};
for (const path of paths) {
  const requests = await retrieve("localhost", { httpPort, httpsPort, path });
  if (!requests.responses.https?.verified) throw new Error(`${path} did not come by TLS with the certificate that is trusted`);
  const results = ALL_TESTS.map((test) => test(requests));
  const modifiers = results.map(({ result }) => getScoreModifier(result));
  const sum = (/** @type {number[]} */ numbers) => numbers.reduce((total, number) => total + number, 100);
  // As in their scan: what is better than asked for counts only where what is asked for is nearly all there.
  const bare = sum(modifiers.filter((modifier) => modifier < 0));
  const { grade, score } = getGradeForScore(bare >= MINIMUM_SCORE_FOR_EXTRA_CREDIT ? sum(modifiers) : bare);
  const failed = results.filter(({ pass }) => !pass).map(({ constructor, result }) => `${constructor.name}: ${result}`);
  grades[path] = { status: requests.responses.https.status, grade, score, failed };
}
silent.close();
console.log(JSON.stringify(grades));
