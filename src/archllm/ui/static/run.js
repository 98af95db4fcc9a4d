// A generator: draws follow the sliders and fields at once; the last question asked is the one that counts.
import { fill, say, settled } from "./page.js";

const controls = document.getElementById("controls");
const draws = document.getElementById("draws");
const at = controls.dataset.at;
let asked = new AbortController();

/** 300k -> 300000; nothing for what is no number. */
function number(text) {
  const found = /^\s*([0-9]*\.?[0-9]+(?:e[+-]?[0-9]+)?)\s*([kmg]?)\s*$/i.exec(text);
  return found ? Number(found[1]) * { "": 1, k: 1e3, m: 1e6, g: 1e9 }[found[2].toLowerCase()] : null;
}

function question() {
  const words = new URLSearchParams({ at });
  for (const name of ["temperature", "guidance", "n", "seed"]) {
    const field = controls.elements[name];
    if (field) words.set(name, field.value);
  }
  if (controls.elements.novel.checked) words.set("novel", "1");
  for (const range of controls.querySelectorAll(".range")) {
    for (const [end, sign] of [["low", ">="], ["high", "<="]]) {
      const field = range.querySelector(`[data-end=${end}]`);
      const value = number(field.value);
      field.setAttribute("aria-invalid", String(field.value.trim() !== "" && value === null));
      if (value !== null) words.append("where", `${range.dataset.name} ${sign} ${value}`);
    }
  }
  return words;
}

async function draw() {
  asked.abort();
  asked = new AbortController();
  const words = question();
  document.getElementById("save").href = `/run/texts?${words}`;
  if (!controls.checkValidity()) return;
  const done = await fill(draws, `/run/draws?${words}`, { signal: asked.signal });
  if (done) say([...draws.querySelectorAll(".shares div")].map((each) => `${each.children[0].textContent} ${each.children[1].textContent}`).join(", "));
}

const soon = settled(draw, 160);

controls.addEventListener("submit", (event) => { event.preventDefault(); draw(); });
controls.addEventListener("input", (event) => {
  const out = document.getElementById(`${event.target.id}-out`);
  if (out) out.textContent = event.target.value;
  soon();
});
document.getElementById("again").addEventListener("click", () => {
  const seed = controls.elements.seed;
  seed.value = (Number(seed.value) || 0) + 1;
  draw();
});

await draw();
fill(document.getElementById("inside"), `/run/inside?at=${encodeURIComponent(at)}`);
