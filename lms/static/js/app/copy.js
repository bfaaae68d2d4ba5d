// Copies the text of a field; without script the field itself can be marked and copied.
// button[data-copy="id of the field"], data-copied: what it says then.
const shown = () => {
  if (navigator.clipboard) document.querySelectorAll("[data-copy]").forEach((button) => { button.hidden = false; });
};
shown();
document.addEventListener("page:changed", shown);
document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(field.value);
    button.querySelector("span").textContent = button.dataset.copied;
  } catch {
    field.select(); // not allowed here: it is marked, to be copied by hand
  }
});
