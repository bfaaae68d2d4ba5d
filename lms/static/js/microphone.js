// The microphone of the recorders: that of a draft (recorder.js), and of a correction (correction/voice.js).
const TYPES = ["audio/webm;codecs=opus", "audio/mp4"];
const RATE = 24000; // bits a second, one channel
const SLICE = 1000; // ms

export const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

// Calls `look` ten times a second with the level and the seconds that are left, until it says no.
const measure = (stream, most, look, halt) => {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  const wave = new Float32Array(analyser.fftSize);
  context.createMediaStreamSource(stream).connect(analyser);
  const began = performance.now();
  const timer = setInterval(() => {
    const rest = most - (performance.now() - began) / 1000;
    analyser.getFloatTimeDomainData(wave);
    const level = Math.sqrt(wave.reduce((sum, each) => sum + each * each, 0) / wave.length) * 4;
    if (rest <= 0 || !look(level, rest)) halt();
  }, 100);
  return () => {
    clearInterval(timer);
    context.close();
  };
};

// Returns the open microphone; null without one. `record` ends when it is stopped, and gives each second to `keep`.
export const open = async () => {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } }).catch(() => null);
  if (!stream) return null;
  const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
  const recorder = new MediaRecorder(stream, { mimeType, audioBitsPerSecond: RATE });
  const stop = () => { if (recorder.state === "recording") recorder.stop(); };
  return {
    mimeType,
    suffix: mimeType.includes("webm") ? ".webm" : ".m4a",
    stop,
    record: async (most, look, keep) => {
      recorder.ondataavailable = ({ data }) => keep(data);
      const stopMeasuring = measure(stream, most, look, stop);
      recorder.start(SLICE);
      await new Promise((done) => { recorder.onstop = done; });
      stopMeasuring();
      stream.getTracks().forEach((track) => track.stop());
    },
  };
};

// Plays a recording; returns what stops it. A player would need an address that our policy forbids.
export const play = (blob, ended) => {
  const context = new AudioContext();
  const stop = () => {
    if (context.state === "closed") return;
    context.close();
    ended();
  };
  (async () => {
    try {
      const player = context.createBufferSource();
      player.buffer = await context.decodeAudioData(await blob.arrayBuffer());
      player.connect(context.destination);
      player.onended = stop;
      player.start();
    } catch {
      stop();
    }
  })();
  return stop;
};
