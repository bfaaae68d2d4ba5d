// Begins once the other files have said what they can do.
const desk = (globalThis.desk ??= {});
const begin = () => {
  const palette = document.querySelector("[data-palette]");
  if (!palette) return;
  palette.hidden = false;
  desk.resetPlace();
  desk.begin();
};
document.addEventListener("page:changed", begin);
begin();
