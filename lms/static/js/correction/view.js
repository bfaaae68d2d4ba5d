// Larger, smaller, turned: only how the sheet is shown, never the sheet itself.
const STEPS = [100, 150, 200, 300];

const tool = (label, sign, act) => {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "tool";
  button.setAttribute("aria-label", label);
  button.title = label;
  button.textContent = sign;
  button.addEventListener("click", act);
  return button;
};

const attach = (view) => {
  const sheets = [...view.querySelectorAll("[data-sheet]")];
  if (!sheets.length || view.querySelector(".tools")) return;
  let step = 0;
  let turns = 0;
  const draw = () => {
    for (const sheet of sheets) {
      const image = sheet.querySelector("img");
      sheet.dataset.turns = turns;
      sheet.style.setProperty("--zoom", `${STEPS[step]}%`);
      const [width, height] = ["width", "height"].map((side) => Number(image.getAttribute(side)));
      sheet.style.setProperty("--ratio", turns % 2 ? height / width : "auto");
    }
  };
  const bar = document.createElement("div");
  bar.className = "cluster tools";
  bar.append(
    tool(view.dataset.zoomOut, "−", () => { step = Math.max(step - 1, 0); draw(); }),
    tool(view.dataset.zoomIn, "+", () => { step = Math.min(step + 1, STEPS.length - 1); draw(); }),
    tool(view.dataset.turn, "⟳", () => { turns = (turns + 1) % 4; draw(); }),
  );
  view.prepend(bar);
};

const look = () => document.querySelectorAll("[data-view]").forEach(attach);
document.addEventListener("page:changed", look);
look();
