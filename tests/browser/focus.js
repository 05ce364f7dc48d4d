// Returns what is wrong with how the element with the focus is seen: outside of the window, covered, or without a ring of 3:1.
const element = document.activeElement;
if (!element || element === document.body) return "";
// a radio button is drawn by its label
const drawn = element.matches(".apsng-kinds > input") ? element.nextElementSibling : element;
const box = drawn.getBoundingClientRect();
if (box.bottom <= 0 || box.top >= innerHeight || box.right <= 0 || box.left >= innerWidth) return "outside of the window";

const [x, y] = [Math.min(Math.max(box.left + box.width / 2, 1), innerWidth - 1), Math.min(Math.max(box.top + box.height / 2, 1), innerHeight - 1)];
const top = document.elementFromPoint(x, y);
const parts = [...drawn.getClientRects()];
const isInTheMiddle = parts.some((part) => part.left <= x && x <= part.right && part.top <= y && y <= part.bottom);
if (isInTheMiddle && top && !drawn.contains(top) && !top.contains(drawn)) return `covered by ${top.outerHTML.slice(0, 80)}`;

const style = getComputedStyle(drawn);
if (style.outlineStyle === "auto") return ""; // the browser's own, which has two colours
if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 1) return `no ring: ${drawn.outerHTML.slice(0, 120)}`;

function numbers(colour) {
  return colour.match(/[\d.]+/g).map(Number);
}

function luminance(colour) {
  const [red, green, blue] = numbers(colour).map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

let around = drawn.parentElement;
while (around.parentElement && (numbers(getComputedStyle(around).backgroundColor)[3] ?? 1) === 0) around = around.parentElement;
const [dark, light] = [luminance(style.outlineColor), luminance(getComputedStyle(around).backgroundColor)].sort((one, other) => one - other);
const contrast = (light + 0.05) / (dark + 0.05);
return contrast >= 3 ? "" : `a ring of ${contrast.toFixed(2)}:1: ${drawn.outerHTML.slice(0, 120)}`;
