// Numbers, times and passcodes in words that people read. No document, no network.

/**
 * A length as the server says it (src/transfer/size.rs): 999 bytes, 18.9 MB, 2.4 GB, in steps of 1024. Rounded up, so
 * that what is over a limit never reads as the limit itself.
 * @param {number} length
 */
export function bytes(length) {
  if (length < 1024) return length === 1 ? "1 byte" : `${length} bytes`;
  let tenths = length * 10;
  let unit = "";
  for (unit of ["KB", "MB", "GB", "TB"]) {
    tenths /= 1024;
    if (Math.ceil(tenths) < 10240) break;
  }
  // A space that does not break: a number alone at the end of a line says nothing.
  return `${Math.ceil(tenths) / 10}\u00a0${unit}`;
}

/**
 * "3 files", "1 file".
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export function counted(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}

/**
 * How often: "once", "5 times".
 * @param {number} count
 */
export function times(count) {
  return count === 1 ? "once" : `${count} times`;
}

/**
 * A duration that is good enough to plan by: "about 4 minutes".
 * @param {number} seconds
 */
export function roughly(seconds) {
  if (seconds < 5) return "a few seconds";
  if (seconds < 60) return `about ${Math.ceil(seconds / 5) * 5} seconds`;
  if (seconds < 3600) return `about ${counted(Math.round(seconds / 60), "minute")}`;
  return `about ${counted(Number((seconds / 3600).toFixed(1)), "hour")}`;
}

/**
 * An exact duration for choices and countdowns: "7 days", "30 seconds".
 * @param {number} seconds
 */
export function lasting(seconds) {
  for (const [unit, name] of /** @type {[number, string][]} */ ([[86400, "day"], [3600, "hour"], [60, "minute"]])) {
    if (seconds >= unit && seconds % unit === 0) return counted(seconds / unit, name);
  }
  if (seconds > 60) return `${counted(Math.floor(seconds / 60), "minute")} ${counted(seconds % 60, "second")}`;
  return counted(seconds, "second");
}

// English words with the day first: no reader can take 04/12 for the wrong date.
const DAY = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric" });
const MOMENT = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

/**
 * "Sunday 29 November 2026, 14:05", in this machine's time zone.
 * @param {string|number} time  RFC 3339, or seconds since 1970
 */
export function until(time) {
  const date = moment(time);
  return `${DAY.format(date).replace(",", "")}, ${CLOCK.format(date)}`;
}

/**
 * "22 Nov 2026, 14:05".
 * @param {string|number} time
 */
export function when(time) {
  return MOMENT.format(moment(time));
}

/** @param {string|number} time */
function moment(time) {
  return new Date(typeof time === "number" ? time * 1000 : time);
}

const WORDS = {
  0: "Zero", 1: "One", 2: "Two", 3: "Three", 4: "Four", 5: "Five", 6: "Six", 7: "Seven", 8: "Eight", 9: "Nine",
  A: "Alfa", B: "Bravo", C: "Charlie", D: "Delta", E: "Echo", F: "Foxtrot", G: "Golf", H: "Hotel", I: "India", J: "Juliett",
  K: "Kilo", L: "Lima", M: "Mike", N: "November", O: "Oscar", P: "Papa", Q: "Quebec", R: "Romeo", S: "Sierra", T: "Tango",
  U: "Uniform", V: "Victor", W: "Whiskey", X: "X-ray", Y: "Yankee", Z: "Zulu",
};

/**
 * The word for each symbol of a passcode, as radio operators and call centres spell.
 * @param {string} passcode
 * @returns {{symbol: string, word: string}[]}
 */
export function spelled(passcode) {
  return [...passcode.replaceAll("-", "")].map((symbol) => ({ symbol, word: WORDS[/** @type {keyof typeof WORDS} */ (symbol)] ?? symbol }));
}
