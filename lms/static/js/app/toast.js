// Words that stand in a status area when the page loads are not read aloud: they are put there once more.
const wake = () => {
  for (const area of document.querySelectorAll("[data-toasts]")) {
    const toasts = [...area.querySelectorAll("[data-toast]")];
    if (!toasts.length || area.dataset.awake) continue;
    area.dataset.awake = "1";
    for (const toast of toasts) toast.querySelector("[data-close]").hidden = false;
    setTimeout(() => area.replaceChildren(...toasts), 150);
  }
  document.querySelector("[data-errors]")?.focus();
};

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-close]");
  if (!button) return;
  button.closest("[data-toast]").remove();
  document.getElementById("content")?.focus();
});
document.addEventListener("page:changed", wake);
wake();
