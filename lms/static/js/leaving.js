// Who logs out leaves no file behind, and is asked before: to wait until all have left, or to delete them (outgoing.js).
const question = document.querySelector("[data-leaving]");
const client = await import(document.querySelector("[data-client]").src);
let waiting = null;

const out = ({ form, button }) => {
  question.hidden = true;
  form.dataset.gone = "1"; // asked
  form.requestSubmit(button);
};

document.addEventListener("submit", async (event) => {
  const { target: form, submitter: button } = event;
  if (event.defaultPrevented || !form.matches("[data-leaves]") || form.dataset.gone) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  form.dispatchEvent(new Event("form:free", { bubbles: true }));
  await client.load();
  if (!client.entries.length) return out({ form, button });
  question.querySelector("bdi").textContent = client.entries.map(({ name }) => name).join(", ");
  form.after(question);
  question.hidden = false;
  const [wait, wipe] = question.querySelectorAll("button");
  wait.hidden = !client.left().length;
  (wait.hidden ? wipe : wait).focus();
  wait.onclick = () => {
    wait.hidden = true;
    waiting = { form, button };
    question.querySelector("[role=status]").textContent = question.dataset.sending;
    client.go();
  };
  wipe.onclick = async () => {
    const gone = [...client.entries];
    gone.forEach(client.remove);
    await Promise.all(gone.map(client.drop));
    out({ form, button });
  };
}, true);

const goOn = () => { if (waiting && !client.entries.length) out(waiting); };
document.addEventListener("outgoing:changed", () => setTimeout(goOn));
