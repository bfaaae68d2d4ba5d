// Whoever waits sees it: after 400 ms a line moves at the top, and assistive technology is told that the page is busy.
const PAUSE = 400;
const LONGEST = 15000; // a download leaves the page where it is
let timers = [];

const free = () => {
  timers.forEach(clearTimeout);
  timers = [];
  document.body.removeAttribute("aria-busy");
};

const wait = () => {
  free();
  timers = [
    setTimeout(() => document.body.setAttribute("aria-busy", "true"), PAUSE),
    setTimeout(free, LONGEST),
  ];
};

const leavesPage = (link, event) =>
  !event.defaultPrevented && event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) &&
  !link.target && !link.hasAttribute("download") && link.origin === location.origin &&
  (link.pathname !== location.pathname || link.search !== location.search || !link.hash);

// In the phase after all others, which may have kept the page: a script that asks first, or sends the form by itself.
window.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (link && leavesPage(link, event)) wait();
});
window.addEventListener("submit", (event) => {
  if (!event.defaultPrevented) wait();
});
document.addEventListener("form:sending", wait);
document.addEventListener("form:free", free);
document.addEventListener("page:changed", free);
window.addEventListener("pageshow", free);
