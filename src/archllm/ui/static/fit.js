// A fit: what is known of it is asked for again whenever something has happened.
import { logOf, unhurried, watch } from "./live.js";
import { fill, problem, say, send } from "./page.js";

const { at } = document.getElementById("fit").dataset;
const about = new URLSearchParams({ at });
const [state, stop, resume, minutes, said, now] =
  ["state", "stop", "resume", "minutes", "said", "now"].map((id) => document.getElementById(id));
const LOOK = { running: "running", starting: "running", stopping: "running", failed: "failed", complete: "complete" };
let seen = {};

const refresh = unhurried(() => fill(now, `/fit/now?${about}`, {}, true));
const log = logOf(`/fit/log?${about}`);

const again = watch(`/fit/events?${about}`, (found) => {
  const before = seen;
  seen = found;
  state.textContent = seen.state;
  state.className = `badge ${LOOK[seen.state] ?? ""}`;
  stop.hidden = !seen.ours || seen.state === "stopping";
  resume.hidden = !seen.mark || !["interrupted", "failed"].includes(seen.state);
  if (seen.minutes !== null && !minutes.value) minutes.value = seen.minutes;
  if (before.state && before.state !== seen.state) say(`The fit is ${seen.state}`);
  if (before.mark !== seen.mark || before.state !== seen.state) refresh();
  if (seen.log && before.log !== seen.log) log().catch(() => {});
});

async function act(address, value, button) {
  button.disabled = true;
  try {
    await send(address, { at, ...value });
    said.replaceChildren();
    again();
  } catch (error) {
    problem(said, error.message);
  }
  button.disabled = false;
}
stop.addEventListener("click", () => act("/fit/stop", {}, stop));
resume.addEventListener("submit", (event) => {
  event.preventDefault();
  act("/fit/resume", minutes.value ? { minutes: Number(minutes.value) } : {}, resume.querySelector("button"));
});
