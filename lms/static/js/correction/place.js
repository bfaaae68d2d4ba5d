// Puts marks in their place: a letter or a button of the palette, under the pointer, at the cursor of the arrow keys or on the
// tapped spot; lines, arrows, words and highlights with their tool. The keys act while the copy has the focus.
const desk = (globalThis.desk ??= {});
const MOST_POINTS = 500;
const NEAR = 6; // px: a shorter way is a tap
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const TOOLS = ["pen", "arrow", "text", "highlight"];

let [spot, armed, drag, from] = [null, null, null, null]; // spot: { layer, x, y } on the page as it is shown

const easel = () => document.querySelector(".easel");
const clamp = (number) => Math.max(0, Math.min(10000, Math.round(number)));
const turnsOf = (layer) => Number(layer.dataset.turns);
const spotAt = (layer, { clientX, clientY }) => {
  const box = layer.getBoundingClientRect();
  return { layer, x: clamp(((clientX - box.left) / box.width) * 10000), y: clamp(((clientY - box.top) / box.height) * 10000) };
};
const onPage = ({ layer, x, y }) => desk.toPage(x, y, turnsOf(layer)).map(clamp);
const layerOf = (target) => target.closest?.(".easel .page-box")?.querySelector("[data-marks]");

const showSpot = (isShown) => {
  document.querySelectorAll(".cursor").forEach((each) => each.remove());
  if (!spot || !isShown) return;
  const at = desk.make("svg", { class: "at cursor", x: `${spot.x / 100}%`, y: `${spot.y / 100}%` });
  at.append(desk.make("path", { d: "M-22 0h16M6 0h16M0-22v16M0 6v16" }));
  spot.layer.append(at);
  spot.isShown = true;
};

const arm = (name) => {
  armed = armed === name ? null : name;
  from = null;
  for (const pick of document.querySelectorAll("[data-palette] [aria-pressed]")) {
    pick.setAttribute("aria-pressed", String((pick.dataset.code ?? pick.dataset.act) === armed));
  }
  if (TOOLS.includes(armed)) easel().dataset.tool = armed;
  else delete easel().dataset.tool;
};

const base = ({ layer }) => ({ attachment_id: layer.dataset.attachment, page: Number(layer.dataset.page) });
const pinAt = (where, code) => {
  const [x, y] = onPage(where);
  return desk.add({ ...base(where), kind: "pin", code, x, y });
};
const between = (kind, a, b) => {
  const [[x, y], [x2, y2]] = [onPage(a), onPage(b)];
  if (kind !== "highlight") return { ...base(a), kind, x, y, w: x2 - x, h: y2 - y };
  return { ...base(a), kind, x: Math.min(x, x2), y: Math.min(y, y2), w: Math.abs(x2 - x), h: Math.abs(y2 - y) };
};
const penOf = (layer, spots) => {
  let most = 25;
  let points = desk.simplify(spots.map(onPage), most);
  while (points.length > MOST_POINTS) points = desk.simplify(points, most *= 2);
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { ...base({ layer }), kind: "pen", x, y, w: Math.max(...xs) - x, h: Math.max(...ys) - y, points };
};
const write = (where) => {
  const [x, y] = onPage(where);
  const mark = desk.add({ ...base(where), kind: "text", x, y });
  arm(armed);
  document.querySelector(`[data-list] [data-key="${mark.key}"] .note`)?.focus();
};

// Gives the code to what is chosen: words of the text, the spot on a page, or the moment of a recording.
const putCode = (code) => {
  const range = desk.chosenWords();
  if (range) return desk.add({ kind: "range", code, ...range }) && getSelection().removeAllRanges();
  const sound = [...document.querySelectorAll(".easel audio")].find((each) => !each.paused || each.contains(document.activeElement));
  if (sound) return desk.add(desk.momentOf(sound, code));
  if (!spot?.layer.isConnected) return null;
  const mark = pinAt(spot, code);
  if (spot.isShown && !spot.byKey) {
    spot = null;
    showSpot();
  }
  return mark;
};

