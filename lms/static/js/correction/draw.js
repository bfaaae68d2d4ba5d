// Draws marks as the server does: homework/_marks.html. Places are ten-thousandths of the page before it is turned.
const SVG = "http://www.w3.org/2000/svg";
const desk = (globalThis.desk ??= {});
const LINE = 24; // characters of a line of written words

const make = (name, values = {}, ...inside) => {
  const made = document.createElementNS(SVG, name);
  for (const key in values) made.setAttribute(key, values[key]);
  made.append(...inside);
  return made;
};

// From the page to what is shown of it after the turns, and back.
desk.toShown = (x, y, turns) => [[x, y], [10000 - y, x], [10000 - x, 10000 - y], [y, 10000 - x]][turns];
desk.toPage = (x, y, turns) => [[x, y], [y, 10000 - x], [10000 - x, 10000 - y], [10000 - y, x]][turns];

// Ramer-Douglas-Peucker. Measured to the piece and not to the endless line: the ends of a circle are one point.
desk.simplify = (points, most = 25) => {
  if (points.length < 3) return points;
  const [[ax, ay], [bx, by]] = [points[0], points.at(-1)];
  const [dx, dy] = [bx - ax, by - ay];
  const long = dx * dx + dy * dy;
  let [far, at] = [0, 0];
  points.forEach(([x, y], i) => {
    const t = long ? Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / long)) : 0;
    const off = Math.hypot(x - ax - t * dx, y - ay - t * dy);
    if (off > far) [far, at] = [off, i];
  });
  if (far <= most) return [points[0], points.at(-1)];
  return [...desk.simplify(points.slice(0, at + 1), most).slice(0, -1), ...desk.simplify(points.slice(at), most)];
};

desk.pin = (code) => document.querySelector(`[data-palette] [data-code="${code}"] .mark-pin`).cloneNode(true);
desk.icon = (kind) => document.querySelector(`[data-palette] [data-act="${kind}"] .icon`).cloneNode(true);

const wrap = (text) => text.split(/\s+/).reduce((lines, word) => {
  const last = lines.at(-1);
  if (last !== undefined && last.length + word.length < LINE) lines[lines.length - 1] = `${last} ${word}`;
  else lines.push(word);
  return lines;
}, []);

const shapes = {
  pin: (mark, at) => {
    const pin = desk.pin(mark.code);
    pin.setAttribute("x", "-1.0625rem");
    pin.setAttribute("y", "-1.0625rem");
    const [x, y] = at(mark.x, mark.y);
    return [make("svg", { class: "at", x, y }, make("circle", { class: "hit", r: 24 }), pin)];
  },
  text: (mark, at) => {
    const [x, y] = at(mark.x, mark.y);
    const words = make("text", { lang: "fr" });
    if (parseFloat(x) > 55) words.setAttribute("text-anchor", "end");
    wrap(mark.note || "…").forEach((line, i) => words.append(make("tspan", i ? { x: 0, dy: "1.25em" } : { x: 0 }, line)));
    return [make("svg", { class: "at", x, y }, make("circle", { class: "hit", r: 24 }), words)];
  },
  arrow: (mark, at) => {
    const [[x1, y1], [x2, y2]] = [at(mark.x, mark.y), at(mark.x + mark.w, mark.y + mark.h)];
    const line = make("line", { x1, y1, x2, y2 });
    const head = document.querySelector("#arrow-head");
    line.setAttribute("marker-end", `${"url"}(#${head.id})`);
    return [make("line", { class: "hit", x1, y1, x2, y2 }), line];
  },
};

const stretched = (mark, turns) => {
  const turn = ["", "translate(10000 0) rotate(90)", "translate(10000 10000) rotate(180)", "translate(0 10000) rotate(270)"][turns];
  const points = (mark.points ?? []).map((point) => point.join(",")).join(" ");
  const inside = mark.kind === "highlight"
    ? [make("rect", { x: Math.min(mark.x, mark.x + mark.w), y: Math.min(mark.y, mark.y + mark.h), width: Math.abs(mark.w), height: Math.abs(mark.h) })]
    : [make("polyline", { class: "hit", points }), make("polyline", { points })];
  const group = make("g", turn ? { transform: turn } : {}, ...inside);
  return [make("svg", { viewBox: "0 0 10000 10000", preserveAspectRatio: "none", width: "100%", height: "100%" }, group)];
};

desk.shape = (mark, turns) => {
  const at = (x, y) => desk.toShown(x, y, turns).map((number) => `${number / 100}%`);
  return shapes[mark.kind]?.(mark, at) ?? stretched(mark, turns);
};

desk.link = (mark, number, label, isDrawn) => {
  const link = isDrawn ? make("a") : document.createElement("a");
  link.setAttribute("class", `mark ${mark.kind}`);
  link.id = `pin-${number}`;
  link.setAttribute("href", `#mark-${number}`);
  link.setAttribute("aria-label", label);
  link.dataset.key = mark.key;
  if (mark.code) link.dataset.code = mark.code;
  return link;
};
desk.make = make;
