// Pen, arrow, text and highlighter. A stroke keeps the points that its shape needs (Ramer, Douglas and Peucker); two
// fingers zoom and never draw.
const WHOLE = 10000;
const [NEAR, MOST, SHORTEST] = [25, 500, 60];
const SVG = "http://www.w3.org/2000/svg";
const tool = () => document.querySelector("[data-palette] [data-tool][aria-pressed=true]")?.dataset.tool;
const turn = ([x, y], turns) => (turns ? turn([WHOLE - y, x], turns - 1) : [x, y]);
const inside = (number) => Math.round(Math.min(WHOLE, Math.max(0, number)));

// From a point to the line between two others; where those lie on each other, as at the ends of a circle, to them.
const distance = ([x, y], [ax, ay], [bx, by]) => {
  const [dx, dy] = [bx - ax, by - ay];
  const length = Math.hypot(dx, dy);
  return length < 1 ? Math.hypot(x - ax, y - ay) : Math.abs(dy * (x - ax) - dx * (y - ay)) / length;
};
const simplify = (points, near = NEAR) => {
  if (points.length < 3) return points;
  let [most, at] = [0, 0];
  for (let index = 1; index < points.length - 1; index += 1) {
    const far = distance(points[index], points[0], points.at(-1));
    if (far > most) [most, at] = [far, index];
  }
  if (most <= near) return [points[0], points.at(-1)];
  return [...simplify(points.slice(0, at + 1), near).slice(0, -1), ...simplify(points.slice(at), near)];
};

let stroke = null;
const shownAt = (box, { clientX, clientY }) => {
  const { left, top, width, height } = box.getBoundingClientRect();
  return [((clientX - left) / width) * WHOLE, ((clientY - top) / height) * WHOLE].map(inside);
};
const end = () => {
  stroke?.line?.remove();
  stroke = null;
};
document.addEventListener("pointerdown", (event) => {
  const box = event.target.closest?.("[data-desk] .page-box");
  if (!box || !tool() || tool() === "text") return;
  if (!event.isPrimary) return end(); // a second finger
  const line = document.createElementNS(SVG, "polyline");
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", `0 0 ${WHOLE} ${WHOLE}`);
  drawing.setAttribute("preserveAspectRatio", "none");
  drawing.style.blockSize = "100%";
  line.setAttribute("class", tool() === "highlight" ? "highlight" : "pen");
  drawing.append(line);
  box.querySelector(".marks").append(drawing);
  stroke = { box, tool: tool(), points: [shownAt(box, event)], shape: line, line: drawing };
  event.preventDefault();
});
document.addEventListener("pointermove", (event) => {
  if (!stroke || !event.isPrimary) return;
  for (const each of event.getCoalescedEvents?.() ?? [event]) stroke.points.push(shownAt(stroke.box, each));
  const [first, last] = [stroke.points[0], stroke.points.at(-1)];
  const shown = { pen: stroke.points, arrow: [first, last], highlight: [first, [last[0], first[1]], last, [first[0], last[1]]] }[stroke.tool];
  stroke.shape.setAttribute("points", shown.join(" "));
});
document.addEventListener("pointerup", (event) => {
  if (!stroke || !event.isPrimary) return;
  const drawing = stroke.box.querySelector(".marks");
  const sent = stroke.points.map((point) => turn(point, (4 - Number(drawing.dataset.turns)) % 4).map(inside));
  const [[x, y], [endX, endY]] = [sent[0], sent.at(-1)];
  const fields = { kind: stroke.tool, code: "", attachment: drawing.dataset.file, page: drawing.dataset.page, x, y };
  const reach = Math.max(...sent.map(([px, py]) => Math.hypot(px - x, py - y)));
  if (stroke.tool === "pen") {
    let near = NEAR;
    let points = simplify(sent);
    while (points.length > MOST) points = simplify(sent, near *= 2);
    fields.points = points.map((point) => point.join()).join(" ");
  } else {
    fields.w = endX - x;
    fields.h = endY - y;
  }
  end();
  if (reach >= SHORTEST) document.dispatchEvent(new CustomEvent("mark:add", { detail: fields }));
});
document.addEventListener("pointercancel", end);

// Words on the page are typed where they will stand.
document.addEventListener("click", (event) => {
  const box = event.target.closest?.("[data-desk] .page-box");
  if (!box || tool() !== "text" || event.target.closest(".written-here")) return;
  const drawing = box.querySelector(".marks");
  const shown = shownAt(box, event);
  const [x, y] = turn(shown, (4 - Number(drawing.dataset.turns)) % 4).map(inside);
  const input = document.createElement("input");
  input.className = "input written-here";
  input.maxLength = 200;
  input.lang = "fr";
  input.setAttribute("aria-label", document.querySelector("[data-mark-status]").dataset.remark);
  input.style.left = `${Math.min(shown[0] / 100, 60)}%`;
  input.style.top = `${shown[1] / 100}%`;
  const finish = (isKept) => {
    const note = input.value.trim();
    input.onblur = null;
    input.remove();
    const fields = { kind: "text", code: "", attachment: drawing.dataset.file, page: drawing.dataset.page, x, y, note };
    if (isKept && note) document.dispatchEvent(new CustomEvent("mark:add", { detail: fields }));
  };
  input.onblur = () => finish(true);
  input.onkeydown = ({ key }) => {
    if (key === "Enter") finish(true);
    if (key === "Escape") finish(false);
  };
  box.append(input);
  input.focus();
});
