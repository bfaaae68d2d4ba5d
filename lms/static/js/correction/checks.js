// Marks of the attempt before: c says that one is mended, e that it is not, and the focus goes on to the next one.
document.addEventListener("keydown", (event) => {
  const row = event.target.closest?.("[data-checks] > li");
  if (!row || event.ctrlKey || event.altKey || event.metaKey) return;
  const wanted = { c: "mended", e: "again" }[event.key.toLowerCase()];
  const button = wanted && row.querySelector(`[data-check=${wanted}][aria-keyshortcuts]`);
  if (!button) return;
  event.preventDefault();
  const next = row.nextElementSibling ?? row;
  sessionStorage.setItem("check", next.id);
  button.click();
});
const goOn = () => {
  const id = sessionStorage.getItem("check");
  sessionStorage.removeItem("check");
  if (id) document.getElementById(id)?.querySelector("button")?.focus();
};
// Last: the form's script and the anchor of the address both move the focus.
const later = () => setTimeout(goOn);
document.addEventListener("page:changed", later);
if (document.readyState === "complete") later();
else addEventListener("load", later);
