// The PIN of a card sends itself after its fourth digit; without script there is the button.
const DIGITS = /[^0-9\u0660-\u0669\u06f0-\u06f9]/g;

const announce = () => document.querySelectorAll("[data-pin-hint]").forEach((hint) => { hint.hidden = false; });
announce();
document.addEventListener("page:changed", announce);

document.addEventListener("input", ({ target }) => {
  if (!target.matches?.("[data-pin]") || target.value.replace(DIGITS, "").length < 4) return;
  const code = target.form.elements.code;
  if (!code || code.value.replace(DIGITS, "").length === 8) target.form.requestSubmit();
});
