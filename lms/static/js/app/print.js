// The browser prints by itself; the button only saves looking for its menu.
const ready = () => document.querySelectorAll("[data-print]").forEach((button) => { button.hidden = false; });
document.addEventListener("click", (event) => { if (event.target.closest?.("[data-print]")) window.print(); });
document.addEventListener("page:changed", ready);
ready();
