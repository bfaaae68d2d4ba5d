// Shows the marks over the pages, in the text and as a list of cards whose words are edited in place.
const desk = (globalThis.desk ??= {});
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

const pictureOf = (mark) => {
  if (mark.code) return desk.pin(mark.code);
  if (mark.kind !== "moment") return desk.icon(mark.kind);
  const dot = document.createElement("span");
  dot.textContent = "•";
  return dot;
};

const drawPages = (marks) => {
  for (const layer of document.querySelectorAll(".easel [data-marks]")) {
    const turns = Number(layer.dataset.turns);
    const cursor = layer.querySelector(".cursor");
    layer.replaceChildren();
    marks.forEach((mark, i) => {
      if (mark.attachment_id !== layer.dataset.attachment || mark.page !== Number(layer.dataset.page)) return;
      const link = desk.link(mark, i + 1, `${i + 1}. ${desk.name(mark)}`, true);
      link.append(...desk.shape(mark, turns));
      layer.append(link);
    });
    if (cursor) layer.append(cursor);
  }
};

// Characters are counted as the server counts them: an emoji is one.
const drawText = (marks) => {
  const box = document.querySelector(".easel [data-text]");
  if (!box) return;
  desk.text ??= [...box.childNodes].filter((node) => !node.matches?.(".mark")).map((node) => node.textContent).join("");
  const letters = [...desk.text];
  const spans = marks.map((mark, i) => ({ mark, i })).filter(({ mark }) => mark.kind === "range" && mark.starts !== null && mark.starts < mark.ends);
  const cuts = [...new Set([0, letters.length, ...spans.flatMap(({ mark }) => [mark.starts, Math.min(mark.ends, letters.length)])])].sort((a, b) => a - b);
  box.replaceChildren();
  cuts.slice(0, -1).forEach((begin, at) => {
    const end = cuts[at + 1];
    const over = spans.filter(({ mark }) => mark.starts <= begin && end <= mark.ends);
    let piece = document.createTextNode(letters.slice(begin, end).join(""));
    if (over.length) {
      const marked = document.createElement("mark");
      marked.dataset.code = over.at(-1).mark.code;
      marked.append(piece);
      piece = marked;
    }
    box.append(piece);
    for (const { mark, i } of spans) {
      if (Math.min(mark.ends, letters.length) !== end) continue;
      const link = desk.link(mark, i + 1, `${i + 1}. ${desk.name(mark)}`, false);
      link.append(desk.pin(mark.code));
      box.append(link);
    }
  });
};

const cards = new Map();
const newCard = (mark) => {
  const card = document.querySelector("[data-card]").content.firstElementChild.cloneNode(true);
  card.dataset.key = mark.key;
  for (const field of card.querySelectorAll("[data-field]")) {
    field.addEventListener("input", () => desk.put(mark, { [field.dataset.field]: field.value.trim() }, field.dataset.field));
    field.addEventListener("keydown", (event) => { if (event.key === "Enter" && !event.ctrlKey) event.preventDefault(); });
  }
  if (mark.kind === "range") card.querySelector("[data-field=quote]").readOnly = true;
  if (mark.kind === "text" || mark.kind === "arrow" || mark.kind === "pen" || mark.kind === "highlight") card.querySelector(".pair").hidden = true;
  card.querySelector("[data-remove]").addEventListener("click", () => desk.remove(mark));
  if (mark.kind === "moment") {
    const seek = document.createElement("button");
    seek.type = "button";
    seek.className = "seek";
    seek.textContent = clock(mark.starts);
    seek.addEventListener("click", () => desk.seek(mark));
    card.querySelector(".slot").after(seek);
  }
  return card;
};

const list = (marks) => {
  const box = document.querySelector("[data-list]");
  if (!box) return;
  const shown = marks.map((mark, i) => {
    if (!cards.has(mark.key)) cards.set(mark.key, newCard(mark));
    const card = cards.get(mark.key);
    card.id = `mark-${i + 1}`;
    const slot = card.querySelector(".slot");
    slot.replaceChildren(pictureOf(mark));
    if (mark.page || mark.starts !== null) slot.href = `#pin-${i + 1}`;
    slot.setAttribute("aria-label", `${i + 1}. ${desk.name(mark)}`);
    for (const field of card.querySelectorAll("[data-field]")) {
      if (field !== document.activeElement) field.value = mark[field.dataset.field] ?? "";
    }
    return card;
  });
  // Only what has changed is touched, or the field that is typed in would lose the focus.
  shown.forEach((card, i) => { if (box.children[i] !== card) box.insertBefore(card, box.children[i] ?? null); });
  while (box.children.length > shown.length) box.lastElementChild.remove();
};

