// Tasks: edits in place, the drawer with its own address, quick add, drag between groups, keys.
import { $, $$, fragment, keep, kept, part, pressed, send, tell, toast } from "./lib.js";
import { on } from "./live.js";
import { place } from "./app.js";
import { openCell } from "./cells.js";
import { refill } from "./more.js";
import { foldBranches } from "./branches.js";
import { assign, nameMenu } from "./checklist.js";
import "./assist.js";
import "./custom.js";
import "./recurrence.js";
import "./templates.js";
import "./time.js";
import "./approvals.js";
import { hint } from "./similar.js";
import { ready } from "./dependencies.js";

const root = $("[data-tasks]");
const drawer = $("#task-drawer");
const writable = root.dataset.writable === "1";
const isPage = "page" in root.dataset;
const api = (path) => `/api/v1/tasks/${path}`;
const holder = (node) => node.closest("[data-task]");
// Versions that this page wrote itself: news of them is no news.
const own = new Map();

// ── drawing anew what changed ──
/** How to find again, in a row that is drawn anew, what has the focus; null outside rows. */
function hold(node) {
  const row = node?.closest?.("tr[data-task], [data-card]");
  if (!row || !root.contains(row)) return null;
  if (row.dataset.card) return `[data-card="${row.dataset.card}"]`;
  const what = node.dataset.edit ? `[data-edit="${node.dataset.edit}"]` : ["[type=checkbox]", "[data-branch]"].find((one) => node.matches(one)) ?? "[data-open]";
  return `[data-task="${row.dataset.task}"] ${what}`;
}
/** A quick add that was open when its column was drawn anew is open again. */
const reveal = (input) => { const form = input.closest("[data-quick]"); if (form) form.hidden = false; };
/** Replaces what is in `box`; what is being typed there and the focus stay, and nothing is taken from elsewhere. */
function keeping(box, replace) {
  const active = box.contains(document.activeElement) ? document.activeElement : null;
  const held = hold(active);
  const chosen = new Set($$("[name=rowid]:checked", box).map((one) => one.value));
  const typed = $$("input[type=text]", box).filter((one) => one.id && one.value).map((one) => [one.id, one.value]);
  replace();
  for (const one of $$("[name=rowid]", box)) one.checked = chosen.has(one.value);
  for (const [id, value] of typed) { const input = document.getElementById(id); if (input) { input.value = value; reveal(input); } }
  if (!active) return;
  if (active.isConnected) return void active.focus();
  const again = document.getElementById(active.id) ?? (held && $(held, root));
  if (!again) return;
  reveal(again);
  again.focus();
}

// What is in the hand is not taken out of it.
const inHand = () => pressed() || $(".sk-placeholder, .lifted", root);
const collapsed = new Map(kept("collapsed"));
let turn = 0;
/** Draws anew; of two that are on their way the later one counts. */
async function redraw() {
  if (!isPage && inHand()) return void soon(400);
  const mine = ++turn;
  if (isPage) {
    const form = $("form:popover-open", root);
    if (form) return void form.addEventListener("toggle", () => soon(0), { once: true });
    const box = document.createElement("div");
    box.innerHTML = await fragment(`/tasks/${holder($("[data-task]", root)).dataset.task}/panel?page=1`);
    if (mine !== turn) return undefined;
    const body = $("[data-task-body] > [data-task]");
    keeping(body, () => body.replaceWith($("[data-task]", box)));
    return void ready(root);
  }
  const table = $("[data-list]", root);
  const columns = $("[data-board]", root);
  if (table) {
    const fresh = document.createElement("table");
    fresh.innerHTML = await fragment(part("1"));
    await refill(table, fresh);
    if (mine !== turn) return undefined;
    if (inHand()) return void soon(400);
    keeping(table, () => {
      for (const one of $$("tbody", table)) one.remove();
      table.append(...$$("tbody", fresh));
      fold();
    });
    document.dispatchEvent(new CustomEvent("tasks:drawn"));
  } else if (columns) {
    const fresh = document.createElement("div");
    fresh.innerHTML = await fragment(part("1"));
    await refill(columns, fresh);
    if (mine !== turn) return undefined;
    if (inHand()) return void soon(400);
    keeping(columns, () => { columns.replaceChildren(...fresh.childNodes); });
    document.dispatchEvent(new CustomEvent("tasks:drawn"));
  }
  return void document.dispatchEvent(new CustomEvent("list:changed"));
}
let waiting = null;
const soon = (delay = 250) => { clearTimeout(waiting); waiting = setTimeout(() => redraw().catch(() => {}), delay); };
document.addEventListener("tasks:changed", () => soon(0));
document.addEventListener("task:shown", ({ detail }) => {
  soon(0);
  showAgain(detail.id);
});

