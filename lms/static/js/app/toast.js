// Words that stand in a status area when the page loads are not read aloud: they are put there once more.
// A toast goes by itself after its time (the animation in the style sheet, which waits while somebody is on it);
// one that is bad news, or holds a form, stays until it is closed, or until what it offers is over (data-seconds).
const wake = () => {
  for (const area of document.querySelectorAll("[data-toasts]")) {
    const toasts = [...area.querySelectorAll("[data-toast]")];
    if (!toasts.length || area.dataset.awake) continue;
    area.dataset.awake = "1";
    for (const toast of toasts) toast.querySelector("[data-close]").hidden = false;
    setTimeout(() => area.replaceChildren(...toasts), 150);
    for (const toast of toasts) {
      if (toast.dataset.seconds) setTimeout(() => toast.remove(), toast.dataset.seconds * 1000);
    }
  }
  document.querySelector("[data-errors]")?.focus();
};

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-close]");
  if (!button) return;
  button.closest("[data-toast]").remove();
  document.getElementById("content")?.focus({ preventScroll: true });
});
document.addEventListener("animationend", ({ animationName, target }) => {
  if (animationName === "toast-leaves") target.remove();
});
document.addEventListener("page:changed", wake);
wake();
