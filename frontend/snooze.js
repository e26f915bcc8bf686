// The home page's list of work: a task is put off for oneself, and taken back; a line of a check-list is ticked.
import { $, fill, fragment, send, tell, texts, toast } from "./lib.js";
import { place } from "./app.js";

const card = () => $("[data-todo]");
let snoozed = null;

/** Draws the card anew; the focus goes to what `find` names in it, else to its heading. */
async function redraw(find) {
  const page = new DOMParser().parseFromString(await fragment("/"), "text/html");
  const fresh = $("[data-todo]", page);
  const said = $(".sk-head p", page); // how much is late
  const open = $("[data-snoozed]", card())?.open;
  card().replaceWith(fresh);
  if (said) $(".sk-head p")?.replaceWith(said);
  const list = $("[data-snoozed]", fresh);
  if (list && open) list.open = true;
  ((find && $(find, fresh)) ?? $("h2", fresh)).focus();
}

async function wake(id) {
  try {
    await send(`/api/v1/tasks/${id}/snooze`, { method: "DELETE" });
    await redraw(`[data-snooze="${id}"]`);
  } catch (error) {
    tell(error);
  }
}

async function snooze(id, until) {
  const { said } = $("[data-snooze-form]").dataset;
  $("[data-snooze-form]").hidePopover();
  try {
    await send(`/api/v1/tasks/${id}/snooze`, { json: { until } });
    const [year, month, date] = until.split("-").map(Number);
    const day = new Intl.DateTimeFormat(document.documentElement.lang, { weekday: "long", day: "numeric", month: "long" }).format(new Date(year, month - 1, date));
    toast(fill(said, { day }), { action: { label: texts.undo, run: () => wake(id) } });
    await redraw("[data-snoozed] summary");
  } catch (error) {
    tell(error);
  }
}

async function tick(button) {
  const row = button.closest(".sk-li");
  const put = (done) => send(`/api/v1/tasks/checklist/${button.dataset.tick}`, { method: "PATCH", json: { done } });
  button.disabled = true;
  try {
    await put(true);
    row.classList.add("done");
    const undo = () => put(false).then(() => { row.classList.remove("done"); button.disabled = false; }).catch(tell);
    toast(texts.finished, { action: { label: texts.undo, run: undo } });
  } catch (error) {
    button.disabled = false;
    tell(error);
  }
}

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-snooze], [data-until], [data-wake], [data-tick]");
  if (!target || target.disabled) return;
  if (target.dataset.snooze) {
    const menu = $("[data-snooze-form]");
    snoozed = target.dataset.snooze;
    menu.reset();
    menu.showPopover();
    place(menu, target.getBoundingClientRect());
    $("[data-until]", menu).focus();
  } else if (target.dataset.until) snooze(snoozed, target.dataset.until);
  else if (target.dataset.wake) wake(target.dataset.wake);
  else tick(target);
});
document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-snooze-form]");
  if (!form) return;
  event.preventDefault();
  snooze(snoozed, form.elements.until.value);
});
