// Marks go to the server one by one, in their order, and its answer draws them. What has not left yet waits on this
// computer, also when the page is closed; the same mark sent twice is made once. Other files ask by mark:add, mark:change
// and mark:remove on the document, with what is to be done as detail.
const PAUSE = [1000, 2000, 5000, 15000];
const place = () => document.querySelector("[data-desk]");
const status = () => document.querySelector("[data-mark-status]");
const key = () => `passerelle:marks:${document.body.dataset.person}:${place().dataset.desk}`;
const newKey = () => crypto.randomUUID?.() ?? String(crypto.getRandomValues(new Uint32Array(4)));

let waiting = [];
let [done, undone] = [[], []];
let busy = false;
let tries = 0;
const known = new Map(); // by the key or the id of a mark: what the server says of it

const keep = () => {
  try {
    if (waiting.length) localStorage[key()] = JSON.stringify(waiting);
    else delete localStorage[key()];
  } catch { /* they wait in this page alone */ }
};
const say = (text = "") => { if (status()) status().textContent = text; };

const swap = (html) => {
  const page = new DOMParser().parseFromString(html, "text/html");
  const list = document.querySelector("[data-marks]");
  const open = list?.contains(document.activeElement);
  for (const made of page.querySelectorAll(".marks")) {
    const { page: number, file } = made.dataset;
    document.querySelector(`[data-view] .marks[data-page="${number}"][data-file="${file}"]`)?.replaceWith(document.adoptNode(made));
  }
  const [text, shown] = [page.querySelector("[data-text]"), document.querySelector("[data-view] [data-text]")];
  if (text && shown && !getSelection().toString()) shown.replaceChildren(...document.adoptNode(text).childNodes);
  if (list && page.querySelector("[data-marks]")) list.replaceWith(document.adoptNode(page.querySelector("[data-marks]")));
  if (open) document.querySelector("[data-marks] li:last-child .words")?.focus();
  document.dispatchEvent(new Event("marks:drawn"));
};
// The page as it is now: after a refusal the marks of a colleague are shown too, and a new login has a new token.
const refresh = async () => {
  const html = await fetch(location.href).then((answer) => (answer.ok ? answer.text() : "")).catch(() => "");
  const page = new DOMParser().parseFromString(html, "text/html");
  if (page.body.dataset.person !== document.body.dataset.person) return;
  const token = page.querySelector(".feedback-form [name=csrf_token]")?.value;
  for (const field of token ? document.querySelectorAll("[name=csrf_token]") : []) field.value = token;
  swap(html);
};

document.addEventListener("marks:refresh", refresh);

const send = async ({ act, id, mark, fields, version }) => {
  const form = document.querySelector(".feedback-form");
  const now = known.get(id ?? mark) ?? { id, version };
  const body = new URLSearchParams({ ...fields, csrf_token: form.csrf_token.value, returns: form.elements.version.value });
  if (act === "add") body.set("request_id", mark);
  else body.set("version", now.version ?? version);
  const address = place().dataset.desk + { add: "", change: `/${now.id}`, remove: `/${now.id}/remove`, restore: `/${now.id}/restore` }[act];
  return fetch(address, { method: "POST", headers: { Accept: "application/json" }, body });
};
const work = async () => {
  if (busy || !waiting.length || !place()) return;
  busy = true;
  while (waiting.length) {
    const [step] = waiting;
    const answer = await send(step).catch(() => null);
    const told = answer && await answer.json().catch(() => null);
    if (answer?.ok && told) {
      known.set(told.id, told).set(told.key, told);
      tries = 0;
      waiting.shift();
      keep();
      if (!waiting.length) swap(told.drawn);
      say();
    } else if (answer && ![401, 429].includes(answer.status) && answer.status < 500 && told) {
      waiting.shift();
      keep();
      await refresh();
      say(told.said);
    } else {
      if (answer?.status === 400) await refresh();
      say(`${status().dataset[answer?.status === 401 ? "ended" : "offline"]} ${status().dataset.wait}`);
      setTimeout(work, PAUSE[Math.min(tries, PAUSE.length - 1)]);
      tries += 1;
      break;
    }
  }
  busy = false;
};
const put = (step) => {
  waiting.push(step);
  keep();
  document.dispatchEvent(new CustomEvent("marks:waiting", { detail: waiting }));
  work();
};

const offer = () => {
  for (const [act, steps] of [["undo", done], ["redo", undone]]) {
    const button = document.querySelector(`[data-act=${act}]`);
    if (button) button.disabled = !steps.length;
  }
};
const record = (step) => {
  done.push(step);
  undone = [];
  put(step.forth);
  offer();
};
const step = (from, to, way) => {
  const last = from.pop();
  if (!last) return;
  to.push(last);
  put(last[way]);
  offer();
};
document.addEventListener("mark:add", ({ detail: fields }) => {
  const mark = newKey();
  record({ forth: { act: "add", mark, fields }, back: { act: "remove", mark } });
  done.at(-1).again = { act: "restore", mark };
});
document.addEventListener("mark:remove", ({ detail: { id } }) => {
  record({ forth: { act: "remove", id }, back: { act: "restore", id } });
});
document.addEventListener("mark:change", ({ detail: { before, after } }) => {
  const { id, version } = before;
  record({ forth: { act: "change", id, version, fields: after }, back: { act: "change", id, version, fields: before } });
});
const undo = () => step(done, undone, "back");
const redo = () => {
  const last = undone.at(-1);
  if (last?.again) [last.forth, last.again] = [last.again, null]; // it is there, removed
  step(undone, done, "forth");
};
document.addEventListener("click", ({ target }) => {
  const act = target.closest?.("[data-act]")?.dataset.act;
  if (act === "undo") undo();
  if (act === "redo") redo();
});
document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || !place() || event.target.closest("input, textarea, select")) return;
  const name = event.key.toLowerCase();
  if (name === "y" || (name === "z" && event.shiftKey)) redo();
  else if (name === "z") undo();
  else return;
  event.preventDefault();
});

const look = () => {
  [done, undone] = [[], []];
  waiting = [];
  if (!place()) return;
  offer();
  try { waiting = JSON.parse(localStorage[key()] ?? "[]"); } catch { /* nothing waits */ }
  work();
};
window.addEventListener("online", work);
document.addEventListener("page:changed", look);
look();
