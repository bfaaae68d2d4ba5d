// j and k go along the queue while the copy has the focus; Ctrl+Enter returns it and goes on to the next.
const show = () => {
  for (const key of document.querySelectorAll("[data-key] kbd")) key.hidden = matchMedia("(hover: none)").matches;
};
document.addEventListener("page:changed", show);
show();
document.addEventListener("keydown", (event) => {
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    document.querySelector("[data-return]")?.click();
  } else if (isPlain && /^[jk]$/.test(event.key) && event.target.closest?.(".easel")
      && !event.target.closest("input, textarea, select")) {
    document.querySelector(`[data-key=${event.key}]`)?.click();
  }
});
