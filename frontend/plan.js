// Dates of tasks on the server: what a change would move, the dialog that says so, one undo for all of it.
import { $, fill, fragment, openDialog, send, tell, toast } from "./lib.js";

export const words = JSON.parse(document.getElementById("timeline-texts").textContent);
export const api = (path) => `/api/v1/tasks/${path}`;
const say = $("[data-announce]");
const { base } = $("[data-gantt]").dataset;
const day = (iso) => (iso ? new Intl.DateTimeFormat(document.documentElement.lang, { day: "numeric", month: "short" }).format(new Date(`${iso}T12:00`)) : "");
export const when = ({ start_on: start, due_on: due }) => (start && due && start !== due ? `${day(start)} – ${day(due)}` : day(due ?? start) || "–");
export const changed = () => document.dispatchEvent(new CustomEvent("plan:changed"));

let back = null;
/** Takes back the last change of dates, where there is one. */
export const undo = () => back?.();

/** Sets the dates of tasks together; the toast, or Ctrl+Z, takes all of it back in one request. */
async function setDates(tasks, text) {
  const { undo: former } = await send(api("dates"), { json: { tasks } });
  say.textContent = text;
  const run = async () => {
    if (back === run) back = null;
    note.remove();
    try { await send(api("dates"), { json: { tasks: former } }); toast(words.undone); } catch (error) { tell(error); }
    changed();
  };
  const note = toast(text, { action: { label: words.undo, run } });
  back = run;
}

const dialog = $("#moves");
/** Shows what moves and asks; answers "all", "only" or null. */
function ask(title, { result, held }, { only = false } = {}) {
  $("[data-moves-title]", dialog).textContent = title;
  $("[data-moves-rows]", dialog).replaceChildren(...result.map((one) => {
    const row = document.createElement("tr");
    for (const text of [one.title, when(one.from), when(one)]) row.insertCell().textContent = text;
    row.cells[0].title = one.code;
    return row;
  }));
  const stuck = $("[data-moves-held]", dialog);
  stuck.hidden = !held.length;
  stuck.textContent = fill(words.held, { names: held.map((one) => `${one.code} ${one.title}`).join(", ") });
  $("[data-only]", dialog).hidden = !only;
  $("[data-all]", dialog).textContent = only ? words.moveAll : words.confirm;
  openDialog(dialog);
  $("[data-all]", dialog).focus();
  return new Promise((resolve) => {
    let answer = null;
    const choose = (value) => (event) => { event.preventDefault(); answer = value; dialog.close(); };
    $("form", dialog).onsubmit = choose("all");
    $("[data-only]", dialog).onclick = choose("only");
    dialog.onclose = () => resolve(answer);
  });
}
const bare = ({ id, version, start_on, due_on }) => ({ id, version, start_on, due_on });
const counted = (count) => fill(count === 1 ? words.movesOne : words.moves, { count });

const movedText = (count) => fill(count === 1 ? words.movedOne : words.movedMany, { count });

/** Gives a task new dates; where that makes others late, asks first whether they move too. */
export async function plan(task, dates) {
  const own = { id: task.id, version: task.version, ...dates };
  try {
    const days = new URLSearchParams(Object.entries(dates).filter(([, value]) => value));
    const preview = await send(`${api(task.id)}/plan?${days}`, { method: "GET" });
    const choice = preview.count || preview.held.length ? await ask(counted(preview.count), preview, { only: preview.count > 0 }) : "only";
    if (!choice) return;
    const all = choice === "all" ? preview.result.map(bare) : [];
    await setDates([own, ...all], all.length ? movedText(all.length + 1) : fill(words.moved, { name: task.title, when: when(dates) }));
  } catch (error) {
    tell(error);
  } finally {
    changed();
  }
}

/** The automatic layout: the server says what it would move, a person confirms. */
export async function layout(query) {
  try {
    const preview = await send(`${base}/timeline/layout?${query}`, { method: "GET" });
    if (!preview.count) return void toast(words.nothing);
    if (await ask(counted(preview.count), preview)) await setDates(preview.result.map(bare), movedText(preview.count));
  } catch (error) {
    tell(error);
  }
  changed();
}

// ── links ──
export async function link(values) {
  try {
    await send(`${api(values.successor)}/dependencies`, { json: { predecessor: values.predecessor, type: values.type } });
    toast(words.linked);
  } catch (error) {
    tell(error);
  }
  changed();
}
const linkDialog = $("#link");
/** Changes a link's type and lag, or removes it. */
export function editLink(one, title) {
  const form = $("form", linkDialog);
  $("[data-link-title]", linkDialog).textContent = one.broken ?? title;
  form.elements.type.value = one.type;
  form.elements.lag.value = one.lag;
  openDialog(linkDialog);
  const run = async (request, text) => {
    linkDialog.close();
    try { await request(); toast(text); } catch (error) { tell(error); }
    changed();
  };
  form.onsubmit = (event) => {
    event.preventDefault();
    const json = { type: form.elements.type.value, lag: Number(form.elements.lag.value), version: one.version };
    run(() => send(api(`dependencies/${one.id}`), { method: "PATCH", json }), words.saved);
  };
  $("[data-link-delete]", linkDialog).onclick = () => run(() => send(api(`dependencies/${one.id}`), { method: "DELETE" }), words.unlinked);
}

export const load = (query) => send(`${base}/timeline/data?${query}`, { method: "GET" });
export const strips = (query) => fragment(`${base}/timeline?${query}${query ? "&" : ""}fragment=1`);
export { fill };
