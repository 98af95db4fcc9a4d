// A new fit: images are dropped, chosen or named; what they are is said before anything starts.
import { ask, copies, problem, say, send, times } from "./page.js";
import { chosen, dropped, packed } from "./pack.js";

const form = document.getElementById("start");
const [drop, seen, said, going, bar, doing, cancel, go] =
  ["drop", "seen", "said", "going", "bar", "doing", "cancel", "go"].map((id) => document.getElementById(id));
const { data, out } = form.elements;
const most = Number(form.dataset.most);
let under = new AbortController();
let ready = ""; // the images that were looked at

/** Shows how far something is; a share from 0 to 1, or null where that is not known. */
function far(words, share = null) {
  going.hidden = false;
  doing.textContent = words;
  if (share === null) bar.removeAttribute("value"); else bar.value = share;
}

/** What the server made of the images. */
function found(answer) {
  ready = answer.data;
  data.value = answer.data;
  if (!out.value || out.dataset.made === out.value) {
    out.value = answer.out;
    out.dataset.made = answer.out;
  }
  seen.innerHTML = answer.html; // made and escaped by the server
  times(seen);
  copies(seen);
  go.disabled = false;
  say(seen.querySelector("li")?.textContent ?? "The images are read");
}

/** One thing at a time: what was under way is given up. */
async function one(work) {
  under.abort();
  under = new AbortController();
  const { signal } = under;
  ready = "";
  go.disabled = true;
  seen.replaceChildren();
  said.replaceChildren();
  try {
    const answer = await work(signal);
    if (!signal.aborted) found(answer);
  } catch (error) {
    if (!signal.aborted && error.name !== "AbortError") problem(said, error.message);
  }
  if (under.signal === signal) going.hidden = true;
}

function look() {
  const named = data.value.trim();
  if (!named || named === ready) return;
  one(async (signal) => {
    far("Reading the images …");
    return (await ask(`/fits/look?${new URLSearchParams({ data: named })}`, { signal })).json();
  });
}

/** Sends files; `fetch` does not say how far it is. */
function sent(name, body, signal) {
  return new Promise((good, bad) => {
    const request = new XMLHttpRequest();
    signal.addEventListener("abort", () => request.abort());
    request.upload.addEventListener("progress", (event) => {
      const share = event.loaded / event.total;
      far(share < 1 ? `Uploading, ${Math.round(100 * share)} %` : "Reading the images …", share < 1 ? share : null);
    });
    request.addEventListener("load", () => {
      if (request.status === 200) good(JSON.parse(request.responseText));
      else bad(new Error(new DOMParser().parseFromString(request.responseText, "text/html").body.textContent.trim()));
    });
    request.addEventListener("error", () => bad(new Error("The upload was cut off: the server does not answer, or does not take so much.")));
    request.addEventListener("abort", () => bad(new DOMException("given up", "AbortError")));
    request.open("POST", `/fits/upload?${new URLSearchParams({ name })}`);
    request.setRequestHeader("content-type", "application/zip");
    request.setRequestHeader("x-part", "1");
    request.send(body);
  });
}

function upload(collecting) {
  one(async (signal) => {
    far("Looking through the folder …");
    const { name, files } = await collecting;
    const size = files.reduce((sum, each) => sum + each.file.size, 0);
    if (!files.length) throw new Error("There are no files in it.");
    if (size > most) {
      throw new Error(`That has ${(size / 1e9).toFixed(1)} GB, more than the ${(most / 2 ** 30).toFixed(0)} GB that can be sent; copy it into the folder of this page, and name it below.`);
    }
    const whole = files.length === 1 && /\.zip$/i.test(files[0].name);
    if (!whole && !files.some((each) => each.name.includes("/"))) {
      throw new Error("Drop the folder that holds a subfolder of images for each class, or a .zip of it.");
    }
    const body = whole ? files[0].file : await packed(files, (count) => {
      if (signal.aborted) throw new DOMException("given up", "AbortError");
      far(`Packing, ${count.toLocaleString()} of ${files.length.toLocaleString()} files`, count / files.length);
    });
    return sent(name, body, signal);
  });
}

for (const kind of ["dragenter", "dragover"]) {
  addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
}
addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  upload(dropped(event.dataTransfer)); // begun at once: what was dropped is gone after the event
});
for (const id of ["folder", "archive"]) {
  const field = document.getElementById(id);
  field.addEventListener("change", () => { if (field.files.length) upload(Promise.resolve(chosen(field.files))); });
}
cancel.addEventListener("click", () => { under.abort(); going.hidden = true; say("Given up"); });
data.addEventListener("change", look);

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!ready) { look(); return; }
  go.disabled = true;
  const asked = { data: ready, out: out.value.trim() };
  for (const field of form.querySelectorAll("[data-option]")) {
    const value = field.value.trim();
    if (value) asked[field.name] = field.type === "number" ? Number(value) : value;
  }
  asked.also = [...form.querySelectorAll("[name=also]:checked")].map((each) => each.value);
  try {
    const { at } = await (await send("/fits/start", asked)).json();
    say("The fit is started");
    location.href = `/fit?${new URLSearchParams({ at })}`;
  } catch (error) {
    problem(said, error.message);
    go.disabled = false;
  }
});

look();
