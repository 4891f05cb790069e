"use strict";
// Nothing on the page needs this: it sorts tables by a column, reads out cells of the coverage map, and moves needs.
document.documentElement.classList.add("js");
const sortable = (table) => {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    if (head.classList.contains("range")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") !== "descending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => row.cells[column].dataset.v ?? row.cells[column].textContent.trim();
      const number = (text) => (text === "" ? NaN : Number(text.replace(/[,$%<+]/g, "")));
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => {
        const [x, y] = [key(a), key(b)];
        const [m, n] = [number(x), number(y)];
        // What is unknown stands last either way.
        if (x === "" || y === "") return (x === "") - (y === "");
        const order = Number.isNaN(m) || Number.isNaN(n) ? y.localeCompare(x) : n - m;
        return down ? order : -order;
      });
      table.tBodies[0].append(...rows);
    });
  });
};
document.querySelectorAll("table.sortable").forEach(sortable);
const readout = document.getElementById("readout");
if (readout) {
  const show = (event) => {
    const cell = event.target.closest("td[title]");
    if (cell) readout.textContent = cell.title;
  };
  const map = document.querySelector("table.heat");
  map.addEventListener("mouseover", show);
  map.addEventListener("click", show);
}
