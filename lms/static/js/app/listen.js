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

const quiet = () => {
  speaking?.setAttribute("aria-pressed", "false");
  speaking = null;
};

const show = () => {
  for (const button of document.querySelectorAll("[data-listen]")) {
    button.hidden = !voiceFor(button.dataset.listenLang || "fr");
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
    const voice = voiceFor(button.dataset.listenLang || "fr");
    const words = new SpeechSynthesisUtterance(button.dataset.listen.replace(/\s+/g, " ").trim());
    words.voice = voice;
    words.lang = voice.lang;
    words.rate = 0.88;
    words.onend = words.onerror = () => { if (speaking === button) quiet(); };
    speaking = button;
    button.setAttribute("aria-pressed", "true");
    synth.speak(words);
  });
}
