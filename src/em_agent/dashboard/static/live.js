// Keeps a page up to date while it is open: fetches the same address and puts the newer <main> in place of the old.
// Waits while nobody sees the page, and while whoever reads it is at work in it.

const main = document.getElementById("main");
const status = document.getElementById("live-status");
const seconds = Number(main?.dataset.live ?? 0);
let etag = null;
let lastTouched = 0;

const touch = () => { lastTouched = Date.now(); };
for (const kind of ["pointerdown", "keydown", "input", "wheel", "touchmove"]) {
  document.addEventListener(kind, touch, { passive: true });
}

function isBusy() {
  const focused = document.activeElement;
  const selection = document.getSelection();
  return document.hidden
    || Date.now() - lastTouched < 5000
    || Boolean(focused?.closest("form[data-filters], [data-busy]") || focused?.matches("input, select, textarea"))
    || Boolean(document.querySelector("dialog[open], [data-busy='true']"))
    || Boolean(selection && !selection.isCollapsed);
}

// Where the element stands among those of its kind, so that focus and opened details are found again.
function placeOf(element) {
  if (!element || !main.contains(element)) return null;
  if (element.id) return `#${CSS.escape(element.id)}`;
  const owner = element.parentElement.closest("[id]") ?? main;
  const alike = [...owner.querySelectorAll(element.tagName)];
  return [owner.id, element.tagName, alike.indexOf(element)];
}

function elementAt(place) {
  if (!place) return null;
  if (typeof place === "string") return main.querySelector(place);
  const [owner, tag, index] = place;
  return document.getElementById(owner)?.querySelectorAll(tag)[index] ?? null;
}

function replace(text) {
  const newer = new DOMParser().parseFromString(text, "text/html").getElementById("main");
  if (!newer) return;
  const focused = placeOf(document.activeElement);
  const opened = [...main.querySelectorAll("details[open]")].map(placeOf);
  const scrolled = [...main.querySelectorAll(".scroll")].map((box) => [placeOf(box), box.scrollLeft]);
  main.replaceChildren(...newer.childNodes);
  for (const place of opened) elementAt(place)?.setAttribute("open", "");
  for (const [place, left] of scrolled) { const box = elementAt(place); if (box) box.scrollLeft = left; }
  elementAt(focused)?.focus({ preventScroll: true });
  document.dispatchEvent(new CustomEvent("em-agent:updated"));
}

async function update() {
  if (isBusy()) return;
  try {
    const answer = await fetch(location.href, { headers: etag ? { "If-None-Match": etag } : {}, cache: "no-store" });
    if (answer.redirected) { location.reload(); return; }
    if (answer.status === 304) { say(""); return; }
    if (!answer.ok) { say("This page could not be updated; it shows what it knew."); return; }
    const text = await answer.text();
    if (isBusy()) return;
    etag = answer.headers.get("ETag");
    replace(text);
    say("");
  } catch {
    say("The service does not answer; this page shows what it knew.");
  }
}

function say(sentence) {
  if (status && status.textContent !== sentence) status.textContent = sentence;
}

if (main && seconds > 0) {
  setInterval(update, seconds * 1000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) update(); });
}
