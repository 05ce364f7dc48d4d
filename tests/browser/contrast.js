// Returns what is too faint in the open page: text below 4.5:1 (large text 3:1), shapes of pictures and edges of fields below 3:1.
// An element is what its own colours and those behind it make of it, with all opacities; axe-core looks at plain text only.
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

function parse(colour) {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
  return [red, green, blue, alpha / 255];
}

function over(colour, below, opacity = 1) {
  const alpha = colour[3] * opacity;
  return [...[0, 1, 2].map((index) => colour[index] * alpha + below[index] * (1 - alpha)), 1];
}

function luminance(colour) {
  const [red, green, blue] = colour.slice(0, 3).map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one, other) {
  const [dark, light] = [luminance(one), luminance(other)].sort((left, right) => left - right);
  return (light + 0.05) / (dark + 0.05);
}

const PAGE = parse(getComputedStyle(document.documentElement).colorScheme.includes("dark") ? "#121212" : "#fff");

function behind(element) {
  if (!element) return PAGE;
  const style = getComputedStyle(element);
  const colour = parse(style.backgroundColor);
  return colour[3] === 1 ? colour : over(colour, behind(element.parentElement));
}

function opacity(element) {
  let found = 1;
  for (let each = element; each; each = each.parentElement) found *= Number(getComputedStyle(each).opacity);
  return found;
}

function isSeen(element) {
  if (!element.checkVisibility({ visibilityProperty: true }) || element.closest(".apsng-unseen, .visually-hidden, .skip-to-content-link")) return false;
  const box = element.getBoundingClientRect();
  return box.width > 0 || box.height > 0;
}

function told(element) {
  const name = element.id ? `#${element.id}` : element.nodeName.toLowerCase() + [...element.classList].map((each) => `.${each}`).join("");
  return `${name} “${(element.textContent || element.getAttribute("name") || "").trim().slice(0, 40)}”`;
}

function check(element, what, colours, below, least) {
  const best = Math.max(...colours.map((colour) => contrast(colour, below)));
  return best >= least ? [] : [`${what} ${best.toFixed(2)}:1 (${least}): ${told(element)}`];
}

function text(element) {
  const style = getComputedStyle(element);
  const below = behind(element.closest("svg") ?? element);
  const colour = over(parse(element.closest("svg") ? style.fill : style.color), below, opacity(element));
  const size = parseFloat(style.fontSize);
  const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  return check(element, "text", [colour], below, isLarge ? 3 : 4.5);
}

function shape(element) {
  const style = getComputedStyle(element);
  const below = behind(element.closest("svg"));
  const colours = [];
  if (style.fill !== "none" && element.nodeName !== "line") colours.push(over(parse(style.fill), below, opacity(element) * Number(style.fillOpacity)));
  if (style.stroke !== "none" && parseFloat(style.strokeWidth) >= 1) colours.push(over(parse(style.stroke), below, opacity(element) * Number(style.strokeOpacity)));
  return check(element, "shape", colours.length ? colours : [below], below, 3);
}

function edge(element) {
  const style = getComputedStyle(element);
  const outside = behind(element.parentElement);
  const colours = [behind(element)];
  if (parseFloat(style.borderTopWidth) >= 1 && style.borderTopStyle !== "none") colours.push(over(parse(style.borderTopColor), outside));
  return check(element, "edge", colours, outside, 3);
}

const isText = (element) => [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
const all = (selector) => [...document.querySelectorAll(selector)].filter(isSeen);
// option: drawn by the operating system; .disabled: WCAG exempts it
const texts = all("body *").filter((element) => isText(element) && !element.matches("option, optgroup, title, script, style, noscript *, :disabled"));
// the lines of the grid only lead the eye: what they say is written beside them
const shapes = all("main svg :is(rect, circle, line, path)").filter((element) => !element.matches(".apsng-hour"));
const edges = all(".apsng :is(input, select, textarea):not([type=checkbox], [type=radio], [type=hidden], :disabled)");
return [...texts.flatMap(text), ...shapes.flatMap(shape), ...edges.flatMap(edge)];
