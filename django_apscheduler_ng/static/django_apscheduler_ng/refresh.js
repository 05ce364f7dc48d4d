/* Keeps an open page up to date: asks for it again and takes over what has changed in the parts marked with data-apsng-refresh.
   Elements stay the same where they can, and with them the focus, the selection and what is open. */

const HEADER = "X-Apsng-Refresh";
const LONGEST = 300;
const outdated = document.getElementById("apsng-outdated");
let failures = 0;
let timer;

/** Return the seconds until the next look, as the server said last; after failures twice as many each time. */
function pause() {
  const marked = document.getElementById("apsng-refresh-in");
  const seconds = Number(marked?.dataset.seconds) || 60;
  return Math.min(LONGEST, seconds * 2 ** failures);
}

function wait() {
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(look, pause() * 1000);
}

async function look() {
  try {
    const response = await fetch(location.href, { headers: { [HEADER]: "1" }, cache: "no-store", redirect: "error" });
    if (!response.ok) throw new Error(String(response.status));
    take(new DOMParser().parseFromString(await response.text(), "text/html"));
    failures = 0;
  } catch {
    failures += 1;
  }
  if (outdated) outdated.hidden = failures < 2;
  wait();
}

/** Take over the marked parts of a page. */
function take(page) {
  const next = page.getElementById("apsng-refresh-in");
  const marked = document.getElementById("apsng-refresh-in");
  if (next && marked) marked.dataset.seconds = next.dataset.seconds;
  for (const part of document.querySelectorAll("[data-apsng-refresh][id]")) {
    const fresh = page.getElementById(part.id);
    if (fresh && !isSelected(part)) adapt(part, fresh);
  }
}

/** Return whether somebody has selected text in an element, which must not change meanwhile. */
function isSelected(element) {
  const selection = document.getSelection();
  return Boolean(selection && !selection.isCollapsed && selection.containsNode(element, true));
}

/** Make an element like another one, with as few changes as can be. */
function adapt(element, fresh) {
  adaptAttributes(element, fresh);
  const wanted = [...fresh.childNodes];
  wanted.forEach((node, index) => {
    const present = element.childNodes[index];
    if (!present) element.append(document.importNode(node, true));
    else if (!isAlike(present, node)) present.replaceWith(document.importNode(node, true));
    else if (present.nodeType === Node.ELEMENT_NODE) adapt(present, node);
    else if (present.data !== node.data) present.data = node.data;
  });
  while (element.childNodes.length > wanted.length) element.lastChild.remove();
}

function isAlike(one, other) {
  return one.nodeName === other.nodeName && (one.id ?? "") === (other.id ?? "");
}

/** What people changed stays: what they opened, wrote and chose. */
function adaptAttributes(element, fresh) {
  const kept = { DETAILS: ["open"], INPUT: ["value", "checked"], OPTION: ["selected"] }[element.nodeName] ?? [];
  for (const { name } of [...element.attributes]) {
    if (!fresh.hasAttribute(name) && !kept.includes(name)) element.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (element.getAttribute(name) !== value && !kept.includes(name)) element.setAttribute(name, value);
  }
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (!document.hidden) look();
});
wait();
