"use strict";
// Sorting: a click, or Enter or Space on the focused heading; empty cells stay last either way.
const spoken = document.getElementById("spoken");
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = heading.querySelector("button");
    if (!button) return;
    button.addEventListener("click", () => {
      const first = heading.dataset.first || "ascending";
      const other = first === "ascending" ? "descending" : "ascending";
      const order = heading.getAttribute("aria-sort") === first ? other : first;
      const sign = order === "ascending" ? 1 : -1;
      const value = (row) => row.cells[column].dataset.v ?? row.cells[column].textContent.trim();
      const number = heading.dataset.kind === "number";
      const rows = [...table.tBodies[0].rows];
      rows.sort((left, right) => {
        const a = value(left), b = value(right);
        if (a === "" || b === "") return (a === "") - (b === "");
        return sign * (number ? Number(a) - Number(b) : a < b ? -1 : a > b ? 1 : 0);
      });
      table.tBodies[0].append(...rows);
      headings.forEach((each) => each.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", order);
      spoken.textContent = `Sorted by ${button.textContent.trim()}, ${order}`;
    });
  });
}
for (const snippet of document.querySelectorAll(".snippet")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy: ${snippet.dataset.what}`);
  button.addEventListener("click", async () => {
    const code = snippet.querySelector("pre");
    try {
      await navigator.clipboard.writeText(code.innerText.trim() + "\n");
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
    spoken.textContent = `${snippet.dataset.what}: ${button.textContent.toLowerCase()}`;
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  snippet.querySelector(".bar").append(button);
}
