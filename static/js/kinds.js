// What a file probably is, from its name: for a label and a badge only, never a reason to trust its content.

/**
 * @typedef {{badge: string, label: string, media: string}} Kind
 * @type {Record<string, Kind>}
 */
const BY_EXTENSION = {
  dcm: { badge: "DCM", label: "DICOM image", media: "application/dicom" },
  dicom: { badge: "DCM", label: "DICOM image", media: "application/dicom" },
  zip: { badge: "ZIP", label: "ZIP archive", media: "application/zip" },
  "7z": { badge: "7Z", label: "7-Zip archive", media: "application/x-7z-compressed" },
  iso: { badge: "ISO", label: "Disc image", media: "application/octet-stream" },
  pdf: { badge: "PDF", label: "PDF document", media: "application/pdf" },
  png: { badge: "PNG", label: "PNG picture", media: "image/png" },
  jpg: { badge: "JPG", label: "JPEG picture", media: "image/jpeg" },
  jpeg: { badge: "JPG", label: "JPEG picture", media: "image/jpeg" },
  gif: { badge: "GIF", label: "GIF picture", media: "image/gif" },
  webp: { badge: "WEBP", label: "WebP picture", media: "image/webp" },
  tif: { badge: "TIF", label: "TIFF picture", media: "image/tiff" },
  tiff: { badge: "TIF", label: "TIFF picture", media: "image/tiff" },
  nii: { badge: "NII", label: "NIfTI volume", media: "application/octet-stream" },
  mp4: { badge: "MP4", label: "Video", media: "video/mp4" },
  txt: { badge: "TXT", label: "Text", media: "text/plain" },
  docx: { badge: "DOC", label: "Word document", media: "application/vnd.openxmlformats-officedocument.wordprocessingml.document" },
};

/**
 * @param {string} name  a file name
 * @returns {Kind}
 */
export function kindOf(name) {
  const extension = /\.([^.]{1,8})$/.exec(name)?.[1].toLowerCase() ?? "";
  // Scanners and CDs often write DICOM files without an ending.
  if (extension === "") return { badge: "FILE", label: "File without an ending, perhaps DICOM", media: "application/octet-stream" };
  return BY_EXTENSION[extension] ?? { badge: extension.slice(0, 4).toUpperCase(), label: "File", media: "application/octet-stream" };
}

/** Longest picture that is fetched for a preview without being asked: beyond, saving is the better wish. */
const PREVIEW_LIMIT = 32_000_000;

/**
 * Whether fetching this file for a preview is worth a try.
 * @param {{name: string, plain_len: number}} file
 */
export function mayPreview(file) {
  return file.plain_len <= PREVIEW_LIMIT && /^image\/(png|jpeg|gif|webp)$/.test(kindOf(file.name).media);
}

/**
 * The picture format that the content itself shows, or null. SVG and HTML are never pictures here: they carry script.
 * @param {Uint8Array} head  the first 12 bytes or more
 */
export function sniffPicture(head) {
  const starts = (/** @type {number[]} */ magic, at = 0) => magic.every((byte, index) => head[at + index] === byte);
  if (starts([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return "image/png";
  if (starts([0xff, 0xd8, 0xff])) return "image/jpeg";
  if (starts([0x47, 0x49, 0x46, 0x38])) return "image/gif";
  if (starts([0x52, 0x49, 0x46, 0x46]) && starts([0x57, 0x45, 0x42, 0x50], 8)) return "image/webp";
  return null;
}
