// On the pages beside a homework: files that wait go on leaving the phone (outgoing.js), and a homework whose button was
// pressed before they had left (drafting.js) is opened once, for its page to send it. It may have been sent in another way.
const WAITING = "passerelle:outgoing";
const PRESSED = `passerelle:pressed:${document.body.dataset.person}:`;
const script = document.querySelector("[data-goes-on]");

const goOn = async () => {
  const client = await import(script.dataset.goesOn);
  const leadBack = () => {
    const pressed = Object.keys(localStorage).filter((key) => key.startsWith(PRESSED)).map((key) => key.slice(PRESSED.length));
    const ready = pressed.find((assignment) => !client.left(assignment).length);
    if (!ready) return;
    delete localStorage[PRESSED + ready];
    sessionStorage[PRESSED + ready] = 1;
    location.assign(`/assignments/${ready}`);
  };
  await client.load();
  if (!client.entries.length) delete localStorage[WAITING];
  document.addEventListener("outgoing:changed", leadBack);
  leadBack();
};
try {
  if (localStorage[WAITING]) goOn();
} catch { /* this browser keeps nothing */ }
