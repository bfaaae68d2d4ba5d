// The one way in which forms with words or files are sent: form[data-once] goes by XMLHttpRequest, so that the page
// with what was typed stays until the server has taken it. Passwords, pages before login, and forms that are only
// buttons go plainly; the last not without network, because the error page of the browser would hide the other forms.
// form[data-draft] is also saved at its own address while it is written; [data-kept] tells how that went.
// It tells the other files with events on the form: form:sending, form:progress, form:free, form:saved, form:sent.
const LIMIT = 60000; // ms, for a form without files
const PAUSE = 4000;
const LONGEST = 60; // s between two tries
const NOT_WORDS = /^(csrf_token|request_id|version|shown-.+)$/;
const WHY = { 0: "offline", 400: "stale", 401: "ended", 404: "gone", 413: "heavy", 429: "often", 502: "busy", 503: "busy", 504: "busy" };

const WRITTEN = "textarea, input:not([type=hidden]):not([type=checkbox]):not([type=radio])";

const says = () => document.querySelector("[data-says]").dataset;
const announce = (form, name, detail) => form.dispatchEvent(new CustomEvent(`form:${name}`, { bubbles: true, detail }));
const parsed = (html) => new DOMParser().parseFromString(html, "text/html");
const addressOf = (form, button) => button?.getAttribute("formaction") || form.getAttribute("action") || location.href;

const content = (form, button) => {
  const data = new FormData(form);
  if (button?.name) data.append(button.name, button.value);
  return data;
};

const post = (form, address, data, headers) => new Promise((done) => {
  const call = new XMLHttpRequest();
  const files = form.enctype === "multipart/form-data";
  call.open("POST", address);
  call.timeout = files ? 0 : LIMIT;
  for (const name in headers) call.setRequestHeader(name, headers[name]);
  if (headers["X-Sent-By"]) call.upload.onprogress = (event) => announce(form, "progress", event.loaded / event.total);
  call.onloadend = () => done(call); // with the status 0 if there was no answer
  call.send(files ? data : new URLSearchParams(data));
});

// A login since then has changed the token of every form. It is taken from this page as it is now, if that is still
// the page of the same person. Returns why not, or nothing.
const renew = async () => {
  try {
    const page = parsed(await (await fetch(location.href)).text());
    const fresh = page.querySelector("[name=csrf_token]")?.value;
    if (!page.body.dataset.person) return "ended";
    if (page.body.dataset.person !== document.body.dataset.person) return "other";
    if (!fresh) return "gone";
    const fields = document.querySelectorAll("[name=csrf_token]");
    if (fields[0].value === fresh) return "broken";
    for (const field of fields) field.value = fresh;
    return "";
  } catch {
    return "offline";
  }
};

// What became of a request: next (an address), page (to be shown), told (JSON), or why it was not taken.
const outcome = async (ask, again = true) => {
  const call = await ask();
  const next = call.getResponseHeader("X-Next");
  const ok = call.status >= 200 && call.status < 300;
  if (next) return { ok, next };
  const wait = Number(call.getResponseHeader("Retry-After")) || 0;
  let why = WHY[call.status] ?? (ok ? "offline" : "broken"); // a portal that answers for the school is no answer
  if ((call.getResponseHeader("Content-Type") || "").startsWith("application/json")) {
    const told = JSON.parse(call.responseText);
    return { ok, told, wait, why: call.status === 409 ? "clash" : why, said: told.said };
  }
  const page = parsed(call.responseText);
  const refusal = page.querySelector("[data-refusal]");
  // After 413 the server has not read the form: its page lacks what was typed.
  if (page.body.dataset.person && !refusal && why !== "heavy") return { ok, page, why };
  if (why === "stale") {
    why = again ? await renew() : "broken";
    if (!why) return outcome(ask, false);
  }
  return { why, wait, said: why === "broken" && call.status < 500 ? refusal?.querySelector(".lead")?.textContent : "" };
};

const waiting = new Map();
const stopWaiting = (key) => {
  clearTimeout(waiting.get(key)?.timer);
  waiting.delete(key);
};
const tryLater = (key, seconds, run) => {
  const tries = (waiting.get(key)?.tries ?? 0) + 1;
  const start = () => {
    clearTimeout(waiting.get(key)?.timer);
    run();
  };
  clearTimeout(waiting.get(key)?.timer);
  waiting.set(key, { tries, start, timer: setTimeout(start, 1000 * (seconds || Math.min(LONGEST, 2.5 * 2 ** tries))) });
};
window.addEventListener("online", () => [...waiting.values()].forEach(({ start }) => start()));

// Says in a place what happened, what became of the words, and what comes next.
const tell = (place, form, { why, said, told }, goesOn) => {
  const text = says();
  const kept = { yes: text.here, no: text.open }[form.dataset.stored];
  place.textContent = [said || text[why] || text.broken, kept, goesOn && text.again].filter(Boolean).join(" ");
  if (why !== "ended") return;
  const link = document.createElement("a");
  link.href = told?.login || `${text.login}?next=${encodeURIComponent(location.pathname + location.search)}`;
  link.textContent = text.enter;
  place.append(" ", link);
};

