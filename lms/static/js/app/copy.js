// Copies the text of a field or of another element; without script it can be marked and copied by hand.
// button[data-copy="id of the element"], data-copied: what it says then.
const shown = () => {
  if (navigator.clipboard) document.querySelectorAll("[data-copy]").forEach((button) => { button.hidden = false; });
};
shown();
document.addEventListener("page:changed", shown);
document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.value ?? source.textContent.trim());
    button.querySelector("span").textContent = button.dataset.copied;
  } catch {
    // not allowed here: it is marked, to be copied by hand
    if (source.select) source.select();
    else getSelection().selectAllChildren(source);
  }
});
