// How many rows of a list are chosen stands on its button, and all are chosen without loading the page again.
// form[data-choose] with checkboxes in its table, a[data-choose-all] (data-all, data-none: its words), [data-chosen].
const boxes = (form) => [...form.querySelectorAll("td input[type=checkbox]")];
const chosen = (form) => boxes(form).filter((box) => box.checked).length;
const show = (form) => {
  const number = chosen(form);
  const link = form.querySelector("[data-choose-all]");
  form.querySelector("[data-chosen]").textContent = number ? ` (${number})` : "";
  link.textContent = number === boxes(form).length ? link.dataset.none : link.dataset.all;
};
const ready = () => document.querySelectorAll("[data-choose]").forEach(show);

document.addEventListener("change", (event) => {
  const form = event.target.closest?.("[data-choose]");
  if (form) show(form);
});
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-choose-all]");
  if (!link) return;
  event.preventDefault();
  const form = link.closest("form");
  const all = boxes(form);
  const on = chosen(form) < all.length;
  all.forEach((box) => { box.checked = on; });
  show(form);
});
document.addEventListener("page:changed", ready);
window.addEventListener("pageshow", ready);
