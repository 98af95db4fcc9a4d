// The list of searches: how far each is comes in parts; some are ticked to be compared in one chart.
import { fill, say } from "./page.js";

const choice = document.getElementById("choice");
const filter = document.getElementById("filter");
const AGAIN = 4000; // milliseconds between two looks at searches that run

async function facts(place) {
  if (!(await fill(place, place.dataset.from, {}, true))) return;
  if (place.querySelector(".badge.running")) setTimeout(() => facts(place), AGAIN);
}

function ticked() {
  const most = Number(choice.dataset.most);
  const boxes = [...choice.querySelectorAll("[name=id]")];
  const count = boxes.filter((each) => each.checked).length;
  for (const each of boxes) each.disabled = !each.checked && count >= most;
  document.getElementById("compare").disabled = count < 2;
  document.getElementById("chosen").textContent = count ? `${count} of at most ${most} ticked.` : "Tick two or more.";
}

function filtered() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const each of document.getElementById("searches").children) {
    const text = each.textContent.toLowerCase();
    each.hidden = !words.every((word) => text.includes(word));
    count += !each.hidden;
  }
  document.getElementById("none").hidden = count > 0;
  say(`${count} searches`);
}

if (choice) {
  choice.addEventListener("change", ticked);
  filter.addEventListener("input", filtered);
  filter.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
  ticked();
  // A few at a time: a browser opens six connections, and the reader may want one.
  const places = [...document.querySelectorAll(".lazy")];
  const next = async () => { for (let place = places.shift(); place; place = places.shift()) await facts(place); };
  next();
  next();
}
