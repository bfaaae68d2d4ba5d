// Larger or smaller is only how the sheet is shown here; a page that is turned stays turned for everybody.
const STEPS = [100, 150, 200, 300];
const SVG = "http://www.w3.org/2000/svg";

const desk = (globalThis.desk ??= {});
let step = 0;
desk.zoom = (by) => {
  step = Math.max(0, Math.min(step + by, STEPS.length - 1));
  for (const sheet of document.querySelectorAll("[data-sheet]")) sheet.style.setProperty("--zoom", `${STEPS[step]}%`);
};

// The same drawing as that of the server: homework/_parts.html.
const drawTurned = (sheet, turns) => {
  const shown = sheet.querySelector("a").firstElementChild;
  const source = shown.querySelector?.("image") ?? shown;
  const [address, label] = [source.getAttribute("src") ?? source.getAttribute("href"), shown.getAttribute("alt") ?? shown.getAttribute("aria-label")];
  const [w, h] = ["width", "height"].map((side) => Number(source.getAttribute(side)));
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", turns % 2 ? `0 0 ${h} ${w}` : `0 0 ${w} ${h}`);
  drawing.setAttribute("role", "img");
  drawing.setAttribute("aria-label", label);
  const picture = document.createElementNS(SVG, "image");
  const values = { href: address, width: w, height: h, transform: `translate(${[0, h, w, 0][turns]} ${[0, 0, h, w][turns]}) rotate(${90 * turns})` };
  for (const name in values) picture.setAttribute(name, values[name]);
  drawing.append(picture);
  shown.replaceWith(drawing);
};

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("form.turn:not([data-plain])")) return;
  event.preventDefault();
  const button = form.querySelector("button");
  const turns = Number(button.value);
  const body = new URLSearchParams(new FormData(form));
  body.set("turns", turns);
  try {
    const answer = await fetch(form.action, { method: "POST", headers: { Accept: "application/json" }, body });
    if (!answer.ok) throw new Error(answer.status);
  } catch {
    form.dataset.plain = ""; // the page of the error says why
    return button.click();
  }
  drawTurned(form.closest("[data-sheet]"), turns);
  button.value = (turns + 1) % 4;
  form.dispatchEvent(new Event("form:free", { bubbles: true })); // to be turned again
  const layer = form.closest("[data-sheet]").querySelector("[data-marks]");
  if (layer) layer.dataset.turns = turns;
  if (desk.isOpen()) desk.show();
  else location.reload(); // what is returned is drawn by the server
});

document.addEventListener("page:changed", () => { step = 0; });
