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
// Enlarging a drawing, and files of what a page shows: made here, from the page itself.
const button = (text, label, act) => {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.setAttribute("aria-label", label);
  made.addEventListener("click", act);
  return made;
};
const save = (name, type, text) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  spoken.textContent = `Saved ${name}`;
};
const PROPERTIES = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "opacity",
  "font-family", "font-size", "font-weight", "text-anchor", "display"];
const standalone = (drawing) => {  // a file has no style sheet around it, so each part takes its looks along
  const copy = drawing.cloneNode(true);
  const parts = [drawing, ...drawing.querySelectorAll("*")], copies = [copy, ...copy.querySelectorAll("*")];
  parts.forEach((part, at) => {
    const looks = getComputedStyle(part);
    for (const name of PROPERTIES) copies[at].style.setProperty(name, looks.getPropertyValue(name));
  });
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const box = drawing.viewBox.baseVal;
  if (box && box.width) { copy.setAttribute("width", box.width); copy.setAttribute("height", box.height); }
  copy.style.background = getComputedStyle(document.documentElement).getPropertyValue("--card");
  return new XMLSerializer().serializeToString(copy);
};
const file = (text) => text.trim().toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 60) || "drawing";
const dialog = document.createElement("dialog");
const large = document.createElement("div");
large.className = "large";
dialog.append(button("Close", "Close", () => dialog.close()), large);
dialog.addEventListener("close", () => large.replaceChildren());
document.body.append(dialog);
const enlarge = (drawing, name) => {
  large.replaceChildren(drawing.cloneNode(true));
  dialog.setAttribute("aria-label", name);
  dialog.showModal();
};
document.querySelectorAll(".drawing").forEach((place, at) => {
  const drawing = place.querySelector("svg");
  if (!drawing) return;
  const name = `architecture ${at + 1}`;
  place.append(button("Enlarge", `Enlarge ${name}`, () => enlarge(drawing, name)));
});
for (const figure of document.querySelectorAll("figure.card")) {
  const drawing = figure.querySelector("svg.chart");
  if (!drawing) continue;
  const title = figure.firstElementChild.textContent;
  const tools = document.createElement("div");
  tools.className = "tools";
  tools.append(
    button("Enlarge", `Enlarge: ${title}`, () => enlarge(drawing, title)),
    button("SVG", `Save as SVG: ${title}`, () => save(`${file(title)}.svg`, "image/svg+xml", standalone(drawing))));
  figure.append(tools);
}
const cell = (text) => {  // no cell that a spreadsheet takes for a formula
  const safe = Number.isNaN(Number(text)) ? text.replace(/(^|[\s,;])([=+\-@])/g, "$1'$2") : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};
for (const table of document.querySelectorAll("table[data-file]")) {
  const tools = document.createElement("div");
  tools.className = "tools";
  tools.append(button("CSV", "Save this table as CSV", () => {
    const lines = [...table.rows].map((row) => [...row.cells].map((each) => cell(each.dataset.v ?? each.textContent.trim())).join(","));
    save(`${table.dataset.file}.csv`, "text/csv", lines.join("\r\n") + "\r\n");
  }));
  table.closest(".scroll").before(tools);
}