document.addEventListener("task:again", async ({ detail }) => {
  await redraw().catch(() => {});
  await showAgain(detail);
});

function fold() {
  for (const group of $$("tbody[data-group]", root)) {
    const shut = collapsed.get(group.dataset.group) ?? "closed" in group.dataset;
    group.classList.toggle("folded", shut);
    $("[data-collapse]", group).setAttribute("aria-expanded", String(!shut));
  }
  foldBranches(root);
}
root.addEventListener("click", (event) => {
  const button = event.target.closest("[data-collapse]");
  if (!button) return;
  const group = button.closest("tbody");
  collapsed.set(group.dataset.group, !group.classList.contains("folded"));
  keep("collapsed", collapsed);
  fold();
});

on("task:changed", ({ id, version }) => {
  if (version <= own.get(id)) return;
  soon(Math.random() * 400 + 150);
  showAgain(id);
});
document.addEventListener("live:missed", ({ detail }) => { if (detail.kind === "task") soon(); });
document.addEventListener("live:reload", () => location.reload());


/** The version that was seen, or the one that this page wrote since, which may not be drawn yet. */
const seen = (id, version) => Math.max(Number(version), own.get(id) ?? 0);
/** Writes fields of a task. */
async function put(id, version, values) {
  const answer = await send(api(id), { method: "PATCH", json: { ...values, version: seen(id, version) } });
  own.set(id, answer.result.version);
  return answer.result;
}
/** Changes fields of a task; what somebody else wrote meanwhile is said, and shown. */
export async function change(id, version, values) {
  try {
    return await put(id, version, values);
  } catch (error) {
    tell(error);
    return null;
  } finally {
    await redraw().catch(() => {});
    await showAgain(id);
  }
}

// ── edits in place ──
let target = null;
function openEditor(trigger) {
  const { edit } = trigger.dataset;
  target = trigger.closest("[data-line]") ?? holder(trigger);
  const menu = $(`#edit-${edit}`);
  if (!menu) return openCell(trigger, target.dataset.task, put, redraw);
  const value = { status: target.dataset.status, priority: target.dataset.priority, owner: target.dataset.owner, due_on: target.dataset.due }[edit];
  for (const one of $$("[role=menuitemradio]", menu)) one.setAttribute("aria-checked", String(one.dataset.value === value));
  if (edit === "due_on") $("input", menu).value = value;
  nameMenu(menu, trigger);
  menu.showPopover();
  place(menu, trigger.getBoundingClientRect());
  return ($("[aria-checked=true]", menu) ?? $("input, [data-set]", menu)).focus();
}
/** Writes what was chosen: of a line of the check-list, else of the task. */
async function choose(field, value) {
  const { task, version, line } = target.dataset;
  if (line) return void assign(target, field, value);
  await change(task, version, { [field]: value });
  return back(task, field);
}
const back = (id, edit) => document.querySelector(`[data-task="${id}"] [data-edit="${edit}"]`)?.focus();
document.addEventListener("click", async (event) => {
  const trigger = event.target.closest("[data-edit]");
  if (trigger) return openEditor(trigger);
  const choice = event.target.closest("[data-set]");
  if (!choice || !target) return;
  choice.closest("[popover]").hidePopover();
  await choose(choice.dataset.set, choice.dataset.value || null);
});
$("#edit-due_on")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  event.currentTarget.hidePopover();
  await choose("due_on", $("input", event.currentTarget).value || null);
});
// ── quick add ──
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-quick], [data-subtask], [data-newitem], [data-people]");
  if (!form) return;
  event.preventDefault();
  const box = holder(form);
  const input = $("input[type=text]", form);
  const text = input?.value.trim();
  if (input && !text) return;
  // The next one may be written while this one is on its way; what did not arrive comes back, where there is room.
  const field = () => document.getElementById(input?.id) ?? input;
  if (input) input.value = "";
  try {
    if ("quick" in form.dataset) {
      const values = JSON.parse(form.closest("[data-values]").dataset.values);
      const made = await send(api("?quick=1"), { json: { title: text, ...values } });
      own.set(made.id, made.result.version);
      hint(text, made.id);
    } else if ("subtask" in form.dataset) {
      const made = await send(api("?quick=1"), { json: { title: text, parent: box.dataset.task } });
      hint(text, made.id);
    }
    else if ("newitem" in form.dataset) await send(api(`${box.dataset.task}/checklist`), { json: { text } });
    else {
      form.hidePopover();
      const chosen = $$("input:checked", form).map((one) => one.value);
      await send(api(`${box.dataset.task}/people`), { method: "PUT", json: { collaborators: chosen } });
    }
    await redraw();
    if (box) await showAgain(box.dataset.task);
    // Whoever has gone on to another field meanwhile stays there.
    if (document.activeElement === document.body) field()?.focus();
  } catch (error) {
    if (input && !field().value) { field().value = text; reveal(field()); }
    tell(error);
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.closest?.("[data-quick]")) { event.target.value = ""; event.target.blur(); }
});

