// The list of runs: filtered and ordered as it is typed.
import { say } from "./page.js";

const list = document.getElementById("runs");
const filter = document.getElementById("filter");
const order = document.getElementById("order");

function filtered() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const run of list.children) {
    const text = run.textContent.toLowerCase();
    run.hidden = !words.every((word) => text.includes(word));
    count += !run.hidden;
  }
  document.getElementById("none").hidden = count > 0;
  say(`${count} runs`);
}

function ordered() {
  const by = order.value;
  const numeric = by === "changed" || by === "size";
  const runs = [...list.children];
  runs.sort((a, b) => numeric ? b.dataset[by] - a.dataset[by] : a.dataset[by].localeCompare(b.dataset[by]));
  list.append(...runs);
  say(`Ordered by ${order.selectedOptions[0].textContent}`);
}

filter?.addEventListener("input", filtered);
order?.addEventListener("change", ordered);
