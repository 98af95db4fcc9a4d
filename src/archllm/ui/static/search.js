// A search: a stream says when something has happened, and then what is shown is asked for again.
import { logOf, unhurried, watch } from "./live.js";
import { fill, problem, say, send, settled } from "./page.js";

const { at, study, known } = document.getElementById("search").dataset;
const about = new URLSearchParams({ at, study });
const [state, stop, resume, said, now, trials, form] =
  ["state", "stop", "resume", "said", "now", "trials", "question"].map((id) => document.getElementById(id));
const LOOK = { running: "running", starting: "running", stopping: "running", failed: "failed", ended: "complete" };
const WORDS = { open: "interrupted" };
let seen = {};
let table = { sort: "0", down: form?.dataset.down ?? "", page: "1" };

/** What the table is asked for. */
function question() {
  const words = new URLSearchParams(about);
  for (const [name, value] of [...Object.entries(table), ["words", form.elements.words.value], ["show", form.elements.show.value]]) {
    if (value) words.set(name, value);
  }
  return words;
}

async function rows(quiet = true) {
  const words = question();
  document.getElementById("csv").href = `/search/csv?${words}`;
  const focus = trials.contains(document.activeElement) ? { ...document.activeElement.dataset } : {};
  if (!(await fill(trials, `/search/trials?${words}`, {}, quiet))) return;
  const again = focus.sort ? `[data-sort="${CSS.escape(focus.sort)}"]` : focus.page ? "[data-page]:not([disabled])" : null;
  if (again) trials.querySelector(again)?.focus();
}

const refresh = unhurried(async () => {
  await fill(now, `/search/now?${about}`, {}, true);
  await rows();
});
const log = logOf(`/search/log?${about}`);

function told(found) {
  const before = seen;
  seen = found;
  state.textContent = WORDS[seen.state] ?? seen.state;
  state.className = `badge ${LOOK[seen.state] ?? ""}`;
  stop.hidden = !seen.ours || seen.state === "stopping";
  resume.hidden = !known || ["running", "starting", "stopping"].includes(seen.state);
  const budget = document.getElementById("budget");
  budget.min = seen.evaluations + 1;
  if (!budget.value) budget.value = Math.max(2 * seen.evaluations, 10);
  if (before.state && before.state !== seen.state) say(`The search is ${state.textContent}`);
  if (!known) { if (seen.mark) location.reload(); }
  else if (before.mark !== seen.mark) refresh();
  if (seen.log && before.log !== seen.log) log().catch(() => {});
}

const again = watch(`/search/events?${about}`, told);

async function act(address, value, button) {
  button.disabled = true;
  try {
    await send(address, { at, study, ...value });
    said.replaceChildren();
    again();
  } catch (error) {
    problem(said, error.message);
  }
  button.disabled = false;
}
stop.addEventListener("click", () => act("/search/stop", {}, stop));
resume.addEventListener("submit", (event) => {
  event.preventDefault();
  act("/search/resume", { budget: Number(document.getElementById("budget").value) }, resume.querySelector("button"));
});

if (form) {
  const typed = settled(() => { table.page = "1"; rows(); }, 200);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", typed);
  trials.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.sort) {
      const same = table.sort === button.dataset.sort;
      table = { sort: button.dataset.sort, down: same && !table.down ? "1" : "", page: "1" };
    } else if (button?.dataset.page) {
      table.page = button.dataset.page;
    } else return;
    rows();
  });
}
