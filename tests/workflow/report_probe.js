// Runs in the page under test, in a frame, and tells the page around it what it finds, as JSON.
window.addEventListener("load", () => {
  document.querySelectorAll("details").forEach((part) => (part.open = true));
  const width = document.documentElement.clientWidth;
  const cued = (node) => node.closest(".scroll") !== null;
  const wide = [...document.querySelectorAll("main *, header *")].filter(
    (node) => node.getBoundingClientRect().right > width + 1 && !cued(node));
  const scrolls = [...document.querySelectorAll(".scroll")].filter((box) => box.scrollWidth > box.clientWidth + 1);
  const silent = scrolls.filter((box) => !getComputedStyle(box).backgroundImage.includes("gradient"));
  const cut = [...document.querySelectorAll("svg text")].filter((text) => {
    const [inner, outer] = [text.getBoundingClientRect(), text.closest("svg").getBoundingClientRect()];
    return inner.width > 0 && (inner.left < outer.left - 1 || inner.right > outer.right + 1);
  });
  const dead = [...document.querySelectorAll('a[href^="#"]')].filter((a) => !document.querySelector(a.getAttribute("href")));
  const layers = [...document.querySelectorAll('[id^="network-"] .scroll')].filter((box) => box.scrollWidth > box.clientWidth + 1);
  const body = document.documentElement.scrollWidth > width + 1;
  parent.postMessage(JSON.stringify({ width: innerWidth, wide: wide.slice(0, 3).map((n) => n.outerHTML.slice(0, 80)), silent: silent.length,
    cut: cut.slice(0, 3).map((n) => n.textContent), dead: dead.length, body, layers: layers.length,
    panels: document.querySelectorAll("svg.panel").length, sorted: trySort(), compared: document.querySelectorAll(".compare tr").length }), "*");
});
function trySort() {
  const table = document.querySelector("#all-designs table");
  const column = [...table.tHead.rows[0].cells].findIndex((cell) => cell.textContent.startsWith("simulated EDP"));
  table.tHead.rows[0].cells[column].click();
  const values = [...table.tBodies[0].rows].map((row) => Number(row.cells[column].dataset.value));
  return values.every((value, at) => at === 0 || values[at - 1] >= value);
}
