// Returns texts of the open page that a person cannot read to the end: outside of the window, or cut by what is around them.
// What can be scrolled to is no finding; neither is an ellipsis, where the whole text is in a title.
const found = [];
const hidden = ".apsng-unseen, .visually-hidden, .skip-to-content-link, .apsng-kinds > input, option, title";

function told(element, node) {
  const name = element.nodeName.toLowerCase() + [...element.classList].map((each) => `.${each}`).join("");
  return `${name} “${node.data.trim().slice(0, 40)}”`;
}

const clips = (style, axis) => ["hidden", "clip"].includes(style[`overflow${axis}`]);
const scrolls = (style, axis) => ["auto", "scroll"].includes(style[`overflow${axis}`]);

function problem(node, box) {
  let isSideways = false;
  let isUpright = false;
  for (let around = node.parentElement; around && around !== document.body; around = around.parentElement) {
    const style = getComputedStyle(around);
    const edge = around.getBoundingClientRect();
    isSideways ||= scrolls(style, "X");
    isUpright ||= scrolls(style, "Y");
    const isCut =
      (clips(style, "X") && !isSideways && (box.left < edge.left - 1 || box.right > edge.right + 1)) ||
      (clips(style, "Y") && !isUpright && (box.top < edge.top - 2 || box.bottom > edge.bottom + 2));
    const shortened = style.textOverflow === "ellipsis" || style.webkitLineClamp !== "none";
    if (isCut) return shortened && node.parentElement.closest("[title]") ? "" : "cut";
  }
  const isOutside = box.left < -1 || box.right > innerWidth + 1 || box.bottom + scrollY < 0;
  return isOutside && !isSideways ? "outside" : "";
}

const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const node = walker.currentNode;
  const element = node.parentElement;
  if (!node.data.trim() || element.closest(hidden) || !element.checkVisibility({ visibilityProperty: true })) continue;
  const range = document.createRange();
  range.selectNodeContents(node);
  const what = [...range.getClientRects()].map((box) => problem(node, box)).find(Boolean);
  if (what) found.push(`${what}: ${told(element, node)}`);
}

// the words of a picture must not lie on each other
for (const picture of document.querySelectorAll("main svg")) {
  const words = [...picture.querySelectorAll("text")].filter((each) => each.checkVisibility()).map((each) => [each, each.getBoundingClientRect()]);
  for (const [index, [element, one]] of words.entries()) {
    for (const [, other] of words.slice(index + 1)) {
      const isAside = one.right <= other.left + 1 || other.right <= one.left + 1 || one.bottom <= other.top + 3 || other.bottom <= one.top + 3;
      if (!isAside) found.push(`on another word: text “${element.textContent}”`);
    }
  }
}
for (const list of document.querySelectorAll("#changelist .results")) {
  if (list.scrollWidth > list.clientWidth) found.push(`the list is ${list.scrollWidth} wide, its place ${list.clientWidth}`);
}
const wide = document.documentElement.scrollWidth;
if (wide > innerWidth) found.push(`the page is ${wide} wide, the window ${innerWidth}`);
return found;
