// The timeline: dhtmlx-gantt as the house draws it. The server decides; the chart shows its answer.
import { gantt } from "dhtmlx-gantt";
import "dhtmlx-gantt/codebase/dhtmlxgantt.css";
import "./css/timeline.css";
import { $, $$, pressed, send, tell, toast, until } from "./lib.js";
import "./tasks.js";
import { api, changed, editLink, fill, layout, link, load, plan, strips, undo, words } from "./plan.js";
import { DAY, addWorkdays, iso, lengthOf, local, onWorkday, setFree } from "./days.js";
import { drawLayers, drawNow } from "./layers.js";

const root = $("[data-tasks]");
const chart = $("[data-gantt]");
const list = $("[data-strips]");
const wide = matchMedia("(min-width: 768px)");
const html = (text) => { const box = document.createElement("i"); box.textContent = text ?? ""; return box.innerHTML.replaceAll('"', "&quot;"); };
const show = { critical: false, baseline: false, data: null };
const lang = document.documentElement.lang;
const format = (options) => (date) => { const text = new Intl.DateTimeFormat(lang, options).format(date); return text[0].toUpperCase() + text.slice(1); };

// ── how it looks ──
const ZOOMS = {
  day: { width: 40, scales: [{ unit: "month", format: format({ month: "long", year: "numeric" }) }, { unit: "day", format: format({ day: "numeric" }) }] },
  week: { width: 126, scales: [{ unit: "month", format: format({ month: "long", year: "numeric" }) }, { unit: "week", format: format({ day: "numeric" }) }] },
  month: { width: 150, scales: [{ unit: "year", format: format({ year: "numeric" }) }, { unit: "month", format: format({ month: "long" }) }] },
  quarter: { width: 200, scales: [{ unit: "year", format: format({ year: "numeric" }) }, { unit: "quarter", format: (date) => fill(words.quarter, { number: Math.floor(date.getMonth() / 3) + 1 }) }] },
};
function zoomTo(name) {
  Object.assign(gantt.config, { scales: ZOOMS[name].scales, min_column_width: ZOOMS[name].width });
  chart.dataset.shown = name;
  for (const button of $$("[data-zoom]")) button.setAttribute("aria-pressed", String(button.dataset.zoom === name));
  const url = new URL(location.href);
  url.searchParams.set("zoom", name);
  history.replaceState(history.state, "", url);
}
function badge(task) {
  if (task.broken.length) return `<span class="sk-badge b-danger" title="${html(task.broken.join(". "))}">${words.linkIcon}${words.broken}<span class="sr">: ${html(task.broken.join(". "))}</span></span>`;
  if (task.blocked) return `<span class="sk-badge b-warn" title="${words.blocked}">${words.lock}<span class="sr">${words.blocked}</span></span>`;
  return "";
}
const isShort = (task) => task.type === "milestone" || gantt.posFromDate(task.end_date) - gantt.posFromDate(task.start_date) < 90;

Object.assign(gantt.config, {
  csp: true, row_height: 40, bar_height: 24, scale_height: 52, grid_width: 368, link_line_width: 1, link_arrow_size: 6, link_wrapper_width: 16,
  show_errors: false, details_on_dblclick: false, details_on_create: false, drag_progress: false, round_dnd_dates: false, duration_unit: "day",
  smart_rendering: false, show_task_cells: true, open_tree_initially: true, readonly: root.dataset.writable !== "1", select_task: true, sort: false,
  keyboard_navigation: false, keyboard_navigation_cells: false, preserve_scroll: true, start_on_monday: true, tooltip: false,
  links: { finish_to_start: "FS", start_to_start: "SS", finish_to_finish: "FF", start_to_finish: "SF" },
  columns: [
    { name: "text", label: words.task, tree: true, width: "*", template: (task) => `<span class="sk-sign g-${task.group}">${task.kind === "milestone" ? words.diamond : words.signs[task.group]}</span><a class="clip t" href="/tasks/${task.id}" data-open>${html(task.text)}</a>${badge(task)}` },
    { name: "face", label: words.owner, width: 88, align: "right", template: (task) => `${task.children ? `<span class="cap faint num">${task.done}%</span>` : ""}${task.face ? `<span title="${html(task.owner_name)}">${task.face}<span class="sr">${html(task.owner_name)}</span></span>` : ""}` },
  ],
});
Object.assign(gantt.templates, {
  grid_folder: () => "", grid_file: () => "", grid_blank: () => '<span class="tog"></span>',
  grid_open: (task) => `<button class="tog gantt_tree_icon gantt_${task.$open ? "close" : "open"}" type="button" aria-expanded="${Boolean(task.$open)}" aria-label="${html(fill(words.fold, { name: task.text }))}">${words.chevron}</button>`,
  grid_row_class: (_start, _end, task) => (task.children ? "ph" : ""),
  task_row_class: (_start, _end, task) => (task.children ? "ph" : ""),
  task_class: (_start, _end, task) => [task.css, task.children && "sum", task.broken.length && "bad", task.closed && "closed", !task.writable && "still",
    show.critical && (task.slack === 0 ? "critical" : "dim")].filter(Boolean).join(" "),
  task_text: (_start, _end, task) => (task.children || isShort(task) ? "" : `<span>${html(task.closed ? "100%" : task.text)}</span>`),
  rightside_text: (_start, _end, task) => (task.children ? "" : isShort(task) || task.closed ? html(task.kind === "milestone" ? `${task.text} · ${task.when}` : task.text) : ""),
  link_class: (one) => [one.broken && "bad", show.critical && (one.critical ? "critical" : "dim")].filter(Boolean).join(" "),
  link_description: (one) => one.broken ?? "",
});

