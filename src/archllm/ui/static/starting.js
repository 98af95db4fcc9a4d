// A new search: what can be searched for depends on the space.
import { ask, problem, say, send } from "./page.js";

const form = document.getElementById("start");
const said = document.getElementById("said");
const [objective, second] = ["objective", "second"].map((id) => document.getElementById(id));
const { of, method } = form.elements;

function options(select, names, empty) {
  const chosen = select.value;
  select.replaceChildren(...(empty ? [new Option("none", "")] : []), ...names.map((name) => new Option(name, name)));
  if (names.includes(chosen)) select.value = chosen;
}

async function objectives() {
  const ofARun = of.value.startsWith("run:");
  for (const each of method.options) each.disabled = "run" in each.dataset && !ofARun;
  if (method.selectedOptions[0]?.disabled) method.value = "gp";
  try {
    const names = await (await ask(`/searches/objectives?${new URLSearchParams({ of: of.value })}`)).json();
    options(objective, names, false);
    options(second, names, true);
    said.replaceChildren();
    if (!names.length) problem(said, "No table of the data folder is of this space, and no networks can be made of it here.");
  } catch (error) {
    problem(said, error.message);
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const go = document.getElementById("go");
  go.disabled = true;
  const { where, store, study, budget, seed } = form.elements;
  try {
    const found = await (await send("/searches/start", {
      of: of.value,
      objectives: [objective.value, second.value].filter(Boolean),
      method: method.value,
      budget: Number(budget.value),
      seed: Number(seed.value),
      where: [where.value.trim()].filter(Boolean),
      store: store.value.trim(),
      study: study.value.trim(),
    })).json();
    say("The search is started");
    location.href = `/search?${new URLSearchParams(found)}`;
  } catch (error) {
    problem(said, error.message);
    go.disabled = false;
  }
});
of.addEventListener("change", objectives);
objectives();
