// Draws a QR code as SVG: dark on white with the quiet zone that the standard asks for, whatever the page's scheme.

const SVG = "http://www.w3.org/2000/svg";
const QUIET = 4;

/**
 * @param {{size: number, modules: Uint8Array}} code  1 is dark, row by row
 * @param {string} label  what a screen reader says
 * @returns {SVGSVGElement}
 */
export function drawQr({ size, modules }, label) {
  const side = size + 2 * QUIET;
  let path = "";
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      if (modules[row * size + column]) path += `M${column + QUIET} ${row + QUIET}h1v1h-1z`;
    }
  }
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${side} ${side}`);
  svg.setAttribute("class", "qr");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  svg.setAttribute("shape-rendering", "crispEdges");
  const ground = document.createElementNS(SVG, "rect");
  ground.setAttribute("width", String(side));
  ground.setAttribute("height", String(side));
  ground.setAttribute("fill", "#fff");
  const dark = document.createElementNS(SVG, "path");
  dark.setAttribute("d", path);
  svg.append(ground, dark);
  return svg;
}
