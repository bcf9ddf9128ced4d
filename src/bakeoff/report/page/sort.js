// Tables sort by a click on a heading, or Enter or Space there; a third time restores the order of the page.
// Without this script everything is there and readable.
"use strict";
const UNITS = { s: 1, min: 60, h: 3600, d: 86400, ms: 0.001, k: 1e3, K: 1e3, M: 1e6, G: 1e9, T: 1e12, "%": 1 };

function key(row, column) {
  const cell = row.cells[column];
  const text = [...cell.childNodes].filter(n => n.nodeName !== "SMALL").map(n => n.textContent).join("").trim();
  const found = /^(<?)\s*([+−-]?[\d,]*\.?\d+)\s*(\S*)/.exec(text);
  if (!found) return text === "–" || text === "" ? null : text.toLowerCase();
  const [, below, digits, unit] = found;
  const number = Number(digits.replaceAll(",", "").replace("−", "-")) * (UNITS[unit] ?? 1);
  return below ? number * 0.999 : number; // "< 0.001" comes before 0.001
}

function compare(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null); // what is not known comes last
  if (typeof a === typeof b) return sign * (typeof a === "number" ? a - b : a.localeCompare(b));
  return typeof a === "number" ? -1 : 1;
}

function sort(table, column, direction, order) {
  const body = table.tBodies[0];
  const last = row => row.matches(".baseline, .mean, .below"); // baselines, means and counts stay below
  const rows = order.filter(row => !last(row));
  if (direction !== "none") {
    const sign = direction === "ascending" ? 1 : -1;
    rows.sort((a, b) => compare(key(a, column), key(b, column), sign));
  }
  body.append(...rows, ...order.filter(last));
}

for (const table of document.querySelectorAll("table:not(.confusion)")) {
  const body = table.tBodies[0], heads = table.tHead?.rows[0]?.cells;
  if (!heads || table.tHead.rows.length > 1 || body.rows.length < 3) continue;
  if ([...body.rows].some(row => row.cells.length !== heads.length)) continue;
  const order = [...body.rows];
  [...heads].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const numbers = order.some(row => typeof key(row, column) === "number");
      const turns = numbers ? ["descending", "ascending", "none"] : ["ascending", "descending", "none"];
      const next = turns[(turns.indexOf(head.getAttribute("aria-sort") ?? "none") + 1) % 3];
      for (const other of heads) other.removeAttribute("aria-sort");
      if (next !== "none") head.setAttribute("aria-sort", next);
      sort(table, column, next, order);
    });
  });
}
