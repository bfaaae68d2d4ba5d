// On a phone the tabs over a list are one line that moves sideways: the chosen one is brought into sight.
const show = () => document.querySelectorAll(".switch [aria-current]").forEach((tab) => {
  tab.parentElement.scrollLeft = tab.offsetLeft + tab.offsetWidth / 2 - tab.parentElement.offsetWidth / 2;
});
document.addEventListener("page:changed", show);
show();
