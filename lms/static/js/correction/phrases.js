// Phrases of the comment bank: a press puts one where the cursor stands; Ctrl+Z takes it back.
const visited = new WeakSet();
document.addEventListener("focusin", ({ target }) => visited.add(target));
document.addEventListener("click", (event) => {
  const chip = event.target.closest?.("[data-phrase]");
  if (!chip) return;
  const field = document.getElementById(chip.closest("[data-phrases]").dataset.phrases);
  event.preventDefault();
  const at = visited.has(field) ? field.selectionStart : field.value.length;
  const to = visited.has(field) ? field.selectionEnd : at;
  const before = field.value.slice(0, at), after = field.value.slice(to);
  const text = (/\S$/.test(before) ? " " : "") + chip.dataset.phrase + (/^\S/.test(after) ? " " : "");
  field.focus();
  field.setSelectionRange(at, to);
  // Deprecated, and still the only way that keeps the history of what was typed.
  if (document.execCommand("insertText", false, text)) return;
  field.setRangeText(text, at, to, "end");
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
});