// ── what it shows ──
function toChart(one) {
  const start = local(one.start ?? one.due);
  const end = new Date(local(one.due ?? one.start).getTime() + DAY);
  const children = show.data.tasks.some((other) => other.parent === one.id);
  const isPoint = one.type === "milestone" && !children;
  const noon = new Date(start.getTime() + DAY / 2);
  return {
    ...one, kind: one.type, css: one.module, type: isPoint ? "milestone" : "task", text: one.title, progress: one.done / 100, open: folded.get(one.id) ?? true, children,
    face: show.data.people[one.owner], parent: show.data.tasks.some((other) => other.id === one.parent) ? one.parent : 0,
    start_date: isPoint ? noon : start, end_date: isPoint ? noon : end, readonly: !one.writable, editable: one.writable,
  };
}
const folded = new Map();
const query = () => root.dataset.query;
let turn = 0;
async function draw() {
  const here = ++turn;
  if (!wide.matches) {
    list.innerHTML = await strips(query());
    const said = $("[data-advice-is]", list)?.dataset;
    advise(said && { title: said.adviceIs, text: said.adviceSays });
    return;
  }
  const data = await load(query());
  await until(() => pressed() || (chart.dataset.ready && gantt.getState().drag_id));
  if (here !== turn) return;
  show.data = data;
  setFree(data.free);
  const first = !chart.dataset.ready;
  const focus = document.activeElement?.closest?.("[data-task-id]")?.dataset.taskId;
  const inBar = document.activeElement?.classList.contains("gantt_task_line");
  Object.assign(gantt.config, { start_date: local(data.start), end_date: new Date(local(data.end).getTime() + DAY) });
  if (first) begin();
  const scrolled = gantt.getScrollState();
  gantt.clearAll();
  gantt.parse({ tasks: data.tasks.map(toChart), links: data.links });
  if (first) gantt.scrollTo(Math.max(gantt.posFromDate(local(chart.dataset.at)) - 150, 0), 0);
  else gantt.scrollTo(scrolled.x, scrolled.y);
  if (focus) $(`${inBar ? ".gantt_task_line" : ".gantt_row"}[data-task-id="${focus}"]${inBar ? "" : " a"}`, chart)?.focus();
  around(data);
}
function around({ totals, undated, advice, baseline }) {
  const note = $("[data-note]");
  note.hidden = totals.shown > 0 && totals.shown === totals.all;
  note.textContent = totals.shown ? fill(words.some, { shown: totals.shown, all: totals.all }) : words.empty;
  const chip = $("[data-undated]");
  chip.hidden = !totals.undated;
  $("[data-count]", chip).textContent = totals.undated;
  $("[data-undated-list]").replaceChildren(...undated.map(undatedItem));
  advise(advice);
  const about = baseline && fill(words.taken, { when: new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "short" }).format(new Date(baseline.taken_at)) });
  $("[data-baseline]").title = about ?? "";
  $("[data-baseline]").setAttribute("aria-pressed", String(Boolean(baseline) && show.baseline));
  for (const item of $$("[data-picture=show], [data-picture=remove]")) item.disabled = !baseline;
}
let ignored = null;
function advise(advice) {
  $("[data-advice]").hidden = !advice || advice.title === ignored;
  if (advice) { $("[data-advice-title]").textContent = advice.title; $("[data-advice-text]").textContent = advice.text; }
}
function undatedItem(one) {
  const item = document.createElement("li");
  item.innerHTML = `<form class="row"><a class="grow clip link" href="/tasks/${one.id}">${html(one.title)}</a>${one.writable ? `<label class="sr" for="day-${one.id}">${html(one.title)}</label><input class="input" id="day-${one.id}" type="date" required min="1900-01-01" max="2200-12-31"><button class="btn" data-variant="outline" data-size="sm">${words.set}</button>` : ""}</form>`;
  $("form", item).onsubmit = async (event) => {
    event.preventDefault();
    try { await send(api(one.id), { method: "PATCH", json: { due_on: $("input", item).value, version: one.version } }); toast(words.saved); } catch (error) { tell(error); }
    changed();
  };
  return item;
}

