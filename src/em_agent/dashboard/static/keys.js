// Keys that lead somewhere: g and then o, s, i, a, d or h for a page, / for the search or the filters.

let waits = false;

function pageLink(letter) {
  return [...document.querySelectorAll("header.top nav a")]
    .find((link) => link.textContent.trim().toLowerCase().startsWith(letter));
}

document.addEventListener("keydown", (event) => {
  const field = event.target.closest?.("input, select, textarea, [contenteditable]");
  if (field || event.ctrlKey || event.metaKey || event.altKey) return;
  if (waits) {
    waits = false;
    pageLink(event.key.toLowerCase())?.click();
  } else if (event.key === "g") {
    waits = true;
    setTimeout(() => { waits = false; }, 1500);
  } else if (event.key === "/") {
    const wanted = document.querySelector("main input[type=search], main textarea, form[data-filters] select");
    wanted?.closest("details")?.setAttribute("open", "");
    if (wanted) { wanted.focus(); event.preventDefault(); }
  }
});