desk.tell = () => {
  for (const mark of desk.marks()) {
    const box = cards.get(mark.key)?.querySelector(".told");
    if (box && box.textContent !== (mark.told?.text ?? "")) desk.tellOn(mark, box);
  }
};

desk.show = () => {
  const focused = document.activeElement?.closest?.(".mark")?.dataset.key;
  const before = document.querySelectorAll("[data-list] > li").length;
  const marks = desk.marks();
  drawPages(marks);
  drawText(marks);
  list(marks);
  desk.tell();
  const [undo, redo] = desk.canUndo();
  document.querySelector("[data-act=undo]").disabled = !undo;
  document.querySelector("[data-act=redo]").disabled = !redo;
  if (focused) document.querySelector(`.easel .mark[data-key="${focused}"]`)?.focus({ preventScroll: true });
  if (marks.length > before && before) document.querySelector("[data-list]").lastElementChild.scrollIntoView({ block: "nearest" });
};
desk.focusMark = (mark) => document.querySelector(`.easel .mark[data-key="${mark.key}"]`)?.focus({ preventScroll: true });
desk.showCard = (mark) => cards.get(mark.key)?.scrollIntoView({ block: "nearest" });

// Words of the typed text. A place in it is counted without the pins between the words.
const offsetOf = (box, node, offset) => {
  const range = document.createRange();
  range.selectNodeContents(box);
  range.setEnd(node, offset);
  const part = range.cloneContents();
  part.querySelectorAll(".mark").forEach((pin) => pin.remove());
  return [...part.textContent].length;
};
desk.chosenWords = () => {
  const chosen = getSelection();
  const box = document.querySelector(".easel [data-text]");
  if (!box || !chosen.rangeCount || chosen.isCollapsed) return null;
  const range = chosen.getRangeAt(0);
  if (!box.contains(range.startContainer) || !box.contains(range.endContainer)) return null;
  let [starts, ends] = [offsetOf(box, range.startContainer, range.startOffset), offsetOf(box, range.endContainer, range.endOffset)];
  const letters = [...desk.text];
  while (starts < ends && !letters[starts].trim()) starts += 1;
  while (ends > starts && !letters[ends - 1].trim()) ends -= 1;
  return starts < ends ? { starts, ends, quote: letters.slice(starts, ends).join("").replace(/\s+/g, " ").slice(0, 300) } : null;
};
// With the arrow keys, where there is no page: the next or previous word is chosen; with Shift one word more.
desk.moveWords = (way, more) => {
  const box = document.querySelector(".easel [data-text]");
  if (!box) return false;
  const now = desk.chosenWords();
  const words = [...desk.text.matchAll(/\S+/g)].map((found) => {
    const starts = [...desk.text.slice(0, found.index)].length;
    return { starts, ends: starts + [...found[0]].length };
  });
  const here = now ? words.findIndex(({ ends }) => ends >= now.ends) : -1;
  const next = words[Math.max(0, Math.min(words.length - 1, now ? here + way : 0))];
  if (!next) return false;
  const [starts, ends] = more && now ? [now.starts, Math.max(next.ends, now.starts + 1)] : [next.starts, next.ends];
  const find = (count) => {
    const walker = document.createTreeWalker(box, NodeFilter.SHOW_TEXT, (node) => (node.parentElement.closest(".mark") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT));
    for (let rest = count, node; (node = walker.nextNode());) {
      const letters = [...node.data];
      if (rest <= letters.length) return [node, letters.slice(0, rest).join("").length];
      rest -= letters.length;
    }
    return [box, box.childNodes.length];
  };
  getSelection().setBaseAndExtent(...find(starts), ...find(ends));
  return true;
};

// Moments of a recording.
desk.momentOf = (sound, code = null) => {
  const at = Math.floor(sound.currentTime);
  return { kind: "moment", code, attachment_id: sound.closest("[data-voice]").dataset.voice, starts: at, ends: at };
};
desk.seek = (mark) => {
  const sound = document.querySelector(`.easel [data-voice="${mark.attachment_id}"] audio`);
  if (!sound) return;
  sound.currentTime = mark.starts;
  sound.play().catch(() => {});
};
const offerMoments = () => {
  for (const box of document.querySelectorAll(".easel [data-voice]")) {
    const sound = box.querySelector("audio");
    if (!sound || box.querySelector(".moment")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button quiet moment";
    button.textContent = desk.words().at;
    button.addEventListener("click", () => {
      const code = document.querySelector("[data-palette] [data-code][aria-pressed=true]")?.dataset.code;
      desk.add(desk.momentOf(sound, code));
    });
    box.append(button);
  }
};
desk.resetCards = () => {
  cards.clear();
  desk.text = null;
  document.querySelector("[data-list]").replaceChildren();
  offerMoments();
};
