// A listen button appears only where the device can really speak the language of its words.
const synth = window.speechSynthesis;
let speaking = null;

const voiceFor = (lang) => {
  const base = lang.split("-")[0].toLowerCase();
  const voices = synth.getVoices().filter((v) => v.lang.replace("_", "-").toLowerCase().split("-")[0] === base);
  const wanted = base === "fr" ? "fr-be" : lang.toLowerCase();
  const exact = voices.filter((v) => v.lang.replace("_", "-").toLowerCase() === wanted);
  // A voice that lives on the device costs no data and sends the words to nobody.
  return exact.find((v) => v.localService) ?? voices.find((v) => v.localService) ?? exact[0] ?? voices[0];
};

// The words and a voice for them: the page's own language first, else the French words.
const speech = ({ listen, listenLang, listenFr }) => {
  const own = voiceFor(listenLang || "fr");
  if (own || !listenFr) return [listen, own];
  return [listenFr, voiceFor("fr")];
};

const quiet = () => {
  speaking?.setAttribute("aria-pressed", "false");
  speaking = null;
};

const show = () => {
  for (const button of document.querySelectorAll("[data-listen]")) {
    button.hidden = !speech(button.dataset)[1];
  }
};

if (synth) {
  show();
  synth.addEventListener?.("voiceschanged", show);
  document.addEventListener("page:changed", show);
  window.addEventListener("pagehide", () => synth.cancel());
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-listen]");
    if (!button) return;
    const again = button === speaking;
    synth.cancel();
    quiet();
    if (again) return;
    const [said, voice] = speech(button.dataset);
    const words = new SpeechSynthesisUtterance(said.replace(/\s+/g, " ").trim());
    words.voice = voice;
    words.lang = voice.lang;
    words.rate = 0.88;
    words.onend = words.onerror = () => { if (speaking === button) quiet(); };
    speaking = button;
    button.setAttribute("aria-pressed", "true");
    synth.speak(words);
  });
}
