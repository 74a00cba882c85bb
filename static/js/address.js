// E-mail addresses as they are typed: is it one, and is it perhaps misspelt? The server has the last word.

const COMMON = [
  "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "yahoo.com", "icloud.com", "me.com", "aol.com", "gmx.de", "gmx.net",
  "web.de", "t-online.de", "proton.me", "protonmail.com", "yahoo.co.uk", "yahoo.de", "yahoo.fr", "orange.fr", "free.fr", "libero.it", "mail.ru",
  "hotmail.co.uk", "hotmail.fr", "btinternet.com", "comcast.net", "verizon.net", "msn.com",
];

/**
 * What is wrong with an address, in a sentence; empty if nothing is.
 * @param {string} address
 */
export function addressFault(address) {
  if (address === "") return "Please enter an e-mail address.";
  if (/\s/.test(address)) return "An e-mail address has no spaces. Please check it.";
  if (/[,;]/.test(address)) return "One address only, please. Send a second transfer for a second recipient.";
  const at = address.lastIndexOf("@");
  if (at < 1) return "The part with @ is missing, as in name@clinic.example.";
  const domain = address.slice(at + 1);
  if (address.slice(0, at).includes("@")) return "There are two @ in this address. Please check it.";
  if (!/^[^.\s]+(\.[^.\s]+)+$/u.test(domain)) return "The part after @ is not complete, as in name@clinic.example.";
  return "";
}

/**
 * The address that was probably meant, or an empty string.
 * @param {string} address
 */
export function likelyAddress(address) {
  const at = address.lastIndexOf("@");
  if (addressFault(address) !== "") return "";
  const domain = address.slice(at + 1).toLowerCase();
  if (COMMON.includes(domain)) return "";
  const name = address.slice(0, at + 1);
  const near = COMMON.find((common) => distance(domain, common) === 1) ?? COMMON.find((common) => common.length > 7 && distance(domain, common) === 2);
  if (near) return name + near;
  const ending = domain.replace(/\.(con|cmo|ocm|vom|cim|comm|coom)$/, ".com");
  return ending === domain ? "" : name + ending;
}

/**
 * Slips between two words: a letter more, less, other, or two swapped (optimal string alignment).
 * @param {string} a
 * @param {string} b
 */
function distance(a, b) {
  if (Math.abs(a.length - b.length) > 2) return 3;
  /** @type {number[][]} */
  const rows = [Array.from({ length: b.length + 1 }, (_, index) => index)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min(rows[i - 1][j] + 1, row[j - 1] + 1, rows[i - 1][j - 1] + same);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j], rows[i - 2][j - 2] + 1);
    }
    rows.push(row);
  }
  return rows[a.length][b.length];
}