desk.moved = (mark, dx, dy) => {
  const { x, y, w = 0, h = 0 } = mark;
  const [left, top, right, bottom] = [Math.min(x, x + w), Math.min(y, y + h), Math.max(x, x + w), Math.max(y, y + h)];
  const stepX = Math.round(Math.max(-left, Math.min(dx, 10000 - right)));
  const stepY = Math.round(Math.max(-top, Math.min(dy, 10000 - bottom)));
  const moved = { x: x + stepX, y: y + stepY };
  if (mark.points) moved.points = mark.points.map((point) => [point[0] + stepX, point[1] + stepY]);
  return moved;
};
const turnBack = (dx, dy, turns) => [[dx, dy], [dy, -dx], [-dx, -dy], [-dy, dx]][turns];

// Pointers. One finger draws or taps; two are left to the browser, which makes the page larger and moves it.
const drop = () => {
  drag?.draft?.remove();
  drag = null;
};
document.addEventListener("pointerdown", (event) => {
  const layer = layerOf(event.target);
  if (!layer || !desk.isOpen() || event.button) return;
  if (!event.isPrimary) return drop();
  const link = event.target.closest(".mark");
  if (link || easel().dataset.tool) event.preventDefault();
  drag = { layer, id: event.pointerId, at: event, spots: [spotAt(layer, event)], mark: link && desk.find(link.dataset.key), tool: link ? null : easel().dataset.tool };
  (link ?? easel()).focus?.({ preventScroll: true });
  if (drag.tool || drag.mark) layer.closest(".page-box").setPointerCapture(event.pointerId);
});
document.addEventListener("pointermove", (event) => {
  const layer = layerOf(event.target);
  if (layer && event.pointerType !== "touch" && desk.isOpen() && !spot?.isShown) spot = spotAt(layer, event);
  else if (layer && event.pointerType === "mouse" && spot?.isShown && event.movementX) {
    spot = spotAt(layer, event);
    showSpot();
  }
  if (!drag || event.pointerId !== drag.id) return;
  drag.isFar ||= Math.hypot(event.clientX - drag.at.clientX, event.clientY - drag.at.clientY) > NEAR;
  const all = event.getCoalescedEvents?.() ?? [];
  drag.spots.push(...(all.length ? all : [event]).map((each) => spotAt(drag.layer, each)));
  if (!drag.isFar) return;
  drag.draft?.remove();
  const [first, last] = [drag.spots[0], drag.spots.at(-1)];
  let shown = null;
  if (drag.mark) {
    shown = { ...drag.mark, ...desk.moved(drag.mark, ...turnBack(last.x - first.x, last.y - first.y, turnsOf(drag.layer))) };
    drag.result = shown;
  } else if (drag.tool === "pen") shown = { kind: "pen", points: drag.spots.map(onPage) };
  else if (drag.tool === "arrow" || drag.tool === "highlight") shown = between(drag.tool, first, last);
  if (!shown) return;
  drag.draft = desk.make("g", { class: `draft ${shown.kind}` }, ...desk.shape(shown, turnsOf(drag.layer)));
  drag.layer.append(drag.draft);
});
document.addEventListener("pointercancel", drop);
document.addEventListener("pointerup", (event) => {
  if (!drag || event.pointerId !== drag.id) return;
  const { layer, spots, mark, tool, isFar, result } = drag;
  drop();
  if (mark) {
    if (result) {
      desk.put(mark, { x: result.x, y: result.y, ...(result.points ? { points: result.points } : {}) });
      desk.focusMark(mark);
    } else desk.showCard(mark);
  } else if (tool === "text") write(spots[0]);
  else if (tool === "pen" && isFar) desk.add(penOf(layer, spots));
  else if (tool && isFar) desk.add(between(tool, spots[0], spots.at(-1)));
  else if (!tool && !isFar) {
    spot = spots[0];
    if (armed) pinAt(spot, armed);
    else showSpot(true);
  }
});
// A press on the page marks it; the file itself opens with the keyboard, the middle button or Ctrl.
document.addEventListener("click", (event) => {
  if (!desk.isOpen() || !layerOf(event.target) || event.ctrlKey || event.metaKey || !event.detail) return;
  if (event.target.closest("a")) event.preventDefault();
});

