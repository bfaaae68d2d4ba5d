// What is typed stays in this browser until the server has taken it, for one person and one form: it comes back after
// a reload, a crash or a login. Never kept: passwords, files, hidden fields, and fields with [data-unkept].
// form.dataset.stored: "yes" or, where the browser keeps nothing, "no".
const PREFIX = "passerelle:words:";
const OLDEST = 60 * 24 * 3600 * 1000;
const PAUSE = 300;
const TYPED = "textarea, input:not([type=hidden]):not([type=checkbox]):not([type=radio]):not([type=file])";

const says = () => document.querySelector("[data-says]").dataset;
const mine = () => `${PREFIX}${document.body.dataset.person}:`;
const keyOf = (form) => mine() + new URL(form.getAttribute("action") || location.href, location.href).pathname;
const isKept = (form) => document.body.dataset.person && form?.matches("form[data-once]")
  && form.querySelector(TYPED) && !form.querySelector("[type=password]");
const fieldsOf = (form) => [...form.elements].filter((field) => field.name && field.matches("input, select, textarea")
  && !/hidden|file|password|submit/.test(field.type) && !field.matches("[data-unkept], [readonly]"));
// Not the key of a draft: a text that is saved a second time under an old key would be dropped.
const fixedOf = (form) => [...form.elements].filter(({ type, name }) => type === "hidden" && /^(version|seen|request_id|shown-.+)$/.test(name)
  && !(name === "request_id" && form.matches("[data-draft]"))).map(({ name }) => name);

const valuesOf = (field, asShown) => {
  if (/checkbox|radio/.test(field.type)) return (asShown ? field.defaultChecked : field.checked) ? [field.value] : [];
  if (!field.options) return [asShown ? field.defaultValue : field.value];
  const options = [...field.options];
  const shown = options.filter((option) => option.defaultSelected);
  const chosen = asShown ? (shown.length || field.multiple ? shown : options.slice(0, 1)) : options.filter((option) => option.selected);
  return chosen.map((option) => option.value);
};
const read = (form, asShown) => {
  const values = {};
  for (const field of fieldsOf(form)) (values[field.name] ??= []).push(...valuesOf(field, asShown));
  return values;
};

const records = (prefix = mine()) => {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(prefix)).map((key) => [key, JSON.parse(localStorage.getItem(key))]);
  } catch {
    return [];
  }
};
const load = (form) => records(keyOf(form)).find(([key]) => key === keyOf(form))?.[1];
const forget = (key) => { try { localStorage.removeItem(key); } catch { /* nothing was kept */ } };

const pending = new Map();
const store = (form) => {
  clearTimeout(pending.get(form));
  pending.delete(form);
  const fields = { ...load(form)?.fields };
  const [now, shown] = [read(form, false), read(form, true)];
  for (const name in now) if (name in fields || String(now[name]) !== String(shown[name])) fields[name] = now[name];
  if (form.querySelector("[data-unkept]")) form.dataset.stored = "no";
  if (!Object.keys(fields).length) return;
  const fixed = Object.fromEntries(fixedOf(form).map((name) => [name, form.elements[name].value]));
  try {
    localStorage.setItem(keyOf(form), JSON.stringify({ at: Date.now(), page: location.pathname, fields, fixed }));
    form.dataset.stored ??= "yes";
  } catch {
    form.dataset.stored = "no";
  }
};
const storeAll = () => [...pending.keys()].forEach(store);

document.addEventListener("input", ({ target }) => {
  const form = target.form ?? target;
  if (!isKept(form)) return;
  clearTimeout(pending.get(form));
  pending.set(form, setTimeout(store, PAUSE, form));
});
window.addEventListener("pagehide", storeAll);
document.addEventListener("visibilitychange", storeAll);
document.addEventListener("form:sending", ({ target }) => { if (isKept(target)) store(target); });

const done = ({ target: form, type }) => {
  clearTimeout(pending.get(form));
  pending.delete(form);
  if (type === "form:sent" && form.matches("[data-leaves]")) records().forEach(([key]) => forget(key));
  forget(keyOf(form));
  delete form.dataset.stored;
};
document.addEventListener("form:sent", done);
document.addEventListener("form:saved", done);

const notice = (text, ...more) => {
  const box = document.createElement("div");
  const words = document.createElement("p");
  box.className = "notice";
  words.textContent = text;
  words.setAttribute("role", "status");
  box.append(words, ...more);
  return box;
};

const bringBack = (form) => {
  const kept = load(form);
  if (!kept) return;
  form.dataset.stored = "yes";
  const { refused } = document.body.dataset;
  const shown = read(form, true);
  const back = fieldsOf(form).filter(({ name }) => name in kept.fields && String(kept.fields[name]) !== String(shown[name]));
  if (!back.length) return refused || done({ target: form });
  const taken = {};
  for (const field of back) {
    const values = kept.fields[field.name];
    if (field.type === "checkbox") field.checked = values.includes(field.value);
    else if (field.type === "radio") field.checked ||= values.includes(field.value);
    else if (field.options) for (const option of field.options) option.selected = values.includes(option.value) || (!field.multiple && option.selected);
    else field.value = values[taken[field.name] = (taken[field.name] ?? -1) + 1] ?? field.value;
  }
  if (refused) return; // the page says what to mend, and has its own version
  for (const name of fixedOf(form)) if (name in kept.fixed) form.elements[name].value = kept.fixed[name];
  (back[0].closest(".field, fieldset") ?? back[0]).before(notice(says().returned));
  form.dispatchEvent(new Event("input", { bubbles: true })); // a draft goes to the server
};

// The form is gone from its page: the words are shown there, to be copied.
const bringOut = ([key, { page, fields }]) => {
  if (page !== location.pathname || [...document.forms].some((form) => isKept(form) && keyOf(form) === key)) return;
  const texts = Object.values(fields).flat().filter((text) => /\s/.test(text.trim()));
  if (!texts.length || document.body.dataset.refused) return;
  const area = document.createElement("textarea");
  area.className = "input";
  area.readOnly = true;
  area.dir = "auto";
  area.rows = 6;
  area.value = texts.join("\n\n");
  area.setAttribute("aria-label", says().returned);
  document.querySelector("[data-words]")?.append(notice(says().returned), area);
};

const look = () => {
  if (!document.body.dataset.person) return;
  records(PREFIX).forEach(([key, { at }]) => { if (Date.now() - at > OLDEST) forget(key); });
  [...document.forms].filter(isKept).forEach(bringBack);
  records().forEach(bringOut);
};
document.addEventListener("page:changed", look);
look();

// Who logs out leaves nothing behind, and is asked before.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-leaves]") || form.dataset.agreed) return;
  storeAll();
  const [unsent] = records();
  if (!unsent) return;
  event.preventDefault();
  form.dispatchEvent(new Event("form:free", { bubbles: true }));
  if (form.querySelector(".question")) return;
  const text = says();
  const yes = document.createElement("button");
  const back = document.createElement("a");
  yes.className = "button danger";
  yes.textContent = text.wipe;
  yes.addEventListener("click", () => { form.dataset.agreed = "1"; });
  back.className = "button quiet";
  back.textContent = text.see;
  back.href = unsent[1].page;
  const question = notice(text.unsent, yes, back);
  question.classList.add("warm", "question");
  form.append(question);
  back.focus();
}, true);
