"use strict";
// The page works without this. With it: what marks say appears at once and on touch, tables sort and filter,
// two designs can be compared, and folded parts open for printing.

const tip = document.getElementById("tip");

function said(target) {
  const mark = target.closest("[data-tip]");
  return mark ? mark.dataset.tip : "";
}

function showTip(event) {
  const words = said(event.target);
  tip.hidden = !words;
  if (!words) return;
  tip.textContent = words;
  const right = window.scrollX + document.documentElement.clientWidth - tip.offsetWidth - 8;
  tip.style.left = `${Math.max(4, Math.min(event.pageX + 12, right))}px`;
  tip.style.top = `${event.pageY + 16}px`;
}

function collectTips() {
  for (const title of document.querySelectorAll("svg title")) {
    title.parentNode.dataset.tip = title.textContent;
    title.remove();
  }
  for (const mark of document.querySelectorAll("[title]")) {
    mark.dataset.tip = mark.title;
    mark.removeAttribute("title");
  }
}

function valueOf(row, column) {
  const cell = row.cells[column];
  if (cell.dataset.value === undefined) return cell.textContent;
  const number = Number(cell.dataset.value);
  return Number.isNaN(number) ? -Infinity : number;
}

function sortBy(table, column) {
  const head = table.tHead.rows[0].cells[column];
  const direction = head.getAttribute("aria-sort") === "descending" ? 1 : -1;
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
  const order = (a, b) => (a > b ? direction : a < b ? -direction : 0);
  const rows = [...table.tBodies[0].rows].sort((a, b) => order(valueOf(a, column), valueOf(b, column)));
  table.tBodies[0].append(...rows);
}

function addFilter(table) {
  const tools = document.createElement("p");
  tools.className = "tools";
  const input = document.createElement("input");
  input.type = "search";
  input.placeholder = "show rows with ...";
  input.setAttribute("aria-label", "Show rows with");
  input.addEventListener("input", () => {
    const wanted = input.value.toLowerCase();
    for (const row of table.tBodies[0].rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });
  tools.append(input);
  table.closest(".table").prepend(tools);
}

function readTables() {
  for (const table of document.querySelectorAll("table")) {
    table.classList.add("sortable");
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      head.tabIndex = 0;
      head.addEventListener("click", () => sortBy(table, column));
      head.addEventListener("keydown", (event) => event.key === "Enter" && sortBy(table, column));
    });
    if (table.tBodies[0].rows.length > 10) addFilter(table);
  }
}

// Compares two rows of the table of all designs: every number of one over that of the other.
function addComparison(place) {
  const source = document.querySelector("#all-designs table");
  if (!source) return;
  const heads = [...source.tHead.rows[0].cells].map((cell) => cell.textContent);
  const rows = [...source.tBodies[0].rows];
  const pick = (at) => {
    const select = document.createElement("select");
    select.setAttribute("aria-label", at ? "Second design" : "First design");
    rows.forEach((row, index) => select.add(new Option([...row.cells].slice(0, 4).map((c) => c.textContent).filter(Boolean).join(", "), index)));
    select.selectedIndex = at;
    select.addEventListener("change", show);
    return select;
  };
  const result = document.createElement("div");
  result.className = "scroll";
  const [first, second] = [pick(0), pick(Math.min(1, rows.length - 1))];
  function show() {
    const [a, b] = [rows[first.value], rows[second.value]];
    const table = document.createElement("table");
    const line = (cells) => {
      const row = table.insertRow();
      cells.forEach((text, index) => {
        const cell = row.insertCell();
        cell.textContent = text;
        if (index === 0) cell.className = "text";
      });
    };
    heads.forEach((head, column) => {
      const numbers = [a, b].map((row) => Number(row.cells[column].dataset.value));
      const known = a.cells[column].dataset.value !== undefined && numbers.every(Number.isFinite) && numbers[0] !== 0;
      line([head, a.cells[column].textContent, b.cells[column].textContent, known ? `${(numbers[1] / numbers[0]).toFixed(2)}x` : ""]);
    });
    result.replaceChildren(table);
  }
  const tools = document.createElement("p");
  tools.className = "tools";
  tools.append(first, " against ", second);
  place.append(tools, result);
  place.hidden = false;
  show();
}

collectTips();
readTables();
document.querySelectorAll(".compare").forEach(addComparison);
document.addEventListener("pointermove", showTip);
document.addEventListener("pointerdown", showTip);
window.addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((part) => (part.open = true)));
