// What a form with files shows: the chosen ones, and how far they have come. send.js sends them.
const size = (bytes) => bytes >= 1e6 ? (bytes / 1e6).toFixed(1) : (bytes / 1e6).toFixed(2);

const list = (input) => {
  const door = input.closest("[data-door]");
  if (!door) return;
  door.querySelector(".chosen")?.remove();
  if (!input.files.length) return;
  const chosen = document.createElement("ul");
  chosen.className = "chosen";
  for (const file of input.files) {
    const row = document.createElement("li");
    const name = document.createElement("bdi");
    const weight = document.createElement("bdi");
    name.textContent = file.name;
    weight.dir = "ltr";
    weight.textContent = `${size(file.size)} ${door.dataset.door || "MB"}`;
    row.append(name, weight);
    chosen.append(row);
  }
  door.append(chosen);
};

document.addEventListener("change", (event) => {
  const input = event.target;
  if (!input.matches?.("input[type=file]")) return;
  list(input);
  // A chosen file goes to the draft at once: one tap less, and nothing is lost when the phone sleeps.
  if (input.files.length && input.closest("[data-adds]")) input.form.querySelector("[data-add]").click();
});

// The whole door takes the press and the dropped file; without script the plain input inside it stays visible.
const ready = () => document.querySelectorAll("[data-door]").forEach((door) => door.classList.add("ready"));
document.addEventListener("page:changed", ready);
ready();
for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => event.target.closest?.("[data-door]")?.classList.add("dragging"));
}
for (const kind of ["dragleave", "drop"]) {
  document.addEventListener(kind, (event) => event.target.closest?.("[data-door]")?.classList.remove("dragging"));
}

const gauge = (form) => {
  const text = document.querySelector("[data-says]").dataset;
  const box = document.createElement("div");
  box.className = "progress";
  const bar = document.createElement("progress");
  bar.max = 100;
  bar.setAttribute("aria-label", text.sending);
  const words = document.createElement("p");
  words.setAttribute("role", "status");
  const percent = document.createElement("bdi");
  percent.dir = "ltr";
  box.append(words, bar, percent);
  form.append(box);
  box.scrollIntoView({ block: "nearest" });
  return box;
};

document.addEventListener("form:progress", ({ target: form, detail: part }) => {
  if (![...form.querySelectorAll("input[type=file]")].some((input) => input.files.length)) return;
  const text = document.querySelector("[data-says]").dataset;
  const [words, bar, percent] = (form.querySelector(".progress") ?? gauge(form)).children;
  words.textContent = part < 1 ? text.sending : text.checking;
  percent.textContent = part < 1 ? `${Math.round(part * 100)} %` : "";
  if (part < 1) bar.value = Math.round(part * 100);
  else bar.removeAttribute("value");
});
document.addEventListener("form:free", (event) => event.target.querySelector(".progress")?.remove());
