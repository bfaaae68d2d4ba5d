// Where a mark goes: a letter puts its code under the pointer, a tap chooses the place and the palette the code, or the
// other way round; arrow keys move a cursor over the page. Places are ten-thousandths of the page before it is turned.
const WHOLE = 10000;
const SVG = "http://www.w3.org/2000/svg";
const LETTERS = { o: "spelling", a: "agreement", c: "conjugation", d: "determiner", r: "preposition", m: "missing", l: "word", s: "order", p: "punctuation", "?": "unclear", b: "good" };
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const desk = () => document.querySelector("[data-desk]");
const pressed = () => document.querySelector("[data-palette] [aria-pressed=true]");
const drawingOf = (box) => box.querySelector(".marks");
const turnsOf = (box) => Number(drawingOf(box).dataset.turns);
const turn = ([x, y], turns) => (turns ? turn([WHOLE - y, x], turns - 1) : [x, y]);
const inside = (number) => Math.round(Math.min(WHOLE, Math.max(0, number)));

// From the screen to the page as it was sent.
const spotAt = (box, { clientX, clientY }) => {
  const { left, top, width, height } = box.getBoundingClientRect();
  const shown = [(clientX - left) / width, (clientY - top) / height].map((part) => part * WHOLE);
  const [x, y] = turn(shown, (4 - turnsOf(box)) % 4).map(inside);
  return { box, x, y };
};
const fieldsOf = ({ box, x, y }) => ({ attachment: drawingOf(box).dataset.file, page: drawingOf(box).dataset.page, x, y });
const announce = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

let hover = null; // under the pointer
let cursor = null; // chosen by a tap or by arrow keys
const draw = (box, { x, y }, kind) => {
  const sign = document.createElementNS(SVG, "svg");
  const [left, top] = turn([x, y], turnsOf(box));
  sign.setAttribute("x", `${left / 100}%`);
  sign.setAttribute("y", `${top / 100}%`);
  sign.setAttribute("overflow", "visible");
  sign.setAttribute("class", kind === "cursor" ? "spot" : "waiting");
  sign.innerHTML = kind === "cursor" ? '<path class="cursor" d="M-16 0H-5M5 0H16M0-16V-5M0 5V16"/>' : '<circle r="14"/>';
  drawingOf(box).append(sign);
};
const setCursor = (spot) => {
  document.querySelectorAll(".marks .spot").forEach((sign) => sign.remove());
  cursor = spot;
  if (spot) draw(spot.box, spot, "cursor");
};

const choice = () => {
  const selection = getSelection();
  const text = document.querySelector("[data-desk] [data-text]");
  if (!text || selection.isCollapsed || !text.contains(selection.anchorNode) || !text.contains(selection.focusNode)) return null;
  const range = selection.getRangeAt(0);
  const before = document.createRange();
  before.setStart(text, 0);
  before.setEnd(range.startContainer, range.startOffset);
  const [all, quote] = [range.toString(), range.toString().trim()];
  // The server counts characters, not the halves of which a script sees some.
  const starts = [...before.toString() + all.slice(0, all.indexOf(quote))].length;
  return quote && { kind: "range", starts, ends: starts + [...quote].length, quote: quote.slice(0, 300) };
};
const place = (code, spot) => {
  const words = choice();
  if (words) {
    announce("mark:add", { ...words, code });
    getSelection().removeAllRanges();
  } else if (spot) {
    announce("mark:add", { kind: "pin", code, ...fieldsOf(spot) });
    setCursor(null);
  }
  return Boolean(words || spot);
};
const press = (button) => {
  const was = button.getAttribute("aria-pressed") === "true";
  pressed()?.setAttribute("aria-pressed", "false");
  button.setAttribute("aria-pressed", String(!was));
  desk().classList.toggle("drawing", !was && "tool" in button.dataset);
};

document.addEventListener("click", (event) => {
  const { target } = event;
  const button = target.closest?.("[data-palette] [aria-pressed]");
  if (button) {
    if (!(button.dataset.code && place(button.dataset.code, cursor))) press(button);
    return;
  }
  const box = target.closest?.("[data-desk] .page-box");
  if (!box || event.ctrlKey || event.metaKey) return; // that opens the file itself
  event.preventDefault();
  const mark = target.closest(".marks [data-mark]");
  if (mark) return document.getElementById(`mark-${mark.dataset.mark}`)?.dispatchEvent(new Event("mark:open", { bubbles: true }));
  const { code, tool } = pressed()?.dataset ?? {};
  if (code) place(code, spotAt(box, event));
  else if (!tool) setCursor(spotAt(box, event));
});
document.addEventListener("pointermove", (event) => {
  const box = event.pointerType === "touch" ? null : event.target.closest?.("[data-desk] .page-box");
  hover = box && spotAt(box, event);
});