const acts = {
  undo: () => desk.undo(),
  redo: () => desk.redo(),
  larger: () => desk.zoom(1),
  smaller: () => desk.zoom(-1),
  turn: () => (spot?.layer.isConnected ? spot.layer.closest(".sheet") : document.querySelector(".easel .sheet"))?.querySelector(".turn button")?.click(),
};
document.addEventListener("mousedown", (event) => { if (event.target.closest?.("[data-palette]")) event.preventDefault(); }); // the words stay chosen
document.addEventListener("click", (event) => {
  const pick = event.target.closest?.("[data-palette] .code");
  if (!pick) return;
  const { code, act } = pick.dataset;
  if (acts[act]) acts[act]();
  else if (act) arm(act);
  else if (!desk.chosenWords() && (!spot?.isShown || armed)) arm(code);
  else putCode(code);
});

// Keys. A letter of the palette: data-letter; j and k: keys.js; v is kept for the voice of the teacher.
const moveCursor = ([dx, dy], far) => {
  const layer = spot?.layer.isConnected ? spot.layer : document.querySelector(".easel [data-marks]");
  if (!layer) return desk.moveWords(dx || dy, far);
  const step = far ? 500 : 100;
  spot = spot?.layer === layer ? { ...spot, x: clamp(spot.x + dx * step), y: clamp(spot.y + dy * step) } : { layer, x: 5000, y: 5000 };
  spot.byKey = true;
  showSpot(true);
  layer.querySelector(".cursor").scrollIntoView({ block: "nearest", inline: "nearest" });
  return true;
};
const pressTool = () => {
  if (!spot?.isShown) return false;
  if (armed === "text") write(spot);
  else if (TOOLS.includes(armed)) {
    if (from?.layer === spot.layer) {
      desk.add(armed === "pen" ? penOf(spot.layer, [from, spot]) : between(armed, from, spot));
      from = null;
    } else from = { ...spot };
  } else if (armed) pinAt(spot, armed);
  else return false;
  return true;
};
const onMark = (mark, event) => {
  if (event.key === "Delete" || event.key === "Backspace") {
    desk.remove(mark);
    easel().focus({ preventScroll: true });
    return true;
  }
  if (!ARROWS[event.key] || mark.page === null || mark.page === undefined) return false;
  const layer = event.target.closest("[data-marks]");
  const step = event.shiftKey ? 500 : 100;
  const [dx, dy] = turnBack(...ARROWS[event.key].map((way) => way * step), turnsOf(layer));
  desk.put(mark, desk.moved(mark, dx, dy), "move");
  desk.focusMark(mark);
  return true;
};
const view = (event) => {
  const { key, target, ctrlKey, metaKey, altKey } = event;
  if (ctrlKey || metaKey || altKey || !target.closest?.(".easel[data-letters]") || !"+-t".includes(key)) return false;
  if (key === "t") acts.turn();
  else desk.zoom(key === "+" ? 1 : -1);
  event.preventDefault();
  return true;
};
document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (target.closest?.("input, textarea, select, audio")) return;
  if (!desk.isOpen()) return view(event);
  if ((event.ctrlKey || event.metaKey) && /^[zy]$/i.test(key)) {
    event.preventDefault();
    if (key.toLowerCase() === "y" || event.shiftKey) desk.redo();
    else desk.undo();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || !target.closest?.(".easel")) return;
  const mark = target.closest(".mark") && desk.find(target.closest(".mark").dataset.key);
  if (mark && onMark(mark, event)) return event.preventDefault();
  if (target === easel() || target.closest(".copy")) {
    if (ARROWS[key] && moveCursor(ARROWS[key], event.shiftKey)) return event.preventDefault();
    if ((key === "Enter" || key === " ") && target === easel() && pressTool()) return event.preventDefault();
  }
  if (key === "Escape" && (armed || spot?.isShown)) {
    if (armed) arm(armed);
    spot = null;
    showSpot();
    return;
  }
  if (view(event)) return;
  if (!easel().hasAttribute("data-letters")) return;
  const pick = document.querySelector(`[data-palette] [data-letter="${CSS.escape(key.toLowerCase())}"]`);
  if (!pick || event.repeat) return;
  putCode(pick.dataset.code);
  event.preventDefault();
});
desk.resetPlace = () => { [spot, armed, drag, from] = [null, null, null, null]; };
