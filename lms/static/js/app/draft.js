// Keeps what is being written on the server. What fails here is still in the page and behind its buttons.
// form[data-draft] is sent to its own address, never to that of a button; [data-kept] tells how it went.
const PAUSE = 4000;
const NOT_WORDS = ["csrf_token", "request_id", "version"];

const keep = (form) => {
  if (form.dataset.keeping) return;
  form.dataset.keeping = "1";
  const status = form.querySelector("[data-kept]");
  const content = () => {
    const data = new FormData(form);
    for (const input of form.querySelectorAll("input[type=file]")) data.delete(input.name);
    return data;
  };
  const words = () => JSON.stringify([...content()].filter(([name]) => !NOT_WORDS.includes(name)));
  let kept = words();
  let timer = null;
  let underway = null;
  let stopped = false;

  const save = async () => {
    const now = words();
    if (now === kept || stopped || form.dataset.busy) return;
    const data = content();
    try {
      const answer = await fetch(form.getAttribute("action"), { method: "POST", body: data, headers: { Accept: "application/json" } });
      const told = await answer.json();
      if (status.textContent !== told.said) status.textContent = told.said;
      if (answer.ok) {
        kept = now;
        for (const name of ["version", "request_id"]) if (name in told) form.elements[name].value = told[name];
      } else if (answer.status === 409) {
        stopped = true;
      }
    } catch {
      // No network just now: the next change tries again.
    }
  };

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => { underway = save().finally(() => { underway = null; }); }, PAUSE);
  });
  // A button pressed while a draft is on its way waits for it, or it would find its own newer version.
  form.addEventListener("submit", (event) => {
    clearTimeout(timer);
    if (!underway) return;
    event.preventDefault();
    const { submitter } = event;
    underway.finally(() => {
      form.dispatchEvent(new Event("form:free", { bubbles: true }));
      form.requestSubmit(submitter);
    });
  });
};

const look = () => document.querySelectorAll("form[data-draft]").forEach(keep);
document.addEventListener("page:changed", look);
look();
