// Files of homework leave this phone by themselves, each into the draft, piece by piece (tus 1.0.0, ADR 37). What has not
// left yet lies in IndexedDB, for its person alone: after a lost network, a killed page or an ended login it goes on.
// drafting.js puts files into this queue and shows it, leaving.js asks before it is deleted. They hear outgoing:changed,
// and outgoing:arrived when a file is in the draft.
const PIECE = 256 * 1024;
const LIMIT = 120000; // ms for a piece
const LONGEST = 60; // s between two tries
const OLDEST = 60 * 24 * 3600 * 1000;
const [SIDE, SHORT_SIDE, LONG, LITTLE] = [2000, 1000, 1.55, 0.8]; // the rule of adapters/media/photo.py
const REFUSALS = [400, 412, 413, 415, 422];

const { person } = document.body.dataset;
const tell = (entry, why) => {
  entry.why = why; // "": it is on its way; offline, busy, ended: it waits; done: it is in the draft
  document.dispatchEvent(new Event("outgoing:changed"));
};
// Opened anew for each use: a phone closes what a page in the background holds open.
export const store = (mode, action) => new Promise((done, fail) => {
  const opening = indexedDB.open("passerelle", 1);
  opening.onupgradeneeded = () => {
    opening.result.createObjectStore("file", { keyPath: "key" });
    opening.result.createObjectStore("bytes");
  };
  opening.onerror = fail;
  opening.onsuccess = () => {
    const base = opening.result;
    const steps = base.transaction(["file", "bytes"], mode, { durability: "strict" });
    const end = (next) => () => { base.close(); next(asked?.result); };
    const asked = action(steps.objectStore("file"), steps.objectStore("bytes"));
    steps.oncomplete = end(done);
    steps.onabort = end(fail);
  };
});

export let entries = [];
const memory = new Map(); // the bytes of those that this browser cannot keep
export const isLost = ({ key }) => memory.has(key); // with its page
const fresh = new WeakSet(); // of these the server knows nothing yet
const shrinking = new WeakSet();

const keep = async (entry, bytes) => {
  entry.size = bytes.byteLength;
  try {
    localStorage["passerelle:outgoing"] = 1; // for going_on.js
    await store("readwrite", (files, all) => { all.put(bytes, entry.key); return files.put(entry); });
  } catch {
    memory.set(entry.key, bytes);
  }
};
export const drop = ({ key }) => {
  memory.delete(key);
  return store("readwrite", (files, all) => { all.delete(IDBKeyRange.bound(key, `${key}/~`)); return files.delete(key); }).catch(() => {});
};
export const load = async () => {
  const found = await store("readonly", (files) => files.getAll()).catch(() => []);
  const known = new Map(entries.map((entry) => [entry.key, entry]));
  found.filter(({ at }) => Date.now() - at > OLDEST).forEach(drop);
  const kept = found.filter((entry) => entry.person === person).map((entry) => known.get(entry.key) ?? entry);
  entries = [...kept, ...entries.filter((entry) => !kept.includes(entry)
    && (memory.has(entry.key) || shrinking.has(entry) || entry.why === "done"))];
  entries.sort((one, other) => one.at - other.at);
};

// Of what the server would make smaller, less has to be sent. A see-through picture needs its own ground, which the server finds.
const shrink = async (file) => {
  if (!/^image\/(?!png|webp|gif)/.test(file.type || "image/")) return file;
  const picture = await createImageBitmap(file);
  const [short, long] = [picture.width, picture.height].sort((one, other) => one - other);
  let scale = long <= LONG * short ? SIDE / long : Math.max(SIDE / long, SHORT_SIDE / short);
  if (scale >= LITTLE && scale > SIDE / long) scale = 1;
  scale = Math.min(1, scale);
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(picture.width * scale);
  canvas.height = Math.round(picture.height * scale);
  const pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  const made = await new Promise((done) => { canvas.toBlob(done, "image/jpeg", 0.8); });
  return made && made.size < file.size ? made : file;
};

const newKey = () => crypto.randomUUID?.() ?? String(crypto.getRandomValues(new Uint32Array(4)));
export const entryFor = (assignment, kind, name) => ({ key: newKey(), person, assignment, kind, name, at: Date.now() });
export const hold = (entry) => { // a voice that is recorded now
  remove(entry);
  entries.push(entry);
  return store("readwrite", (files) => files.put(entry)).catch(() => {});
};
export const add = async (entry, file) => {
  remove(entry);
  entries.push(entry);
  shrinking.add(entry);
  tell(entry, "");
  try {
    await keep(entry, await file.arrayBuffer()); // first: a photo too big for the phone ends the page
    fresh.add(entry);
    const small = entry.kind === "photo" ? await shrink(file).catch(() => file) : file;
    if (small !== file) await keep(entry, await small.arrayBuffer());
  } catch {
    refuse(entry);
  }
  shrinking.delete(entry);
  go();
};
const refuse = async (entry, answer) => {
  entry.said = await answer?.text().catch(() => "") || " ";
  await store("readwrite", (files) => files.put(entry)).catch(() => {});
  tell(entry, "");
};

