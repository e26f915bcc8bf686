// The agenda: the entries of a period, day by day. On a phone it stands for every view.
import { $ } from "../lib.js";
import { capital, dayOf, fill, lastDay, longDay, say, settings } from "./dates.js";
import { element, row } from "./entries.js";

const box = $("[data-cal-agenda]");
let opened = "";

/** Draws what is between two days; days before today wait behind a button. */
export function drawAgenda(entries, [first, last]) {
  const days = new Map();
  for (const entry of entries) {
    const end = lastDay(entry) < last ? lastDay(entry) : last;
    // A long entry stands on its first day here, not on each.
    const at = dayOf(entry) < first ? first : dayOf(entry);
    if (at > last || end < first) continue;
    if (!days.has(at)) days.set(at, []);
    days.get(at).push(entry);
  }
  const sorted = [...days.keys()].sort();
  const earlier = first <= settings.today && settings.today <= last && opened !== first ? sorted.filter((one) => one < settings.today && days.get(one).every((entry) => lastDay(entry) < settings.today)) : [];
  const hiddenCount = earlier.reduce((sum, one) => sum + days.get(one).length, 0);
  const nodes = sorted.filter((one) => !earlier.includes(one)).map((one) => section(one, days.get(one)));
  if (hiddenCount) {
    const button = element("button", { type: "button", className: "btn sk-earlier", textContent: fill(say.earlier, { count: hiddenCount }) });
    Object.assign(button.dataset, { variant: "outline", size: "sm" });
    button.onclick = () => { opened = first; drawAgenda(entries, [first, last]); box.querySelector("a")?.focus(); };
    nodes.unshift(button);
  }
  if (!nodes.length || (hiddenCount && nodes.length === 1)) nodes.push(element("p", { className: "sk-nothing muted", textContent: say.nothing }));
  box.replaceChildren(...nodes);
}

function section(day, entries) {
  const id = `day-${day}`;
  const words = day === settings.today ? `${say.today}, ${longDay(day)}` : longDay(day);
  const list = element("ul", { className: "sk-aglist" }, ...entries.map(row));
  list.setAttribute("aria-labelledby", id);
  return element("section", {}, element("h2", { id, textContent: capital(words) }), list);
}
