// j and k go along the queue; Ctrl+Enter returns the copy and goes on to the next.
const show = () => {
  for (const key of document.querySelectorAll("[data-key] kbd")) key.hidden = matchMedia("(hover: none)").matches;
};
document.addEventListener("page:changed", show);
show();
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input:not([type=radio]), textarea, select");
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    document.querySelector("[data-return]")?.click();
  } else if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey && /^[jk]$/.test(event.key)) {
    document.querySelector(`[data-key=${event.key}]`)?.click();
  }
});
