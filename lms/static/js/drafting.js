// The page of a draft: chosen files go into the queue of outgoing.js one by one, [data-outgoing] lists what has not left
// yet, and what has arrived is shown as the server shows it. Without script the files go with their form.
const client = await import(document.querySelector("[data-client]").src);
const { person } = document.body.dataset;
const CHOSEN = "[data-adds] input[type=file]";

const place = () => document.querySelector("[data-outgoing]");
const says = () => document.querySelector("[data-outgoing-says]");
const given = () => place()?.dataset.outgoing;
const isHere = (entry) => entry.assignment === given() && !entry.recording;
const voice = () => client.entries.find((entry) => entry.assignment === given() && entry.recording);

// The homework is sent when its files have left, by a later page when this one is killed; who writes on, or whose file is
// refused, presses the button again.
let wish = null;
const pressed = () => `passerelle:pressed:${person}:${given()}`;
const wait = (button) => {
  wish = button;
  try {
    if (button) localStorage[pressed()] = 1;
    else [localStorage, sessionStorage].forEach((kept) => { delete kept[pressed()]; });
  } catch { /* this page alone waits */ }
  if (place()) place().nextElementSibling.hidden = !button;
};
const settle = () => {
  const button = wish;
  if (!button || client.left(given()).length) return;
  wait(null);
  if (!client.entries.some((entry) => isHere(entry) && entry.said)) button.form.requestSubmit(button);
};

const draw = () => {
  settle();
  const list = place();
  if (!list) return;
  const text = says().dataset;
  const stuck = client.left()[0]?.why; // and all behind it
  const rows = new Map([...list.children].map((row) => [row.dataset.key, row]));
  for (const entry of client.entries.filter(isHere)) {
    let row = rows.get(entry.key);
    rows.delete(entry.key);
    if (!row) {
      row = says().content.firstElementChild.cloneNode(true);
      row.dataset.key = entry.key;
      row.querySelector(".name").textContent = entry.name;
      row.querySelectorAll(`.badge:not([data-kind=${entry.kind}])`).forEach((sign) => sign.remove());
      row.querySelector("a").href = `${text.login}?next=${location.pathname}`;
      list.append(row);
    }
    const [words, bar, link, again] = ["p", "progress", "a", "[data-again]"].map((part) => row.querySelector(part));
    const sentence = entry.said?.trim() || text[entry.said ? "broken" : entry.why || stuck || "sending"];
    const told = [sentence, client.isLost(entry) && text.open].filter(Boolean).join(" ");
    if (words.textContent !== told) words.textContent = told; // else it would be read out again
    words.classList.toggle("refused", Boolean(entry.said));
    bar.value = entry.part ?? 0;
    bar.hidden = Boolean(entry.said);
    link.hidden = entry.why !== "ended";
    again.hidden = !entry.said;
  }
  rows.forEach((row) => row.remove());
  list.hidden = !list.children.length;
};
document.addEventListener("outgoing:changed", draw);

// The recorder is loaded for whoever needs it, and offered where it records.
const records = ["audio/webm;codecs=opus", "audio/mp4"].some((type) => window.MediaRecorder?.isTypeSupported(type))
  && navigator.mediaDevices?.getUserMedia;
const look = async () => {
  const button = document.querySelector("[data-record]");
  if (button) button.hidden = !records;
  draw();
  await client.load();
  if (document.readyState !== "complete") await new Promise((done) => { addEventListener("load", done, { once: true }); }); // with the words of the killed page
  let again = false;
  try { again = pressed() in { ...localStorage, ...sessionStorage }; } catch { /* nothing is kept */ }
  if (again) {
    wait(document.querySelector("[data-hands-in]"));
    draw();
  }
  const found = voice();
  if (!button || !found) return;
  const recorder = await import(button.dataset.record);
  const offer = (isFree) => isFree && recorder.offer(found);
  if (navigator.locks) navigator.locks.request("passerelle:voice", { ifAvailable: true }, offer);
  else offer(true);
};
document.addEventListener("page:changed", look);

// Only the part with the files, never what is being typed.
document.addEventListener("outgoing:arrived", async (event) => {
  const part = document.getElementById("files");
  if (!part) return;
  event.preventDefault();
  const page = await fetch(location.href).then((answer) => answer.text())
    .then((html) => new DOMParser().parseFromString(html, "text/html")).catch(() => null);
  if (page?.body.dataset.person !== person) return; // without network: when it is there again
  const now = page.getElementById("files");
  const shown = document.getElementById("files");
  const pressed = shown?.contains(document.activeElement) && document.activeElement.getAttribute("formaction");
  if (now) shown?.replaceWith(document.adoptNode(now));
  if (pressed) now?.querySelector(`[formaction="${CSS.escape(pressed)}"]`)?.focus({ preventScroll: true });
  client.entries.filter(({ why }) => why === "done").forEach(client.remove);
  document.dispatchEvent(new Event("draft:changed"));
  draw();
});

document.addEventListener("change", (event) => {
  const input = event.target;
  if (!place() || !input.matches(CHOSEN)) return;
  event.stopPropagation(); // the form does not send them
  for (const file of input.files) {
    client.add(client.entryFor(given(), input.name === "picture" ? "photo" : input.name, file.name), file);
  }
  input.value = "";
}, true);

document.addEventListener("click", async ({ target }) => {
  const record = target.closest("[data-record]");
  if (record && !voice()) (await import(record.dataset.record)).record();
  if (target.matches(CHOSEN)) target.form.dispatchEvent(new Event("form:keep")); // the camera may end this page
  const button = target.closest("[data-key] button");
  const entry = button && client.entries.find(({ key }) => key === button.closest("[data-key]").dataset.key);
  if (!entry) return;
  delete entry.said;
  if (!button.matches("[data-again]")) {
    client.remove(entry);
    await client.drop(entry);
  }
  client.go();
});

document.addEventListener("input", ({ target }) => { if (target.form) wait(null); });
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (!button?.matches("[data-hands-in]") || !(client.left(given()).length || voice())) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  button.form.dispatchEvent(new Event("form:free", { bubbles: true }));
  if (voice()) return document.querySelector("[data-recorder]").scrollIntoView(); // it is not sent yet
  wait(button);
  return client.go();
}, true);

look();