function begin() {
  chart.dataset.ready = "1";
  zoomTo(chart.dataset.shown);
  gantt.attachEvent("onGanttRender", () => { drawLayers(show); reachable(); });
  gantt.attachEvent("onGanttScroll", () => { requestAnimationFrame(drawNow); });
  gantt.attachEvent("onBeforeTaskDrag", (id) => gantt.getTask(id).writable);
  gantt.attachEvent("onBeforeTaskChanged", (id, mode, old) => { dropped(id, mode, old); return true; });
  gantt.attachEvent("onBeforeLinkAdd", (_id, one) => { linked(one); return false; });
  gantt.attachEvent("onCircularLinkError", (one) => { linked(one); });
  gantt.attachEvent("onLinkClick", (id) => { openLink(id); return false; });
  gantt.attachEvent("onLinkDblClick", () => false);
  gantt.attachEvent("onTaskDblClick", () => false);
  gantt.attachEvent("onTaskOpened", (id) => { folded.set(id, true); });
  gantt.attachEvent("onTaskClosed", (id) => { folded.set(id, false); });
  gantt.attachEvent("onTaskClick", (id, event) => {
    if (event.target.closest(".gantt_task_line")) $(`.gantt_row[data-task-id="${id}"] a`, chart)?.click();
    return true;
  });
  gantt.init(chart);
}
/** Every bar and every link can be reached and named without a mouse. */
function reachable() {
  for (const bar of $$(".gantt_task_line", chart)) {
    const task = gantt.getTask(bar.dataset.taskId);
    bar.tabIndex = 0;
    bar.setAttribute("role", "button");
    bar.removeAttribute("aria-label");
    bar.setAttribute("aria-label", [task.text, task.code, task.when, task.late && words.late, task.blocked && words.blocked, ...task.broken,
      show.critical && task.slack !== null && (task.slack ? fill(words.slack, { days: task.slack }) : words.critical)].filter(Boolean).join(", "));
  }
  for (const line of $$(".gantt_task_link", chart)) {
    const one = gantt.getLink(line.dataset.linkId);
    line.setAttribute("role", "button");
    line.tabIndex = 0;
    line.setAttribute("aria-label", one.broken ?? `${gantt.getTask(one.source).text} → ${gantt.getTask(one.target).text}, ${one.type}`);
  }
}

