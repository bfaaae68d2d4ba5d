// The list of the marks: a mark is changed in its place, and removed so that it can be brought back.
const text = () => document.querySelector("[data-mark-status]")?.dataset;
const valuesOf = (line) => JSON.parse(line.dataset.mark);
const announce = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

const close = (line) => line.querySelector(".change")?.remove();
const open = (line) => {
  if (!text() || line.querySelector(".change")) return;
  const mark = valuesOf(line);
  const form = document.createElement("form");
  form.className = "change";
  form.noValidate = true;
  const names = { quote: text().word, model: text().right, note: text().remark };
  if (mark.kind === "text") delete names.model;
  for (const name in names) {
    const input = document.createElement("input");
    input.className = "input";
    input.name = name;
    input.lang = "fr";
    input.maxLength = 300;
    input.value = mark[name] ?? "";
    input.placeholder = names[name];
    input.setAttribute("aria-label", names[name]);
    form.append(input);
  }
  const save = document.createElement("button");
  save.className = "button quiet";
  save.textContent = text().save;
  form.append(save);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const after = { ...mark, ...Object.fromEntries(new FormData(form)) };
    close(line);
    if (Object.keys(names).some((name) => (mark[name] ?? "") !== after[name])) announce("mark:change", { before: mark, after });
  });
  form.addEventListener("keydown", (event) => { if (event.key === "Escape") close(line); });
  line.append(form);
  form[mark.quote || mark.kind === "text" ? "model" : "quote"]?.focus();
};
const attach = () => {
  for (const line of document.querySelectorAll("[data-marks] li")) {
    const words = line.querySelector(".grow");
    if (!words || words.matches("button")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = `${words.className} words`;
    button.title = text().change;
    button.append(...words.childNodes);
    words.replaceWith(button);
  }
};
document.addEventListener("click", ({ target }) => {
  const line = target.closest?.("[data-marks] .words")?.closest("li");
  if (!line) return;
  const { kind, attachment, starts } = valuesOf(line);
  const player = kind === "moment" && [...document.querySelectorAll("[data-desk] audio")].find(({ src }) => src.split("/")[4] === attachment);
  if (player) player.currentTime = starts;
  if (line.querySelector(".change")) close(line);
  else open(line);
});
document.addEventListener("mark:open", ({ target }) => {
  target.scrollIntoView({ block: "nearest" });
  open(target);
});
document.addEventListener("submit", (event) => {
  const line = event.target.closest?.("[data-marks] li");
  if (!line || event.target.matches(".change") || !document.querySelector("[data-desk]")) return;
  event.preventDefault();
  announce("mark:remove", valuesOf(line));
}, true);
document.addEventListener("marks:drawn", attach);
document.addEventListener("page:changed", attach);
attach();
