// What all pages share: asking the server for parts, saying what happened to screen readers, copying, times.

/** Asks for a part of a page. Throws what the server said where it could not. */
export async function ask(address, options = {}) {
  let answer;
  try {
    answer = await fetch(address, { ...options, headers: { "x-part": "1", ...options.headers } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer. Is `archllm ui` still running where it was started?");
  }
  if (answer.status === 403) throw new Error("The token of this page is no longer valid; open the address that `archllm ui` printed.");
  if (!answer.ok) {
    const said = new DOMParser().parseFromString(await answer.text(), "text/html").body.textContent.trim();
    throw new Error(said || `The server answers with ${answer.status}.`);
  }
  return answer;
}

/** Sends something as JSON. */
export function send(address, value) {
  return ask(address, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(value) });
}

const filled = new WeakMap(); // what the server made of a place last

/** Puts a part that the server made (and escaped) in its place; quietly, it is not greyed meanwhile, and stays as it is
 * where nothing has changed, so that what somebody is about to press does not go. */
export async function fill(place, address, options, quiet = false) {
  if (!quiet) place.setAttribute("aria-busy", "true");
  try {
    const text = await (await ask(address, options)).text();
    if (!quiet || filled.get(place) !== text) {
      place.innerHTML = text;
      filled.set(place, text);
      times(place);
      copies(place);
    }
  } catch (error) {
    if (error.name === "AbortError") return false;
    filled.delete(place);
    problem(place, error.message);
  }
  place.setAttribute("aria-busy", "false");
  return true;
}

/** Shows what went wrong; the words are text, never markup. */
export function problem(place, words) {
  const told = document.createElement("p");
  told.className = "problem";
  told.setAttribute("role", "alert");
  told.textContent = words;
  place.replaceChildren(told);
}

/** Tells screen readers. */
export function say(words) {
  document.getElementById("spoken").textContent = words;
}

/** Calls a function once its calls have paused for so many milliseconds. */
export function settled(work, pause) {
  let waiting;
  return (...words) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => work(...words), pause);
  };
}

/** Full dates as tooltips, in the reader's own time zone. */
export function times(within) {
  for (const each of within.querySelectorAll("time[data-at]")) {
    const at = new Date(1000 * Number(each.dataset.at));
    each.dateTime = at.toISOString();
    each.title = at.toLocaleString();
  }
}

/** A button beside each snippet that copies it. */
export function copies(within) {
  for (const snippet of within.querySelectorAll(".snippet")) {
    const bar = snippet.querySelector(".bar");
    if (bar.querySelector("button")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy: ${snippet.dataset.what}`);
    button.addEventListener("click", async () => {
      const code = snippet.querySelector("pre");
      const lines = [...code.querySelectorAll("code")].map((line) => line.textContent);
      try {
        await navigator.clipboard.writeText(lines.join("\n") + "\n");
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code);
        button.textContent = "Selected";
      }
      say(`${snippet.dataset.what}: ${button.textContent.toLowerCase()}`);
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
    bar.append(button);
  }
}

times(document);
copies(document);
