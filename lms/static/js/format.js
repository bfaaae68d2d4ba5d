// Buttons over a text in Markdown, for whoever does not know it: [data-format="id of the field"]. Without script the
// text is typed as it is. What they write can be taken back like typed words (Ctrl+Z).
const put = (field, from, to, text) => {
  field.focus();
  field.setSelectionRange(from, to);
  // Deprecated, and still the only way that keeps the history of what was typed.
  if (document.execCommand("insertText", false, text)) return;
  field.setRangeText(text, from, to, "end");
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
};

const wrap = (field, before, word, after) => {
  const { selectionStart: from, selectionEnd: to, value } = field;
  const chosen = value.slice(from, to).trim() || word;
  put(field, from, to, before + chosen + after);
  field.setSelectionRange(from + before.length, from + before.length + chosen.length);
};

const acts = {
  bold: (field, { word }) => wrap(field, "**", word, "**"),
  list: (field, { word }) => {
    const { selectionStart, selectionEnd, value } = field;
    const from = value.lastIndexOf("\n", selectionStart - 1) + 1;
    const end = value.indexOf("\n", selectionEnd);
    const to = end < 0 ? value.length : end;
    const lines = value.slice(from, to).split("\n");
    put(field, from, to, lines.map((line) => (line.startsWith("- ") ? line : `- ${line.trim() || word}`)).join("\n"));
  },
  link: (field, { word, start }) => {
    const { selectionStart: from, selectionEnd: to, value } = field;
    const chosen = value.slice(from, to).trim();
    const [text, address] = /^https?:/.test(chosen) ? [word, chosen] : [chosen || word, start];
    put(field, from, to, `[${text}](${address})`);
    const [place, marked] = chosen === address ? [from + 1, text] : [from + text.length + 3, address];
    field.setSelectionRange(place, place + marked.length);
  },
};

const show = () => document.querySelectorAll("[data-format]").forEach((bar) => { bar.hidden = false; });
document.addEventListener("click", ({ target }) => {
  const button = target.closest?.("[data-mark]");
  if (!button) return;
  acts[button.dataset.mark](document.getElementById(button.closest("[data-format]").dataset.format), button.dataset);
});
document.addEventListener("page:changed", show);
show();
