// The browser prints by itself; the button only saves looking for its menu. A link aims at the part to print first.
const ready = () => document.querySelectorAll("[data-print]").forEach((button) => { button.hidden = false; });
document.addEventListener("click", (event) => {
  const control = event.target.closest?.("[data-print]");
  if (!control) return;
  if (control.hash) {
    event.preventDefault();
    location.hash = control.hash;
  }
  window.print();
});
document.addEventListener("page:changed", ready);
ready();
