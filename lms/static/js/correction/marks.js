// The marks of this page: what is shown, and what the server has. They are sent one after the other; one that could not be
// sent stays, is shown as not saved, and is sent later. `desk.put` changes a mark and can be undone.
const desk = (globalThis.desk ??= {});
const CONTENT = ["kind", "code", "attachment_id", "page", "x", "y", "w", "h", "points", "starts", "ends", "quote", "model", "note"];
const LONGEST = 60; // s between two tries

let [place, marks, done, undone, timer, tries, sending] = [null, [], [], [], null, 0, null];

const contentOf = (mark) => JSON.stringify(CONTENT.map((name) => mark[name] ?? null));
const isWaiting = (mark) => mark.kind === "text" && !mark.note; // words without words are not sent
const isDirty = (mark) => !isWaiting(mark)
  && (mark.id ? mark.removed !== mark.stored.removed || (!mark.removed && contentOf(mark) !== mark.stored.content) : mark.tried || !mark.removed);
const say = (text) => { place.querySelector("[data-says-mark]").textContent = text; };
desk.say = say;
desk.words = () => place.dataset;
desk.isOpen = () => Boolean(place?.isConnected);
desk.marks = () => marks.filter((mark) => !mark.removed);
desk.find = (key) => marks.find((mark) => mark.key === key);
desk.name = (mark) => document.querySelector(`[data-palette] ${mark.code ? `[data-code="${mark.code}"]` : `[data-act="${mark.kind}"]`}`)?.dataset.name
  ?? place.dataset[mark.kind] ?? "";

const storeKey = () => `passerelle:marks:${document.body.dataset.person}:${place.dataset.add}`;
const remember = () => {
  const open = marks.filter((mark) => isDirty(mark) || mark.refused);
  try {
    if (open.length) sessionStorage.setItem(storeKey(), JSON.stringify(open));
    else sessionStorage.removeItem(storeKey());
  } catch { /* then only this page has them, and asks before it is left */ }
};

// `content`: what was sent, because the server tidies words.
const accept = (mark, told, content = contentOf(told)) => {
  mark.id = told.id;
  mark.version = told.version;
  mark.stored = { content, removed: told.removed };
  delete mark.told;
  delete mark.refused;
};

const bodyOf = (mark) => {
  const form = document.querySelector(".feedback-form");
  const body = new URLSearchParams({ csrf_token: form.elements.csrf_token.value, returns: form.elements.version.value, request_id: mark.key });
  for (const name of CONTENT) {
    const value = mark[name];
    if (value === null || value === undefined) continue;
    body.set(name === "attachment_id" ? "attachment" : name, name === "points" ? value.map((point) => point.join(",")).join(" ") : value);
  }
  body.set("code", mark.code ?? "");
  if (mark.version) body.set("version", mark.version);
  return body;
};

const renew = async () => {
  const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
  const fresh = page.querySelector("[name=csrf_token]")?.value;
  if (!fresh || page.body.dataset.person !== document.body.dataset.person) return false;
  for (const field of document.querySelectorAll("[name=csrf_token]")) field.value = fresh;
  return true;
};

const post = async (mark, again = true) => {
  const base = place.dataset.add;
  const isMoved = mark.id && mark.removed !== mark.stored.removed;
  const address = !mark.id ? base : `${base}/${mark.id}${isMoved ? (mark.removed ? "/remove" : "/restore") : ""}`;
  const content = isMoved ? mark.stored.content : contentOf(mark);
  mark.tried = true;
  const answer = await fetch(address, { method: "POST", headers: { Accept: "application/json" }, body: bodyOf(mark), signal: AbortSignal.timeout(20000) });
  const told = (answer.headers.get("Content-Type") ?? "").startsWith("application/json") ? await answer.json() : null;
  if (answer.status === 400 && again && await renew()) return post(mark, false);
  return { status: answer.status, ok: answer.ok && told?.id, told, content };
};

const later = () => {
  tries += 1;
  clearTimeout(timer);
  timer = setTimeout(desk.flush, 1000 * Math.min(LONGEST, 2 ** tries));
};

const choice = (text, act) => {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button quiet";
  button.textContent = text;
  button.addEventListener("click", act);
  return button;
};

const clash = (mark, told) => {
  const theirs = told.mark;
  const words = theirs.removed ? place.dataset.removed : [theirs.quote, theirs.model, theirs.note, desk.name(theirs)].filter(Boolean).join(" · ");
  mark.refused = true;
  mark.told = { text: `${place.dataset.other} ${words}`, theirs };
};

desk.settle = (mark, isMine) => {
  const { theirs } = mark.told;
  accept(mark, theirs);
  if (!isMine) for (const name of [...CONTENT, "removed"]) mark[name] = theirs[name];
  desk.show();
  desk.flush();
};

