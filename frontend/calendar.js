// The calendar: state in the address, entries from REST, drawn as grid or agenda.
import "./css/calendar.css";
import { $, $$, number, pressed, send, texts, toast, until } from "./lib.js";
import { on } from "./live.js";
import { place } from "./app.js";
import "./tasks.js";
import { drawAgenda } from "./calendar/agenda.js";
import { fill, keyOf, longDay, plus, plusMonths, range, say, settings, title } from "./calendar/dates.js";
import { known, writable } from "./calendar/entries.js";
import "./calendar/feed.js";
import * as filters from "./calendar/filters.js";
import * as grid from "./calendar/grid.js";
import { offerAgain } from "./calendar/menu.js";
import { move, whenMoved } from "./calendar/moves.js";
import * as state from "./calendar/state.js";
import { drawTray } from "./calendar/tray.js";

const body = $("[data-cal-body]");
const error = $("[data-cal-error]");
let dated = [], undated = [], more = false;
let waitingForTray = false;

// ── drawing ──
const asList = () => state.phone.matches || state.view() === "agenda";
const period = () => range(state.phone.matches && state.view() === "month" ? "agenda" : state.view(), state.day());

function draw() {
  const modules = filters.shown();
  const entries = dated.filter((entry) => modules.has(entry.module) || !(entry.module in settings.modules));
  $("[data-title]").textContent = title(state.view(), state.day());
  for (const button of $$("[data-view]")) button.setAttribute("aria-pressed", String(button.dataset.view === state.view()));
  const list = asList();
  $("[data-cal-grid]").hidden = list;
  $("[data-cal-agenda]").hidden = !list;
  if (list) drawAgenda(entries, period());
  else {
    if (body.dataset.grid !== "1") {
      body.dataset.grid = "1";
      grid.makeGrid($("[data-cal-grid]"), { view: state.view(), start: state.day(), onDay: quickAdd, onReceive: plan });
    }
    grid.show(state.view(), state.day());
    grid.draw(entries);
  }
  filters.count(dated);
  drawTray(undated.filter((entry) => modules.has(entry.module)), waitingForTray);
  const note = $("[data-cal-note]");
  note.hidden = !more && (entries.length > 0 || list);
  note.textContent = more ? fill(say.tooMany, { count: number(dated.length) }) : say.nothing;
}

const get = async (path, asked) => {
  const response = await fetch(`${path}?${asked}`, { headers: { Accept: "application/json", "X-Requested-With": "fetch" } }).catch(() => null);
  if (!response) throw new Error(texts.offline);
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.message ?? texts.failed);
  return answer;
};

/** Gives the focus back once the grid has drawn, unless it has gone elsewhere since. */
function focusAgain(find) {
  requestAnimationFrame(() => requestAnimationFrame(() => {
    const { activeElement } = document;
    if (activeElement === document.body || !activeElement || body.contains(activeElement)) find()?.focus({ preventScroll: true });
  }));
}

let asking = 0;
async function load(focus = null) {
  const mine = ++asking;
  const [from, to] = period();
  body.setAttribute("aria-busy", "true");
  try {
    const [entries, tray] = await Promise.all([get("/api/v1/calendar", state.query({ from, to })), get("/api/v1/calendar/undated", state.query())]);
    await until(() => pressed() || grid.dragging);
    if (mine !== asking) return;
    ({ result: dated, more } = entries);
    undated = tray.result;
    waitingForTray = tray.more;
    known.clear();
    for (const entry of [...dated, ...undated]) known.set(keyOf(entry), entry);
    error.hidden = true;
    // Of now, not of when the entries were asked for: the focus may have moved meanwhile.
    const held = focus ? keyOf(focus) : document.activeElement?.closest("[data-entry]")?.dataset.entry;
    const heldDay = held ? null : document.activeElement?.closest("[data-day]")?.dataset.day;
    draw();
    offerAgain();
    if (held) focusAgain(() => $$(`[data-entry="${held}"]`).find((one) => one.offsetParent));
    else if (heldDay) focusAgain(() => dayButton(heldDay));
  } catch (failure) {
    if (mine !== asking) return;
    draw();
    error.hidden = false;
    $("[data-cal-message]", error).textContent = failure.message;
  } finally {
    if (mine === asking) body.removeAttribute("aria-busy");
  }
}
whenMoved(load);
$("[data-cal-retry]").onclick = () => load();

