// What lies under and over the chart's bars: free days, today, the baseline.
import { gantt } from "dhtmlx-gantt";
import { $, $$ } from "./lib.js";
import { words } from "./plan.js";
import { DAY, eachDay, isFree, local, nameOf } from "./days.js";

const piece = (css, style, title = "") => {
  const node = document.createElement("div");
  node.className = css;
  Object.assign(node.style, style);
  if (title) node.title = title;
  return node;
};
const px = (number) => `${Math.round(number)}px`;

export function drawLayers({ data, baseline }) {
  const area = gantt.$task_data;
  if (!area || !data) return;
  for (const old of $$(".sk-layer, .sk-now", gantt.$container)) old.remove();
  const under = piece("sk-layer", {});
  if (!["month", "quarter"].includes(gantt.$container.dataset.shown)) {
    for (const day of eachDay(local(data.start), local(data.end))) {
      if (!isFree(day)) continue;
      const left = gantt.posFromDate(day);
      under.append(piece("sk-free", { left: px(left), width: px(gantt.posFromDate(new Date(day.getTime() + DAY)) - left) }, nameOf(day)));
    }
  }
  area.prepend(under);
  const over = piece("sk-layer over", {});
  if (baseline && data.baseline) {
    for (const [id, [start, due]] of Object.entries(data.baseline.dates)) {
      if (!gantt.isTaskExists(id) || !gantt.isTaskVisible(id)) continue;
      const left = gantt.posFromDate(local(start ?? due));
      const right = gantt.posFromDate(new Date(local(due ?? start).getTime() + DAY));
      over.append(piece("sk-base", { left: px(left), width: px(Math.max(right - left, 3)), top: px(gantt.getTaskTop(id) + 34) }));
    }
  }
  const now = gantt.posFromDate(new Date(local(data.today).getTime() + DAY / 2));
  if (local(data.today) >= local(data.start) && local(data.today) <= local(data.end)) over.append(piece("sk-today", { left: px(now) }));
  area.append(over);
  drawNow();
}

/** The word above today's line; the scale is drawn anew while the chart scrolls. */
export function drawNow() {
  const line = $(".sk-today", gantt.$container);
  const scale = $(".gantt_task_scale", gantt.$container);
  if (!line || !scale || $(".sk-now", scale)) return;
  const label = piece("sk-now", { left: line.style.left });
  label.textContent = words.today;
  scale.append(label);
}
