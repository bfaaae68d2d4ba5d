// The clip: nothing is asked of YouTube before the tap. Then its frame alone, never its script;
// what the frame tells is believed only when it comes from this frame and from YouTube's address.
const YOUTUBE = "https://www.youtube-nocookie.com";
const EVERY = 15000;
const ENDED = 0;
const PLAYING = 1;
const PAUSED = 2;

const tell = (clip, address, body) => address && fetch(address, {
  method: "POST",
  keepalive: true,
  headers: { "Content-Type": "application/json", "Accept": "application/json", "X-CSRFToken": clip.dataset.token },
  body: JSON.stringify(body),
}).catch(() => null);

const listenTo = (clip, frame) => {
  let seconds = 0;
  let told = 0;
  let ended = false;
  let heard = false;
  const keep = () => {
    const at = Math.floor(seconds);
    if (at === told || ended) return;
    told = at;
    tell(clip, clip.dataset.progress, { seconds: at });
  };
  const change = async (state) => {
    if (state === PAUSED) keep();
    if (state !== ENDED || ended || seconds === 0) return;
    ended = true;
    const answer = await tell(clip, clip.dataset.watched, {});
    if (!answer?.ok) return;
    clip.querySelector("[data-seen]").hidden = false;
    clip.querySelector("[data-until-seen]")?.remove();
  };
  window.addEventListener("message", (event) => {
    if (event.origin !== YOUTUBE || event.source !== frame.contentWindow) return;
    let said;
    try {
      said = JSON.parse(event.data);
    } catch {
      return;
    }
    heard = true;
    if (Number.isFinite(said?.info?.currentTime)) seconds = said.info.currentTime;
    if (said?.event === "onStateChange") change(said.info);
    else if (Number.isInteger(said?.info?.playerState)) change(said.info.playerState);
    if (said?.info?.playerState === PLAYING) ended = false;
  });
  const greet = (left) => {
    if (heard || !left) return;
    frame.contentWindow?.postMessage(JSON.stringify({ event: "listening", id: clip.id, channel: "widget" }), YOUTUBE);
    setTimeout(greet, 500, left - 1);
  };
  frame.addEventListener("load", () => greet(20));
  setInterval(keep, EVERY);
  window.addEventListener("pagehide", keep);
};

const play = (clip) => {
  const frame = document.createElement("iframe");
  const address = new URL(clip.dataset.frame);
  if (address.origin !== YOUTUBE) return;
  address.searchParams.set("origin", location.origin);
  frame.className = "frame";
  frame.title = clip.dataset.title;
  frame.referrerPolicy = "strict-origin-when-cross-origin";
  frame.allow = "fullscreen; encrypted-media; picture-in-picture";
  listenTo(clip, frame);
  frame.src = address;
  clip.querySelector("[data-agree]").hidden = true;
  const stage = clip.querySelector("[data-stage]");
  stage.hidden = false;
  stage.replaceChildren(frame);
  frame.focus();
};

document.addEventListener("click", (event) => {
  const poster = event.target.closest?.("[data-play]");
  const clip = poster?.closest("[data-clip]");
  if (!clip || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (clip.dataset.consent === "yes") return play(clip);
  const question = clip.querySelector("[data-agree]");
  question.hidden = false;
  clip.querySelector("[data-notice]")?.remove();
  question.querySelector("button").focus();
});

document.addEventListener("submit", async (event) => {
  const form = event.target;
  const clip = form.closest("[data-clip]");
  if (!clip || !form.matches("[data-agree]")) return;
  event.preventDefault();
  const answer = await fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual" }).catch(() => null);
  // A redirect that is not followed is the answer we want: it was kept.
  if (answer?.type !== "opaqueredirect") return form.submit();
  for (const each of document.querySelectorAll("[data-clip]")) {
    each.dataset.consent = "yes";
    each.querySelector("[data-notice]")?.remove();
  }
  play(clip);
});