const take = (mark, { status, ok, told, content }) => {
  if (ok && !mark.id && told.version > 1 && contentOf(told) !== content) {
    clash(mark, { mark: told }); // its answer had been lost, and a colleague has changed it since
  } else if (ok) {
    accept(mark, told, content);
    tries = 0;
  } else if (status === 409 && told?.mark) {
    clash(mark, told);
  } else if (status === 401) {
    mark.told = { text: place.dataset.ended, login: true };
    return false;
  } else if (status === 0 || status === 429 || status >= 500 || (status >= 200 && status < 400)) {
    mark.told = { text: place.dataset.unsaved };
    return false;
  } else {
    mark.refused = true;
    mark.told = { text: [told?.said, place.dataset.refused].filter(Boolean).join(" ") };
  }
  return true;
};

const run = async () => {
  for (let mark; desk.isOpen() && (mark = marks.find((each) => isDirty(each) && !each.refused));) {
    const sent = await post(mark).catch(() => ({ status: 0 }));
    const goesOn = take(mark, sent);
    if (!goesOn) for (const each of marks) if (isDirty(each) && !each.told) each.told = { text: place.dataset.unsaved };
    remember();
    desk.tell();
    if (!goesOn) return later();
  }
};

// Sends what is not sent yet; returns whether the server has everything.
desk.flush = async () => {
  clearTimeout(timer);
  sending ??= run().finally(() => { sending = null; });
  await sending;
  return !marks.some((mark) => isDirty(mark) || mark.refused);
};

const change = (mark, values) => {
  Object.assign(mark, values);
  delete mark.refused;
  delete mark.told;
  remember();
  desk.show();
  desk.flush();
};

// Changes a mark, made or removed by it too. Changes of one kind that follow at once are undone together.
desk.put = (mark, values, together = "") => {
  const before = Object.fromEntries(Object.keys(values).map((name) => [name, mark[name]]));
  const last = done.at(-1);
  if (together && last?.mark === mark && last.together === together) last.values = values;
  else done.push({ mark, before, values, together });
  undone = [];
  change(mark, values);
};
// Without TLS, as on a local network, a browser makes no UUID. The server takes at most 40 letters, digits and hyphens.
const newKey = () => crypto.randomUUID?.() ?? crypto.getRandomValues(new Uint32Array(3)).join("-");
desk.add = (content) => {
  const mark = { key: newKey(), quote: "", model: "", note: "", removed: true, ...content };
  marks.push(mark);
  desk.put(mark, { removed: false });
  say(`${place.dataset.placed} ${desk.name(mark)}`);
  return mark;
};
desk.remove = (mark) => {
  desk.put(mark, { removed: true });
  say(place.dataset.gone);
};
const step = (from, to, side) => {
  const last = from.pop();
  if (!last) return;
  to.push(last);
  last.together = "";
  change(last.mark, last[side]);
};
desk.undo = () => step(done, undone, "before");
desk.redo = () => step(undone, done, "values");
desk.canUndo = () => [done.length, undone.length];

desk.tellOn = (mark, box) => {
  box.replaceChildren(mark.told?.text ?? "");
  box.parentElement.closest("li").toggleAttribute("data-open", Boolean(mark.told));
  if (mark.told?.login) {
    const link = document.createElement("a");
    link.href = `${place.dataset.login}?next=${encodeURIComponent(location.pathname + location.search)}`;
    link.textContent = place.dataset.enter;
    box.append(" ", link);
  }
  if (mark.told?.theirs) box.append(choice(place.dataset.mine, () => desk.settle(mark, true)), choice(place.dataset.theirs, () => desk.settle(mark, false)));
};

const begin = () => {
  place = document.querySelector("[data-desk]");
  [marks, done, undone] = [[], [], []];
  if (!place) return;
  for (const told of JSON.parse(place.dataset.made)) {
    const mark = { ...told };
    accept(mark, told);
    marks.push(mark);
  }
  let kept = [];
  try {
    kept = JSON.parse(sessionStorage.getItem(storeKey())) ?? [];
  } catch { /* nothing is kept */ }
  for (const mark of kept) {
    const known = desk.find(mark.key);
    if (!known) marks.push(mark);
    else if (mark.id || contentOf(known) !== contentOf(mark)) {
      // The version that its change was made on: what a colleague has written since is a conflict.
      Object.assign(known, mark, mark.id ? {} : { id: known.id, version: known.version, stored: known.stored });
    }
  }
  desk.resetCards();
  desk.show();
  desk.flush();
};
desk.begin = begin;

window.addEventListener("online", () => { if (desk.isOpen()) desk.flush(); });
document.addEventListener("visibilitychange", () => { if (!document.hidden && desk.isOpen()) desk.flush(); });
window.addEventListener("beforeunload", (event) => { if (desk.isOpen() && marks.some((mark) => isDirty(mark) || mark.refused)) event.preventDefault(); });

// The feedback is returned with all its marks, or not yet.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches(".feedback-form") || !desk.isOpen() || !marks.some((mark) => isDirty(mark) || mark.refused)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const button = event.submitter;
  desk.flush().then((all) => {
    form.dispatchEvent(new Event("form:free", { bubbles: true })); // app/once.js has taken it for sent
    if (all) form.requestSubmit(button);
    else form.querySelector("[data-kept]").textContent = place.dataset.first;
  });
}, true);