const marked = (link) => {
  const line = document.getElementById(`mark-${link.dataset.mark}`);
  return line && JSON.parse(line.dataset.mark);
};
// A pin that has the focus, or is dragged, moves; the turned page decides where right is.
const move = (mark, [x, y]) => announce("mark:change", { before: mark, after: { ...mark, x: inside(x), y: inside(y) } });
document.addEventListener("keydown", (event) => {
  const easel = event.target.closest?.(".easel");
  if (!easel || !desk() || event.ctrlKey || event.metaKey || event.altKey) return;
  const link = event.target.closest(".marks [data-mark]");
  const arrow = ARROWS[event.key];
  const by = (event.shiftKey ? 5 : 1) * (WHOLE / 100);
  const mark = link && marked(link);
  if (mark && (event.key === "Delete" || event.key === "Backspace")) announce("mark:remove", mark);
  else if (mark?.kind === "pin" && arrow) {
    const [dx, dy] = turn([arrow[0] * by, arrow[1] * by].map((part) => part + WHOLE / 2), (4 - turnsOf(link.closest(".page-box"))) % 4)
      .map((part) => part - WHOLE / 2);
    move(mark, [mark.x + dx, mark.y + dy]);
  } else if (arrow && event.target === easel && easel.querySelector(".page-box")) {
    const spot = cursor?.box.isConnected ? cursor : { box: easel.querySelector(".page-box"), x: WHOLE / 2, y: WHOLE / 2 };
    const turns = turnsOf(spot.box);
    const [left, top] = turn([spot.x, spot.y], turns);
    const [x, y] = turn(cursor ? [inside(left + arrow[0] * by), inside(top + arrow[1] * by)] : [left, top], (4 - turns) % 4);
    setCursor({ box: spot.box, x, y });
    document.querySelector(".marks .spot").scrollIntoView({ block: "nearest" });
  } else if (event.key === "Escape") {
    setCursor(null);
    if (pressed()) press(pressed());
  } else if (easel.hasAttribute("tabindex") && LETTERS[event.key.toLowerCase()] && !event.target.closest("input, textarea, select")) {
    const code = LETTERS[event.key.toLowerCase()];
    if (!place(code, cursor ?? hover)) press(document.querySelector(`[data-palette] [data-code=${code}]`));
  } else return;
  event.preventDefault();
});

let dragged = null;
document.addEventListener("pointerdown", (event) => {
  const link = event.target.closest?.("[data-desk] .marks [data-mark]");
  const mark = link && marked(link);
  if (mark?.kind !== "pin" || !event.isPrimary) return;
  dragged = { mark, sign: link.parentElement, box: link.closest(".page-box"), from: [event.clientX, event.clientY] };
});
document.addEventListener("pointermove", (event) => {
  if (!dragged || Math.hypot(event.clientX - dragged.from[0], event.clientY - dragged.from[1]) < 5) return;
  dragged.spot = spotAt(dragged.box, event);
  const [left, top] = turn([dragged.spot.x, dragged.spot.y], turnsOf(dragged.box));
  dragged.sign.setAttribute("x", `${left / 100}%`);
  dragged.sign.setAttribute("y", `${top / 100}%`);
});
document.addEventListener("pointerup", () => {
  if (dragged?.spot) {
    move(dragged.mark, [dragged.spot.x, dragged.spot.y]);
    document.addEventListener("click", (event) => event.stopImmediatePropagation(), { once: true, capture: true });
  }
  dragged = null;
});
document.addEventListener("pointercancel", () => { dragged = null; });

// What waits for the network is shown as a ring.
const showWaiting = (steps) => {
  document.querySelectorAll(".marks .waiting").forEach((sign) => sign.remove());
  for (const { act, fields } of steps) {
    const drawing = act === "add" && document.querySelector(`[data-desk] .marks[data-file="${fields.attachment}"][data-page="${fields.page}"]`);
    if (drawing) draw(drawing.closest(".page-box"), { x: Number(fields.x), y: Number(fields.y) }, "waiting");
  }
};
document.addEventListener("marks:waiting", ({ detail }) => showWaiting(detail));
document.addEventListener("marks:drawn", () => {
  if (cursor?.box.isConnected) setCursor(cursor);
});

// A button beside each voice marks the second that is heard.
const look = () => {
  if (!desk()) return;
  const text = document.querySelector("[data-mark-status]").dataset;
  for (const player of desk().querySelectorAll("audio")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button quiet";
    button.textContent = text.moment;
    button.addEventListener("click", () => {
      const starts = Math.floor(player.currentTime);
      const code = pressed()?.dataset.code ?? "unclear";
      const attachment = player.src.split("/")[4]; // its copy has a longer address
      announce("mark:add", { kind: "moment", code, attachment, starts, ends: starts + 2 });
    });
    player.after(button);
  }
};
document.addEventListener("page:changed", look);
look();
