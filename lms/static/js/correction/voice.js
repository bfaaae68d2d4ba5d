// The voice of the answer: recorded here, heard, then kept with the draft at once. `v` begins and ends a recording while
// the copy has the focus. What is recorded and not kept yet goes with the return, and the page is not left without asking.
const panel = () => document.querySelector("[data-spoken]");
const part = (name) => panel()?.querySelector(`[data-${name}]`);
let microphone = null;
let take = null; // while it is recorded
let recorded = null; // ended once it is whole
let voice = null; // whole, not kept yet: { blob, name }
let stopSound = null; // while it plays
let isBusy = false;

// States: idle, recording, made, sending, refused (no microphone).
const show = (state, said) => {
  if (!panel()) return;
  for (const each of panel().querySelectorAll("[data-in]")) each.hidden = !each.dataset.in.split(" ").includes(state);
  part("told").textContent = said ?? panel().dataset[state] ?? "";
};
const focus = () => panel()?.querySelector("button:not([hidden])")?.focus({ preventScroll: true });
const look = (level, rest) => {
  if (!panel()) return false;
  part("level").value = level;
  part("time").textContent = microphone.clock(Math.ceil(rest));
  return true;
};
const stopPlaying = () => stopSound?.();

const record = async () => {
  microphone = await import(panel().dataset.microphone);
  take = await microphone.open();
  if (!take) {
    show("refused");
    return;
  }
  const slices = [];
  const { mimeType: type, suffix } = take;
  show("recording");
  focus();
  await take.record(Number(panel().dataset.most), look, (slice) => slices.push(slice));
  if (take) voice = { blob: new Blob(slices, { type }), name: `voix${suffix}` };
  take = null;
  show(voice ? "made" : "idle");
  focus();
};
const start = () => {
  if (take || isBusy) return;
  isBusy = true;
  stopPlaying();
  voice = null;
  recorded = record().finally(() => { isBusy = false; });
};

// The part of the page with the voice, as the server shows it now.
const renew = async () => {
  const page = await fetch(location.href).then((answer) => answer.text())
    .then((html) => new DOMParser().parseFromString(html, "text/html")).catch(() => null);
  const now = page?.querySelector("[data-spoken]");
  if (now && panel()) panel().replaceWith(document.adoptNode(now));
};
const keep = async () => {
  stopPlaying();
  const form = document.getElementById("keep-voice");
  const body = new FormData(form);
  body.set("file", voice.blob, voice.name);
  show("sending");
  const answer = await fetch(form.action, { method: "POST", headers: { Accept: "application/json" }, body }).catch(() => null);
  const said = (await answer?.json().catch(() => null))?.said;
  if (answer?.ok) voice = null;
  if (answer?.ok || answer?.status === 409) await renew(); // after 409 with the voice of a colleague: ours is still here
  if (answer?.ok) show("idle", said);
  else show("made", said ?? panel().dataset.failed);
  focus();
  return Boolean(answer?.ok);
};

const ACTIONS = {
  start,
  stop: () => take?.stop(),
  keep,
  hear: () => {
    if (stopSound) {
      stopPlaying();
      return;
    }
    const press = (isPressed) => panel()?.querySelector("[data-act=hear]")?.setAttribute("aria-pressed", isPressed);
    stopSound = microphone.play(voice.blob, () => {
      stopSound = null;
      press(false);
    });
    press(true);
  },
  drop: () => {
    stopPlaying();
    const dropped = take;
    take = null;
    voice = null;
    dropped?.stop();
    show("idle");
    focus();
  },
};
document.addEventListener("click", ({ target }) => {
  const act = target.closest?.("[data-spoken] [data-act]")?.dataset.act;
  if (act) ACTIONS[act]();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "v" || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (!records || !panel() || !("keys" in panel().dataset) || event.target.closest("input, textarea, select")) return;
  if (take && (event.target.closest(".easel") || panel().contains(event.target))) take.stop();
  else if (event.target.closest(".easel")) start();
});

// A chosen file is kept without leaving the page; what was recorded goes with the return, and is kept first.
document.addEventListener("submit", async (event) => {
  const { target: form, submitter } = event;
  const [file] = form.id === "keep-voice" ? document.getElementById("voice-file").files : [];
  if (file) {
    event.preventDefault();
    voice = { blob: file, name: file.name };
    keep();
    return;
  }
  if (form.id !== "answer" || !(take || voice)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  take?.stop();
  await recorded;
  const isKept = !voice || await keep();
  form.dispatchEvent(new Event("form:free", { bubbles: true })); // app/once.js has taken it for sent
  if (isKept) form.requestSubmit(submitter);
}, true);
window.addEventListener("beforeunload", (event) => { if (take || voice) event.preventDefault(); });

const records = ["audio/webm;codecs=opus", "audio/mp4"].some((type) => window.MediaRecorder?.isTypeSupported(type))
  && navigator.mediaDevices?.getUserMedia;
const begin = () => { if (records) show(voice ? "made" : take ? "recording" : "idle"); };
document.addEventListener("page:changed", begin);
begin();