let soon = null;
function later() {
  clearTimeout(soon);
  soon = setTimeout(load, 300);
}
/** Loads again for news, unless what is drawn by then has them: of this page's own moves it does. */
function hear({ id, version, change }) {
  const isKnown = () => change !== "deleted" && [...known.values()].some((one) => one.id === id && one.version >= version);
  setTimeout(() => until(() => body.hasAttribute("aria-busy")).then(() => { if (!isKnown()) later(); }), 100);
}
// The tasks' own script tells of tasks; the others speak for themselves.
document.addEventListener("list:changed", later);
on("activity_log:changed", hear);
on("opportunity:changed", hear);
document.addEventListener("live:missed", ({ detail }) => { if (detail.kind !== "task") later(); });

// ── period and view ──
function go(day, view = state.view()) {
  state.set({ date: day === settings.today ? "" : day, view: view === "month" ? "" : view });
  load();
}
const step = (by) => go(state.view() === "week" ? plus(state.day(), 7 * by) : plusMonths(state.day(), by));
for (const button of $$("[data-view]")) button.onclick = () => go(state.day(), button.dataset.view);
for (const button of $$("[data-period]")) button.onclick = () => step(Number(button.dataset.period));
$("[data-today]").onclick = () => go(settings.today);
state.phone.addEventListener("change", () => load());

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || document.body.dataset.shortcuts !== "1") return;
  if (event.target.closest("input, textarea, select, dialog[open], [popover], .sk-drawer, [data-day]")) return;
  const act = {
    m: () => go(state.day(), "month"), w: () => go(state.day(), "week"), a: () => go(state.day(), "agenda"), t: () => go(settings.today),
    c: () => writable && quickAdd(settings.today, $("[data-title]").getBoundingClientRect()),
    ArrowLeft: () => step(-1), ArrowRight: () => step(1),
  }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

// ── days ──
const dayButton = (day) => $$(`[data-day="${day}"]`).find((one) => one.offsetParent);
body.addEventListener("keydown", (event) => {
  const button = event.target.closest("[data-day]");
  const days = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 }[event.key];
  if (!button || !days || event.altKey) return;
  event.preventDefault();
  event.stopPropagation();
  const next = dayButton(plus(button.dataset.day, days));
  if (!next) return;
  for (const one of $$("[data-day]", body)) one.tabIndex = one === next ? 0 : -1;
  next.focus();
});
body.addEventListener("click", (event) => {
  const button = event.target.closest("[data-day]");
  if (button) quickAdd(button.dataset.day, button.getBoundingClientRect());
});

const quick = $("#quick-add");
function quickAdd(day, box) {
  quick.dataset.on = day;
  $("[data-quick-label]", quick).textContent = fill(say.addOn, { day: longDay(day) });
  quick.showPopover();
  place(quick, box);
  $("input", quick).focus();
}
quick.addEventListener("submit", async (event) => {
  event.preventDefault();
  const input = $("input", quick);
  const words = input.value.trim();
  if (!words) return;
  const { on: day } = quick.dataset;
  input.value = ""; // pressed twice, Enter makes one task
  try {
    await send("/api/v1/tasks/?quick=1", { json: { title: words, due_on: day, ...(settings.module ? { module: settings.module } : {}) } });
    quick.hidePopover();
    toast(fill(say.created, { title: words }));
    await load();
    focusAgain(() => dayButton(day));
  } catch (failure) {
    input.value ||= words;
    toast(failure.message, { kind: "error", detail: Object.values(failure.errors ?? {}).flat().join(" ") || undefined });
  }
});

function plan(key, day) {
  const entry = known.get(key);
  if (entry) move(entry, { start: day });
}

filters.wire({ asked: () => load(), drawn: draw });
load();
