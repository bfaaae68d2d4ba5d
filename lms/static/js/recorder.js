// Records a voice on the page of a draft: heard before it goes, by the queue of outgoing.js. Each second is kept in the
// browser at once, so that a killed page loses no more, and the next one offers what is there.
const client = await import(document.querySelector("[data-client]").src);
const microphone = await import(document.querySelector("[data-microphone]").dataset.microphone);
const MOST = 90; // s

const panel = () => document.querySelector("[data-recorder]");
const part = (name) => panel()?.querySelector(`[data-${name}]`);
let entry = null;
let slices = [];
let recorder = null;
let stopSound = null; // while it plays

// States: recording, made, found (by a later page), refused (no microphone).
const show = (state) => {
  if (!panel()) return;
  panel().hidden = !state;
  if (!state) return;
  for (const each of panel().querySelectorAll("[data-in]")) each.hidden = !each.dataset.in.split(" ").includes(state);
  part("told").textContent = panel().dataset[state];
  panel().querySelector("button:not([hidden])").focus({ preventScroll: true });
  panel().scrollIntoView({ block: "nearest" });
};

const keepSlice = async (key, number, blob) => {
  const bytes = await blob.arrayBuffer();
  if (entry?.key !== key) return; // deleted meanwhile
  await client.store("readwrite", (_files, all) => all.put(bytes, `${key}/${String(number).padStart(3, "0")}`)).catch(() => {});
};
const halt = () => recorder?.stop();
const look = (level, rest) => {
  if (!part("level")) return false;
  part("level").value = level;
  part("time").textContent = microphone.clock(Math.ceil(rest));
  return true;
};

const start = async () => {
  const opened = await microphone.open();
  if (!opened) {
    show("refused");
    return;
  }
  const name = panel().dataset.name + opened.suffix;
  entry = { ...client.entryFor(document.querySelector("[data-outgoing]").dataset.outgoing, "voice", name), recording: opened.mimeType };
  slices = [];
  recorder = opened;
  const { key } = entry;
  let kept = client.hold(entry);
  const recorded = recorder.record(MOST, look, (data) => {
    const number = slices.push(data);
    kept = kept.then(() => keepSlice(key, number, data));
  });
  show("recording");
  await recorded;
  recorder = null;
  await kept;
  if (entry) show("made");
};
// As long as it lasts, no other page takes it for a lost one.
const LOCK = "passerelle:voice";
let busy = false;
export const record = async () => {
  if (busy) return;
  busy = true;
  await (navigator.locks ? navigator.locks.request(LOCK, start) : start());
  busy = false;
};

const whole = () => new Blob(slices, { type: entry.recording });
const stopPlaying = () => stopSound?.();
const hear = () => {
  if (stopSound) {
    stopPlaying();
    return;
  }
  const press = (isPressed) => part("hear")?.setAttribute("aria-pressed", isPressed);
  stopSound = microphone.play(whole(), () => {
    stopSound = null;
    press(false);
  });
  press(true);
};
const forget = async () => {
  stopPlaying();
  const gone = entry;
  entry = null;
  halt();
  if (!gone) return;
  client.remove(gone);
  await client.drop(gone);
};

const ACTIONS = {
  stop: halt,
  hear,
  again: async () => {
    await forget();
    record();
  },
  delete: async () => {
    await forget();
    show("");
  },
  go: () => {
    stopPlaying();
    const [file, { recording: _type, ...ready }] = [whole(), entry];
    entry = null;
    show("");
    return client.add(ready, file);
  },
};
document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-recorder] button");
  const action = button && Object.keys(ACTIONS).find((name) => name in button.dataset);
  if (action) ACTIONS[action]();
});

// Offers what an earlier page has recorded, unless another page records just now.
export const offer = async (found) => {
  if (entry) {
    if (!recorder) show("made"); // the page was shown anew
    return;
  }
  const kept = await client.store("readonly", (_files, all) => all.getAll(IDBKeyRange.bound(`${found.key}/`, `${found.key}/~`))).catch(() => []);
  if (entry) return;
  if (!kept.length) {
    client.remove(found);
    client.drop(found);
    return;
  }
  [entry, slices] = [found, kept];
  show("found");
};
