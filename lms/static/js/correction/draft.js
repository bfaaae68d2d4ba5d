// Keeps the draft of an answer while the teacher writes. What fails here is still in the page and its buttons.
const PAUSE = 4000;

for (const form of document.querySelectorAll(".feedback-form")) {
  const status = form.querySelector("[data-kept]");
  const words = () => JSON.stringify([...new FormData(form)].filter(([name]) => !["csrf_token", "request_id", "version"].includes(name)));
  let kept = words();
  let timer = null;
  let underway = null;
  let stopped = false;

  const save = async () => {
    const now = words();
    if (now === kept || stopped || form.dataset.busy) return;
    const data = new FormData(form);
    data.set("action", "draft");
    try {
      const answer = await fetch(form.action, { method: "POST", body: data, headers: { Accept: "application/json" } });
      const told = await answer.json();
      status.textContent = told.said;
      if (answer.ok) {
        kept = now;
        form.elements.version.value = told.version;
        form.elements.request_id.value = told.request_id;
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
}
