// Shows how far a form with files has come. Whatever goes wrong here, the plain form takes over.
const size = (bytes) => bytes >= 1e6 ? (bytes / 1e6).toFixed(1) : (bytes / 1e6).toFixed(2);

const list = (input) => {
  const door = input.closest("[data-door]");
  if (!door) return;
  door.querySelector(".chosen")?.remove();
  if (!input.files.length) return;
  const chosen = document.createElement("ul");
  chosen.className = "chosen";
  for (const file of input.files) {
    const row = document.createElement("li");
    const name = document.createElement("bdi");
    const weight = document.createElement("bdi");
    name.textContent = file.name;
    weight.dir = "ltr";
    weight.textContent = `${size(file.size)} ${door.dataset.door || "MB"}`;
    row.append(name, weight);
    chosen.append(row);
  }
  door.append(chosen);
};

// The whole door takes the press and the dropped file; without script the plain input inside it stays visible.
const ready = () => document.querySelectorAll("[data-door]").forEach((door) => door.classList.add("ready"));
document.addEventListener("page:changed", ready);
ready();

const gauge = (form) => {
  const box = document.createElement("div");
  box.className = "progress";
  const bar = document.createElement("progress");
  bar.max = 100;
  bar.value = 0;
  bar.setAttribute("aria-label", form.dataset.sending);
  const words = document.createElement("p");
  words.setAttribute("role", "status");
  words.textContent = form.dataset.sending;
  const percent = document.createElement("bdi");
  percent.dir = "ltr";
  box.append(words, bar, percent);
  form.append(box);
  box.scrollIntoView({ block: "nearest" });
  return {
    box,
    at(part) {
      bar.value = Math.round(part * 100);
      percent.textContent = `${bar.value} %`;
    },
    sent() {
      bar.removeAttribute("value");
      percent.textContent = "";
      words.textContent = form.dataset.checking;
    },
  };
};

const address = () => location.pathname + location.search;
let shown = address();

const turnTo = (answer) => {
  const next = new DOMParser().parseFromString(answer.responseText, "text/html");
  history.pushState({ swapped: true }, "", answer.responseURL);
  shown = address();
  document.title = next.title;
  document.body.replaceWith(document.adoptNode(next.body));
  for (const script of next.head.querySelectorAll("script[type=module][src]")) {
    if (document.querySelector(`script[src="${CSS.escape(script.getAttribute("src"))}"]`)) continue;
    const own = document.createElement("script");
    own.type = "module";
    own.src = script.getAttribute("src");
    document.head.append(own);
  }
  window.scrollTo(0, 0);
  // Who has just added a file wants to see it.
  if (!document.getElementById("errors")) document.getElementById("mine")?.scrollIntoView();
  document.dispatchEvent(new Event("page:changed"));
  if (!document.activeElement || document.activeElement === document.body) document.getElementById("content")?.focus({ preventScroll: true });
};

const send = (form, submitter) => {
  const data = new FormData(form, submitter);
  const request = new XMLHttpRequest();
  const shown = gauge(form);
  const plainly = () => {
    shown.box.remove();
    delete form.dataset.upload;
    form.dispatchEvent(new Event("form:free", { bubbles: true }));
    form.requestSubmit(submitter);
  };
  request.upload.onprogress = (event) => { if (event.lengthComputable) shown.at(event.loaded / event.total); };
  request.upload.onload = () => shown.sent();
  request.onerror = request.ontimeout = plainly;
  request.onload = () => {
    const page = (request.getResponseHeader("Content-Type") || "").startsWith("text/html");
    if (!page || !request.responseURL.startsWith(location.origin)) return plainly();
    turnTo(request);
  };
  // Not form.action: a button named "action" would stand in its place.
  request.open("POST", submitter?.getAttribute("formaction") || form.getAttribute("action") || location.href);
  request.send(data);
};

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || !form.matches("form[data-upload]")) return;
  const files = [...form.querySelectorAll("input[type=file]")].some((input) => input.files.length);
  if (!files) return;
  try {
    send(form, event.submitter);
    event.preventDefault();
  } catch {
    form.querySelector(".progress")?.remove();
  }
});

document.addEventListener("change", (event) => { if (event.target.matches?.("input[type=file]")) list(event.target); });
// A step back to a page that was swapped away; a jump within the page (#...) comes here too and is none.
window.addEventListener("popstate", () => { if (address() !== shown) location.reload(); });
for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => event.target.closest?.("[data-door]")?.classList.add("dragging"));
}
for (const kind of ["dragleave", "drop"]) {
  document.addEventListener(kind, (event) => event.target.closest?.("[data-door]")?.classList.remove("dragging"));
}
