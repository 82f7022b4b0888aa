// Charts under the pointer and the keys: a cursor with the values of its day, week or month, and a way to look closer.
// The values are those of the table beside the chart; without this module the table is there all the same.

const SVG = "http://www.w3.org/2000/svg";

function parts(svg) {
  const figure = svg.closest("[data-chart]");
  const heads = [...figure.querySelectorAll("thead th")].map((cell) => cell.textContent);
  const rows = [...figure.querySelectorAll("tbody tr")];
  return { figure, heads, rows, plot: svg.parentElement };
}

function bounds(svg) {
  const { left, right, top, bottom } = svg.dataset;
  return { left: Number(left), right: Number(right), top: Number(top), bottom: Number(bottom) };
}

function columnAt(svg, event, count) {
  const { left, right } = bounds(svg);
  const box = svg.getBoundingClientRect();
  const x = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
  const column = Math.floor((x - left) / (right - left) * count);
  return column >= 0 && column < count ? column : null;
}

function place(svg, column, count) {
  const { left, right } = bounds(svg);
  return left + (right - left) / count * (column + 0.5);
}

function hide(svg) {
  svg.querySelector(".cursor")?.remove();
  svg.closest("[data-chart]")?.querySelector(".tip")?.remove();
}

function show(svg, column) {
  const { figure, heads, rows, plot } = parts(svg);
  hide(svg);
  const row = rows[column];
  if (!row) return;
  svg.dataset.column = column;
  const { top, bottom } = bounds(svg);
  const x = place(svg, column, rows.length);
  const cursor = document.createElementNS(SVG, "line");
  for (const [name, value] of Object.entries({ x1: x, x2: x, y1: top, y2: bottom, class: "cursor" })) {
    cursor.setAttribute(name, value);
  }
  svg.append(cursor);
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.setAttribute("role", "status");
  const cells = [...row.cells];
  const name = document.createElement("strong");
  name.textContent = cells[0].querySelector("a").title;
  tip.append(name);
  cells.slice(1).forEach((cell, index) => {
    const line = document.createElement("div");
    line.textContent = `${heads[index + 1]}: ${cell.textContent}`;
    tip.append(line);
  });
  figure.append(tip);
  const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
  const at = x * scale - plot.scrollLeft;
  const room = figure.getBoundingClientRect().width - tip.offsetWidth;
  const beside = at + 12 > room ? at - tip.offsetWidth - 12 : at + 12;
  tip.style.left = `${Math.max(0, Math.min(beside, room))}px`;
  tip.style.top = `${plot.offsetTop + 4}px`;
}

function mark(svg, from, to, count) {
  svg.querySelector(".selection")?.remove();
  if (from === to) return;
  const { left, right, top, bottom } = bounds(svg);
  const step = (right - left) / count;
  const box = document.createElementNS(SVG, "rect");
  const first = Math.min(from, to);
  const width = (Math.abs(to - from) + 1) * step;
  for (const [name, value] of Object.entries({ x: left + first * step, y: top, width, height: bottom - top, class: "selection" })) {
    box.setAttribute(name, value);
  }
  svg.append(box);
}

// The same page, for the days, weeks or months from one column to another.
function closer(rows, from, to) {
  const first = new URL(rows[Math.min(from, to)].querySelector("a").href);
  const last = new URL(rows[Math.max(from, to)].querySelector("a").href);
  const address = new URL(location.href);
  address.searchParams.set("window", "custom");
  address.searchParams.set("since", first.searchParams.get("since"));
  address.searchParams.set("until", last.searchParams.get("until"));
  address.searchParams.delete("group");
  location.assign(address);
}

let drag = null;

document.addEventListener("pointermove", (event) => {
  const svg = event.target.closest?.("svg.chart");
  if (!svg) return;
  const { rows } = parts(svg);
  const column = columnAt(svg, event, rows.length);
  if (column === null) { hide(svg); return; }
  show(svg, column);
  if (drag?.svg === svg) { drag.to = column; mark(svg, drag.from, column, rows.length); }
});
document.addEventListener("pointerout", (event) => {
  const svg = event.target.closest?.("svg.chart");
  if (svg && !svg.contains(event.relatedTarget)) hide(svg);
});
document.addEventListener("pointerdown", (event) => {
  const svg = event.target.closest?.("svg.chart");
  if (!svg || event.button !== 0 || event.pointerType === "touch") return;
  const column = columnAt(svg, event, parts(svg).rows.length);
  if (column !== null) { drag = { svg, from: column, to: column }; event.preventDefault(); }
});
document.addEventListener("pointerup", () => {
  if (!drag) return;
  const { svg, from, to } = drag;
  drag = null;
  svg.querySelector(".selection")?.remove();
  const { rows } = parts(svg);
  if (from !== to) closer(rows, from, to);
  else rows[from]?.querySelector("a").click();
});
document.addEventListener("keydown", (event) => {
  const svg = document.activeElement;
  if (event.key === "Escape" && drag) { drag.svg.querySelector(".selection")?.remove(); drag = null; }
  if (!svg?.matches?.("svg.chart")) return;
  const { rows } = parts(svg);
  const now = svg.dataset.column === undefined ? rows.length : Number(svg.dataset.column);
  const steps = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: rows.length - 1 };
  if (event.key in steps) {
    show(svg, Math.max(0, Math.min(rows.length - 1, steps[event.key])));
    event.preventDefault();
  } else if (event.key === "Enter" && rows[now]) {
    rows[now].querySelector("a").click();
  } else if (event.key === "Escape") {
    hide(svg);
  }
});
document.addEventListener("focusout", (event) => { if (event.target.matches?.("svg.chart")) hide(event.target); });
