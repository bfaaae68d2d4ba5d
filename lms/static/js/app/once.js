// Pressing twice is harmless on the server; here the second press is only made visible as "already on its way".
const WAIT = 15000;

const free = (form) => {
  delete form.dataset.busy;
  form.removeAttribute("aria-busy");
  for (const button of form.querySelectorAll("[aria-disabled=true]")) button.removeAttribute("aria-disabled");
};

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-once]")) return;
  if (form.dataset.busy) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  form.dataset.busy = "1";
  form.setAttribute("aria-busy", "true");
  // aria-disabled and not disabled: a disabled button would not send its name and value.
  (event.submitter ?? form.querySelector("button:not([type=button])"))?.setAttribute("aria-disabled", "true");
  setTimeout(free, WAIT, form);
}, true);

const all = () => document.querySelectorAll("form[data-busy]").forEach(free);
window.addEventListener("pageshow", all);
document.addEventListener("form:free", (event) => free(event.target));