// ── the drawer ──
let opener = null;
let opening = 0, reading = 0;
const isShown = (id) => Boolean(drawer) && !drawer.hidden && drawer.dataset.shown === id;
/** Draws the drawer anew, where it shows this task. */
const showAgain = (id) => (isShown(id) ? show(id, { push: false, again: true }) : Promise.resolve());
async function show(id, { push = true, again = false } = {}) {
  if (!again) opening += 1;
  const mine = opening, read = ++reading;
  let html;
  try { html = await fragment(`/tasks/${id}/panel`); }
  catch (error) {
    if (mine !== opening) return undefined;
    if (error.status === 404) hide();
    return void toast(error.message, { kind: "error" });
  }
  // Another task was opened meanwhile, or none; of two answers for one task the later counts.
  if (mine !== opening || (again && (read !== reading || !isShown(id)))) return undefined;
  // Drawn anew, the drawer keeps what is being written in it, and its comments; an open form and suggestions are waited for.
  const same = !drawer.hidden && drawer.dataset.shown === id;
  const form = same && $("form:popover-open", drawer);
  if (form) return form.addEventListener("toggle", () => showAgain(id), { once: true });
  if (same && $(".sk-suggest", drawer)) return void setTimeout(() => showAgain(id), 400);
  const talk = same && $("stk-talk", drawer);
  const draw = () => { drawer.innerHTML = html; if (talk) $("stk-talk", drawer)?.replaceWith(talk); };
  if (same) keeping(drawer, draw);
  else draw();
  ready(drawer);
  drawer.dataset.shown = id;
  drawer.hidden = false;
  for (const row of $$("[data-task], [data-card]", root)) row.classList.toggle("current", (row.dataset.task ?? row.dataset.card) === id);
  if (!push) return undefined;
  const url = new URL(location.href);
  url.searchParams.set("task", id);
  history.pushState({ task: id }, "", url);
  return $("[data-drawer-close]", drawer).focus();
}
function hide({ push = true } = {}) {
  opening += 1;
  if (drawer.hidden) return;
  drawer.hidden = true;
  drawer.replaceChildren();
  for (const row of $$(".current", root)) row.classList.remove("current");
  const url = new URL(location.href);
  url.searchParams.delete("task");
  if (push) history.pushState({}, "", url);
  (opener?.isConnected ? opener : document.querySelector(`[data-task="${drawer.dataset.shown}"] a`))?.focus();
}
const step = (by) => {
  const ids = $$("tr[data-task], [data-card]", root).filter((one) => one.offsetParent).map((one) => one.dataset.task ?? one.dataset.card);
  const next = ids[ids.indexOf(drawer.dataset.shown) + by];
  if (next) show(next);
};
if (!isPage) {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-open]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) {
      event.preventDefault();
      if (!drawer.contains(link)) opener = link;
      show(link.pathname.split("/")[2]);
    }
    if (event.target.closest("[data-drawer-close]")) hide();
    const by = event.target.closest("[data-step]")?.dataset.step;
    if (by) step(Number(by));
  });
  drawer.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.target.closest("input:not([type=checkbox]), textarea, [popover]")) return;
    if (event.key === "Escape") { event.preventDefault(); hide(); }
    else if (event.key === "ArrowDown" && !event.altKey) { event.preventDefault(); step(1); }
    else if (event.key === "ArrowUp" && !event.altKey) { event.preventDefault(); step(-1); }
  });
  window.addEventListener("popstate", () => {
    const id = new URL(location.href).searchParams.get("task");
    if (id) show(id, { push: false }); else hide({ push: false });
  });
  const asked = new URL(location.href).searchParams.get("task");
  if (asked) show(asked, { push: false });
}

