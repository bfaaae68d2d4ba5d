// What was received is being prepared: [data-preparing] turns into the pictures by itself, by asking for the page again.
// Only the part with the files is replaced, never what is being typed. Without script, a reload shows the same.
const SECONDS = [1, 1, 2, 3, 5, 8, 13, 20];
const LONGEST = 40; // about ten minutes; then something is wrong, and the page says what it said

const sleep = (seconds) => new Promise((done) => { setTimeout(done, seconds * 1000); });
const visible = () => document.hidden && new Promise((done) => {
  document.addEventListener("visibilitychange", done, { once: true });
});

const ask = async () => {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) throw new Error(answer.status);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
};

const replace = (part, fresh) => {
  const pressed = part.contains(document.activeElement) && document.activeElement.getAttribute("formaction");
  const own = document.adoptNode(fresh);
  part.replaceWith(own);
  if (pressed) own.querySelector(`[formaction="${CSS.escape(pressed)}"]`)?.focus({ preventScroll: true });
};

const watch = async () => {
  for (let round = 0; round < LONGEST; round += 1) {
    await sleep(SECONDS[Math.min(round, SECONDS.length - 1)]);
    await visible();
    const parts = document.querySelectorAll("[data-preparing]");
    if (!parts.length) return;
    let page;
    try {
      page = await ask();
    } catch {
      continue; // no network just now
    }
    for (const part of parts) {
      const fresh = page.getElementById(part.id);
      if (fresh) {
        if (fresh.innerHTML !== part.innerHTML) replace(part, fresh);
      } else if (part.isConnected && !document.querySelector("form[data-draft]")) {
        location.reload(); // the attempt went back to the draft
        return;
      }
    }
  }
};

let watching = null;
const look = () => {
  if (watching || !document.querySelector("[data-preparing]")) return;
  watching = watch().finally(() => { watching = null; });
};
document.addEventListener("page:changed", look);
document.addEventListener("draft:changed", look);
look();
