// What runs: a stream says when something has happened, and the end of a log is shown as it grows.
import { ask } from "./page.js";

/** Calls a function with each message of a stream, while the page is looked at. Returns what begins it anew. */
export function watch(address, told) {
  let stream;
  const again = () => {
    stream?.close();
    if (document.hidden) return;
    stream = new EventSource(address);
    stream.addEventListener("message", (event) => told(JSON.parse(event.data)));
  };
  document.addEventListener("visibilitychange", again);
  addEventListener("pagehide", () => stream?.close());
  again();
  return again;
}

/** A function that shows the log of an address at the foot of the page; who reads its end stays there. */
export function logOf(address) {
  let asked = 0;
  return async () => {
    const own = ++asked;
    const found = await (await ask(address)).json();
    if (own !== asked) return; // an answer that a later one has overtaken is old
    document.getElementById("log-s").hidden = false;
    const place = document.getElementById("log");
    const last = place.scrollHeight - place.scrollTop - place.clientHeight < 30;
    place.textContent = found.log || "Nothing yet.";
    if (last) place.scrollTop = place.scrollHeight;
  };
}

/** A function that does some work, one call at a time: calls meanwhile are one more after it, with a pause that grows
 * with how long the work takes. */
export function unhurried(work) {
  let busy = false;
  let late = false;
  const run = async () => {
    if (busy) { late = true; return; }
    busy = true;
    const start = performance.now();
    await work();
    setTimeout(() => { busy = false; if (late) { late = false; run(); } }, Math.max(500, 3 * (performance.now() - start)));
  };
  return run;
}