const noticeOf = (form) => {
  const found = form.querySelector("[data-outcome]");
  if (found) return found.querySelector("p");
  const box = document.createElement("div");
  box.className = "notice warm";
  box.dataset.outcome = "";
  box.setAttribute("role", "alert");
  box.append(document.querySelector("[data-says]").content.cloneNode(true), document.createElement("p"));
  form.append(box);
  return box.lastChild;
};
const dropNotice = (form) => {
  stopWaiting(form);
  form.querySelector("[data-outcome]")?.remove();
};

const show = (page) => {
  document.title = page.title;
  page.body.dataset.refused = "1"; // what it shows is typed, not kept
  document.body.replaceWith(document.adoptNode(page.body));
  window.scrollTo(0, 0);
  document.dispatchEvent(new Event("page:changed"));
  if (!document.activeElement || document.activeElement === document.body) document.getElementById("content")?.focus({ preventScroll: true });
};

const go = (next) => {
  const there = new URL(next, location.href);
  if (!there.hash || there.pathname + there.search !== location.pathname + location.search) return location.assign(next);
  history.replaceState(null, "", "?"); // or the browser would only scroll
  location.replace(next);
};

const saving = new WeakMap();
const underway = new WeakSet();
const plain = new WeakSet(); // forms that this script could not send

const send = async (form, button) => {
  underway.add(form);
  await saving.get(form); // or the form would meet its own newer version
  announce(form, "sending");
  const answer = await outcome(() => post(form, addressOf(form, button), content(form, button), { Accept: "text/html", "X-Sent-By": "script" }));
  if (answer.ok) announce(form, "sent");
  if (answer.next) return go(answer.next);
  if (answer.page) return show(answer.page);
  underway.delete(form);
  announce(form, "free");
  const { why, wait } = answer;
  // Only a form with an idempotency key may be sent twice.
  const goesOn = form.elements.request_id && (why === "offline" || why === "busy" || (why === "often" && wait && wait <= LONGEST));
  const place = noticeOf(form);
  form.querySelector("[data-kept]")?.replaceChildren(); // the notice says more
  tell(place, form, answer, goesOn);
  place.parentNode.scrollIntoView({ block: "nearest" });
  if (goesOn) tryLater(form, wait, () => { if (!underway.has(form)) send(form, button); });
  else stopWaiting(form);
};

let pressed = null; // for browsers whose events do not name the button
document.addEventListener("click", (event) => { pressed = event.target.closest?.("button") ?? pressed; }, true);
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || plain.has(form) || !form.matches("form[data-once]") || form.querySelector("[type=password]")) return;
  if (!form.querySelector(WRITTEN) && !form.matches("[data-leaves]") && navigator.onLine !== false) return;
  event.preventDefault();
  if (underway.has(form)) return;
  clearTimeout(waiting.get(form)?.timer);
  const button = event.submitter ?? (pressed?.form === form ? pressed : form.querySelector("button:not([type=button])"));
  send(form, button).catch(() => {
    plain.add(form);
    announce(form, "free");
    button.click();
  });
});
window.addEventListener("pageshow", ({ persisted }) => { if (persisted) document.querySelectorAll("form").forEach((form) => underway.delete(form)); });
// Whoever writes on presses the button again: nothing is sent in the middle of a word.
document.addEventListener("input", ({ target }) => { if (target.form && !underway.has(target.form)) dropNotice(target.form); });

const keep = (form) => {
  if (form.dataset.keeping) return;
  form.dataset.keeping = "1";
  const place = form.querySelector("[data-kept]");
  const written = () => {
    const data = content(form);
    for (const input of form.querySelectorAll("input[type=file]")) data.delete(input.name);
    return data;
  };
  const words = () => JSON.stringify([...written()].filter(([name]) => !NOT_WORDS.test(name)));
  let saved = words();
  let timer = null;
  let stopped = false;

  const save = async () => {
    const now = words();
    if (now === saved || stopped || underway.has(form) || !form.isConnected) return;
    const answer = await outcome(() => post(form, form.getAttribute("action"), written(), { Accept: "application/json" }));
    if (!answer.ok || !answer.told) {
      stopped = answer.why === "clash";
      const goesOn = answer.why === "offline" || answer.why === "busy";
      tell(place, form, answer, goesOn);
      if (goesOn) tryLater(place, answer.wait, start);
      return;
    }
    stopWaiting(place);
    saved = now;
    for (const name in answer.told) if (form.elements[name]?.type === "hidden") form.elements[name].value = answer.told[name];
    const clock = new Date();
    place.textContent = says().saved.replace("{h}", clock.getHours()).replace("{m}", String(clock.getMinutes()).padStart(2, "0"));
    if (words() === now) announce(form, "saved", answer.told);
    else later();
  };
  const start = () => saving.set(form, save().catch(() => {}));
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(start, PAUSE);
  };
  form.addEventListener("input", later);
  form.addEventListener("form:keep", start); // before the camera takes the place of this page
};

const look = () => document.querySelectorAll("form[data-draft]").forEach(keep);
document.addEventListener("page:changed", look);
look();