// ── what a person does ──
const dates = (task, first, last) => ({
  start_on: task.start || iso(first) !== iso(last) ? iso(first) : null,
  due_on: task.due || !task.start || iso(first) !== iso(last) ? iso(last) : null,
});
function place(id, first, last) {
  const task = gantt.getTask(id);
  if (!task.writable) return;
  const wanted = dates(task, first, last);
  if (wanted.start_on === task.start && wanted.due_on === task.due) return changed();
  return plan(task, wanted);
}
/** One change after the other, each on what the server last said. */
let queue = Promise.resolve();
let drawing = Promise.resolve();
function enqueue(act) {
  queue = queue.then(() => drawing).then(act).then(() => drawing).catch(tell);
}
/** What has begun already; what is asked for next waits for it. */
const begun = (change) => { queue = Promise.allSettled([queue, change]); };
const round = (date) => local(iso(new Date(date.getTime() + DAY / 2)));
const span = (one) => [local(one.start ?? one.due), local(one.due ?? one.start)];
function dropped(id, mode) {
  const task = gantt.getTask(id);
  const [first, last] = span(task);
  const from = task.type === "milestone" ? local(iso(task.start_date)) : round(task.start_date);
  if (mode === "move") {
    const opening = onWorkday(from, 1);
    begun(place(id, opening, addWorkdays(opening, lengthOf(first, last) - 1)));
  } else if (mode === "resize") {
    const end = local(iso(new Date(round(task.end_date).getTime() - DAY / 2)));
    if (iso(from) !== iso(first)) begun(place(id, from > last ? last : from, last));
    else begun(place(id, first, end < first ? first : end));
  }
}
function linked(one) {
  if (one.type === "SF") return void toast(words.notSF, { kind: "warn" });
  link({ predecessor: one.source, successor: one.target, type: one.type });
}
function openLink(id) {
  const one = gantt.getLink(id);
  if (one.writable) editLink(one, `${gantt.getTask(one.source).text} → ${gantt.getTask(one.target).text}`);
}
/** A working day earlier or later: the bar, or (``end``) its end only. */
function nudge(id, step, end) {
  if (!gantt.isTaskExists(id)) return;
  const [first, last] = span(gantt.getTask(id));
  if (end) return place(id, first, lengthOf(first, last) + step < 1 ? last : addWorkdays(onWorkday(last, -1), step));
  const opening = addWorkdays(onWorkday(first, 1), step);
  return place(id, opening, addWorkdays(opening, lengthOf(first, last) - 1));
}
chart.addEventListener("keydown", (event) => {
  const line = event.target.closest(".gantt_task_link");
  if (line && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); return openLink(line.dataset.linkId); }
  const id = event.target.closest("[data-task-id]")?.dataset.taskId;
  if (!id || !gantt.isTaskExists(id)) return;
  if (event.key === "Enter" && event.target.matches(".gantt_task_line")) { event.preventDefault(); $(`.gantt_row[data-task-id="${id}"] a`, chart)?.click(); }
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step || !event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  event.stopPropagation();
  enqueue(() => nudge(id, step, event.shiftKey));
}, true);
document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.shiftKey || event.key.toLowerCase() !== "z") return;
  if (event.target.closest("input, textarea, [contenteditable], dialog[open]")) return;
  event.preventDefault();
  enqueue(undo);
});

document.addEventListener("click", async (event) => {
  const zoom = event.target.closest("[data-zoom]")?.dataset.zoom;
  if (zoom && chart.dataset.ready) {
    const middle = gantt.dateFromPos(gantt.getScrollState().x + 200);
    zoomTo(zoom);
    gantt.render();
    gantt.scrollTo(gantt.posFromDate(middle) - 200, null);
  }
  if (event.target.closest("[data-fit]") && chart.dataset.ready) fit();
  if (event.target.closest("[data-layout]")) begun(layout(query()));
  const critical = event.target.closest("[data-critical]");
  if (critical) { show.critical = !show.critical; critical.setAttribute("aria-pressed", String(show.critical)); gantt.render(); }
  const picture = event.target.closest("[data-picture]")?.dataset.picture;
  if (picture) pictured(picture);
  if (event.target.closest("[data-advice-close]")) { ignored = $("[data-advice-title]").textContent; $("[data-advice]").hidden = true; }
});
function fit() {
  const all = show.data.tasks.flatMap(span).sort((one, other) => one - other);
  if (!all.length) return;
  const days = (all.at(-1) - all[0]) / DAY + 4;
  const room = chart.clientWidth - gantt.config.grid_width;
  const per = { day: 40, week: 18, month: 5, quarter: 2.2 };
  zoomTo(Object.keys(per).find((one) => per[one] * days <= room) ?? "quarter");
  gantt.render();
  gantt.scrollTo(gantt.posFromDate(all[0]) - 40, 0);
}
async function pictured(what) {
  $("#baseline-menu").hidePopover();
  try {
    if (what === "take") { await send(api("baseline"), { method: "PUT" }); show.baseline = true; toast(words.kept); }
    else if (what === "remove") { await send(api("baseline"), { method: "DELETE" }); show.baseline = false; toast(words.removed); }
    else show.baseline = !show.baseline;
  } catch (error) { tell(error); }
  $("[data-picture=show]").setAttribute("aria-checked", String(show.baseline));
  changed();
}

// One drawing after the other, or an older answer could come last and stay; one that has not begun yet sees all changes.
let waiting = false;
function again() {
  if (waiting) return;
  waiting = true;
  drawing = drawing.then(() => { waiting = false; return draw(); }).catch(tell);
}
document.addEventListener("plan:changed", again);
document.addEventListener("list:changed", again);
wide.addEventListener("change", again);
again();