const ask = async (method, address, headers, body) => {
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(), LIMIT);
  try {
    return await fetch(address, { method, body, signal: ending.signal, headers: { "Tus-Resumable": "1.0.0", "X-Person": person, ...headers } });
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
};
const coded = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
const begin = ({ key, assignment, kind, name, size }) => ask("POST", "/uploads", {
  "Upload-Length": size,
  "Upload-Metadata": Object.entries({ key, assignment, kind, name }).map(([word, text]) => `${word} ${coded(text)}`).join(),
});
const sendPiece = (address, bytes, offset, again) => ask(again ? "POST" : "PATCH", address, {
  "Content-Type": "application/offset+octet-stream",
  "Upload-Offset": offset,
  ...(again && { "X-HTTP-Method-Override": "PATCH" }), // some networks let no PATCH through
}, bytes.slice(offset, offset + PIECE));

let wake = () => {};
const pause = (seconds) => new Promise((done) => { wake = done; setTimeout(done, seconds * 1000); });

// Sends one file; returns whether the next may follow.
const send = async (entry, isOurs) => {
  const bytes = memory.get(entry.key) ?? await store("readonly", (_files, all) => all.get(entry.key)).catch(() => null);
  if (!bytes) return remove(entry); // sent or deleted in another page
  let [address, offset, most, tries, told] = ["", fresh.has(entry) ? 0 : -1, 0, 0, false];
  fresh.delete(entry);
  while (entries.includes(entry)) {
    if (!isOurs()) return false;
    let answer = null;
    if (navigator.onLine === false) answer = null;
    else if (!address) answer = await begin(entry);
    else if (offset < 0) answer = await ask("HEAD", address);
    else answer = await sendPiece(address, bytes, offset, tries % 2);
    const status = answer?.status ?? 0;
    const at = Number(answer?.headers.get("Upload-Offset") ?? -1); // none: perhaps a portal that answers for the school
    let goes = true;
    if (status === 201 && told) return finish(entry);
    if (status === 201) address = answer.headers.get("Location");
    else if (at >= 0 || status === 409) {
      offset = at;
      goes = status !== 409 || offset > most;
    } else if (status === 401) {
      tell(entry, "ended");
      return false;
    } else if (REFUSALS.includes(status)) {
      await refuse(entry, answer);
      return true;
    } else {
      goes = false;
      offset = -1;
      if (status === 404 || status === 410) address = "";
    }
    entry.part = Math.max(0, offset) / bytes.byteLength;
    if (address && offset === bytes.byteLength) {
      if (!answer.headers.get("Upload-Refused")) return finish(entry);
      [address, told] = ["", true]; // beginning again says the sentence
    } else if (goes) {
      if (offset > most) [most, tries] = [offset, 0];
      if (!tries) tell(entry, "");
    } else {
      tries += 1;
      tell(entry, status ? "busy" : "offline");
      const wait = Number(answer?.headers.get("Retry-After")) || Math.min(LONGEST, 2 ** tries);
      await pause(Math.min(LONGEST, Math.max(1, wait * (0.5 + Math.random() / 2))));
    }
  }
  if (address) await ask("DELETE", address);
  return finish(entry);
};
export const remove = (entry) => {
  entries = entries.filter(({ key }) => key !== entry.key);
  return true;
};
const finish = async (entry) => {
  await drop(entry);
  tell(entry, "done");
  if (document.dispatchEvent(new Event("outgoing:arrived", { cancelable: true }))) remove(entry);
  return true;
};

let busy = false;
let again = false;
let turn = 0; // counts up when this page stops: the one that was looked at last sends
const isWaiting = (entry) => !entry.said && !entry.recording && entry.why !== "done";
export const left = (assignment) => entries.filter((entry) => isWaiting(entry) && (!assignment || entry.assignment === assignment));
const next = () => left().find((entry) => !shrinking.has(entry));
const work = async () => {
  const mine = turn;
  while (next() && await send(next(), () => mine === turn));
};
const alone = () => navigator.locks?.request("passerelle:outgoing", { steal: true }, work).catch(() => { turn += 1; }) ?? work();
export const go = async () => {
  wake();
  again = busy;
  if (!person || busy) return;
  busy = true;
  const before = left().length;
  await load();
  document.dispatchEvent(new Event("outgoing:changed"));
  // Also what another page has sent.
  if (left().length < before || entries.some(({ why }) => why === "done")) document.dispatchEvent(new Event("outgoing:arrived"));
  if (next()) await alone();
  busy = false;
  if (again) go();
};
for (const event of ["online", "focus", "pageshow"]) window.addEventListener(event, go);
document.addEventListener("visibilitychange", () => { if (!document.hidden) go(); });
go();
