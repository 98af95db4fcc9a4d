// A cell: text and menus lead to one another; what is known of it follows.
import { ask, fill, problem, say, settled } from "./page.js";

const form = document.getElementById("asked");
const { of, text } = form.elements;
const [why, menus, builder] = ["why", "menus", "builder"].map((id) => document.getElementById(id));
let asked = new AbortController();
let seed = Date.now() % 1_000_000;

function address(path, more = {}) {
  return `${path}?${new URLSearchParams({ of: of.value, text: text.value, ...more })}`;
}

/** Why it is no member, as text. */
function told(words) {
  text.setAttribute("aria-invalid", String(words !== ""));
  if (words) problem(why, words); else why.replaceChildren();
}

/** The cell was named anew, by its text or by menus. */
async function made(clicked) {
  asked.abort();
  asked = new AbortController();
  const { signal } = asked;
  const words = new URLSearchParams(clicked ? new FormData(form) : { of: of.value, text: text.value });
  if (clicked) words.set("clicked", "1");
  if (!clicked && text.value.trim() === "") return random();
  try {
    const found = await (await ask(`/cell/made?${words}`, { signal })).json();
    told(found.problem);
    builder.hidden = !found.clickable && menus.childElementCount === 0;
    if (found.menus !== null) replaceMenus(found.menus);
    if (clicked) text.value = found.text;
    if (!found.problem) await shown(signal);
  } catch (error) {
    if (error.name !== "AbortError") told(error.message);
  }
  return undefined;
}

/** New menus; who was in one of the old ones stays there. */
function replaceMenus(html) {
  const name = document.activeElement?.name;
  menus.innerHTML = html;
  if (name) menus.querySelector(`[name="${CSS.escape(name)}"]`)?.focus();
}

/** All that is known of the cell. */
async function shown(signal) {
  history.replaceState(null, "", address("/cell"));
  const about = document.getElementById("about");
  if (!(await fill(about, address("/cell/about"), { signal }))) return;
  say("The cell is shown");
  for (const code of about.querySelectorAll(".code")) code.addEventListener("click", () => codes(code, signal));
  about.querySelector("#measure")?.addEventListener("click", (event) => {
    event.target.disabled = true;
    event.target.textContent = "Measuring …";
    fill(about.querySelector("#latency"), address("/cell/latency"), { signal });
  });
  document.getElementById("codes-s").hidden = true;
  for (const name of ["scores", "neighbours"]) {
    document.getElementById(`${name}-s`).hidden = false;
    const place = document.getElementById(name);
    place.setAttribute("aria-busy", "true");
    await fill(place, address(`/cell/${name}`), { signal });
  }
}

/** What others at the place of a code give. */
async function codes(code, signal) {
  for (const each of document.querySelectorAll(".code")) each.setAttribute("aria-pressed", String(each === code));
  const section = document.getElementById("codes-s");
  section.hidden = false;
  const done = await fill(document.getElementById("codes"), address("/cell/codes", { position: code.dataset.position }), { signal });
  if (done) section.scrollIntoView({ block: "nearest" });
}

async function random() {
  seed += 1;
  try {
    text.value = (await (await ask(address("/cell/random", { seed, text: "" }))).json()).text;
    await made(false);
  } catch (error) {
    told(error.message);
  }
}

const typed = settled(() => made(false), 250);
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", (event) => {
  if (event.target === text) typed();
  else if (menus.contains(event.target)) made(true);
});
of.addEventListener("change", () => { text.value = ""; menus.replaceChildren(); random(); });
document.getElementById("random").addEventListener("click", random);
if (matchMedia("(max-width: 899px)").matches) builder.open = false; // the cell stands below it there
made(false);
