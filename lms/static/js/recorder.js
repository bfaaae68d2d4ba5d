// Records a voice on the page of a draft: heard before it goes, by the queue of outgoing.js. Each second is kept in the
// browser at once, so that a killed page loses no more, and the next one offers what is there.
const client = await import(document.querySelector("[data-client]").src);
const TYPES = ["audio/webm;codecs=opus", "audio/mp4"];
const RATE = 24000; // bits a second, one channel
const SLICE = 1000; // ms
const MOST = 90; // s

const panel = () => document.querySelector("[data-recorder]");
const part = (name) => panel()?.querySelector(`[data-${name}]`);
let entry = null;
let slices = [];
let recorder = null;
let sound = null; // what is playing

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
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
const halt = () => { if (recorder?.state === "recording") recorder.stop(); };

const measure = (stream) => {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  const wave = new Float32Array(analyser.fftSize);
  context.createMediaStreamSource(stream).connect(analyser);
  const began = performance.now();
  const timer = setInterval(() => {
    const rest = MOST - (performance.now() - began) / 1000;
    analyser.getFloatTimeDomainData(wave);
    if (!part("level") || rest <= 0) {
      halt();
      return;
    }
    part("level").value = Math.sqrt(wave.reduce((sum, each) => sum + each * each, 0) / wave.length) * 4;
    part("time").textContent = clock(Math.ceil(rest));
  }, 100);
  return () => {
    clearInterval(timer);
    context.close();
  };
};

const start = async () => {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } }).catch(() => null);
  if (!stream) {
    show("refused");
    return;
  }
  const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
  const name = `${panel().dataset.name}.${mimeType.includes("webm") ? "webm" : "m4a"}`;
  entry = { ...client.entryFor(document.querySelector("[data-outgoing]").dataset.outgoing, "voice", name), recording: mimeType };
  slices = [];
  recorder = new MediaRecorder(stream, { mimeType, audioBitsPerSecond: RATE });
  const { key } = entry;
  let kept = client.hold(entry);
  recorder.ondataavailable = ({ data }) => {
    const number = slices.push(data);
    kept = kept.then(() => keepSlice(key, number, data));
  };
  const stopMeasuring = measure(stream);
  recorder.start(SLICE);
  show("recording");
  await new Promise((done) => { recorder.onstop = done; });
  recorder = null;
  stopMeasuring();
  stream.getTracks().forEach((track) => track.stop());
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
const stopPlaying = () => {
  sound?.close();
  sound = null;
  if (part("hear")) part("hear").setAttribute("aria-pressed", "false");
};
const hear = async () => {
  if (sound) {
    stopPlaying();
    return;
  }
  sound = new AudioContext(); // a player would need an address that our policy forbids
  const mine = sound;
  part("hear").setAttribute("aria-pressed", "true");
  try {
    const player = mine.createBufferSource();
    player.buffer = await mine.decodeAudioData(await whole().arrayBuffer());
    player.connect(mine.destination);
    player.onended = () => { if (sound === mine) stopPlaying(); };
    player.start();
  } catch {
    stopPlaying();
  }
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
