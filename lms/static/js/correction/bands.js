// The feedback has the focus on load, where there is a keyboard; a digit sets the band of the criterion that has it and
// goes on to the next.
const groups = () => [...document.querySelectorAll(".feedback-form .bands")];
document.addEventListener("keydown", (event) => {
  const group = event.target.closest?.(".feedback-form .bands");
  if (!group || !/^[0-3]$/.test(event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const band = group.querySelector(`input[value="${event.key}"]`);
  if (!band.checked) band.click();
  const next = groups()[groups().indexOf(group) + 1];
  (next?.querySelector("input:checked") ?? next?.querySelector("input") ?? document.querySelector(".feedback-form textarea")).focus();
});
const look = () => {
  const isFree = [null, document.body, document.querySelector("main")].includes(document.activeElement);
  if (location.hash || !isFree || !matchMedia("(hover: hover)").matches) return;
  const [first] = groups();
  (first?.querySelector("input:checked") ?? first?.querySelector("input") ?? document.querySelector(".feedback-form textarea"))
    ?.focus({ preventScroll: true });
};
document.addEventListener("page:changed", look);
look();