// ── keys on a row ──
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.body.dataset.shortcuts !== "1") return;
  if (event.target.closest("input:not([type=checkbox]), textarea, select, dialog[open], [popover]")) return;
  if (event.key === "c" && writable && !isPage) {
    const input = $("[data-quick] input", root);
    if (input) { event.preventDefault(); input.focus(); }
    return;
  }
  const row = event.target.closest?.("tr[data-task]");
  if (!row) return;
  const edit = { s: "status", p: "priority", a: "owner", d: "due_on" }[event.key];
  if (edit && writable) { event.preventDefault(); openEditor($(`[data-edit="${edit}"]`, row)); }
  else if (event.key === "e") { event.preventDefault(); opener = $("[data-open]", row); show(row.dataset.task); }
});

// ── drag between groups ──
async function sortable() {
  if (!writable || !$("[data-list]", root) || root.dataset.order !== "rank") return;
  const { default: Sortable } = await import("sortablejs");
  let next = null;
  for (const group of $$("tbody[data-group]", root)) {
    if (!Sortable.get(group)) Sortable.create(group, {
      group: { name: "tasks", put: (to) => !("fixed" in to.el.dataset) }, draggable: "tr[data-task]:not([data-child])", animation: 140, delay: 200,
      delayOnTouchOnly: true, forceFallback: true, fallbackTolerance: 4, filter: "input, button", preventOnFilter: false, ghostClass: "sk-placeholder",
      onStart: ({ item }) => { next = item.nextElementSibling; },
      onEnd: async ({ item, from, to, oldIndex, newIndex }) => {
        if (from === to && oldIndex === newIndex) return;
        const near = (node, by) => { do node = node?.[by]; while (node && "child" in node.dataset); return node?.dataset.task ?? null; };
        const refuse = (error) => { if (item.isConnected) from.insertBefore(item, next?.parentElement === from ? next : null); tell(error); };
        await move(item.dataset.task, item.dataset.version, from === to ? {} : moved(from, to), near(item, "previousElementSibling"), near(item, "nextElementSibling"), refuse);
      },
    });
  }
}
/** What a task gets that goes from one group to another: of linked records also which one it was seen with. */
export function moved(from, to) {
  const values = JSON.parse(to.dataset.values);
  if (!("link" in values)) return values;
  const { link, ...others } = values, linked = JSON.parse(from.dataset.values).link;
  return link === linked ? others : { ...values, linked };
}
/** Puts a task between two others and into a group; the page shows what the server made of it. */
export async function move(id, version, values, after, before, refuse) {
  try {
    const answer = await send(api(`${id}/move`), { json: { ...values, after, before, version: seen(id, version) } });
    own.set(id, answer.result.version);
    return true;
  } catch (error) {
    refuse(error);
    return false;
  } finally {
    await redraw().catch(() => {});
  }
}

const drawn = () => { fold(); sortable(); };
document.addEventListener("tasks:drawn", drawn);
drawn();
if (isPage) ready(root);
