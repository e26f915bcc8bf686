// How an entry looks: a bar or line of the grid, a row of the agenda, a card of the tray.
import { fill, isLate, lastDay, say, settings, timeOf } from "./dates.js";
import { keyOf, dayOf } from "./dates.js";

export const known = new Map();
export const writable = document.querySelector("[data-calendar]").dataset.plans === "1";

export function element(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  const { dataset, html, ...rest } = props;
  Object.assign(node, rest);
  Object.assign(node.dataset, dataset);
  if (html) node.innerHTML = html;
  node.append(...children.filter(Boolean));
  return node;
}
const hidden = (words) => element("span", { className: "sr", textContent: words });

export const classes = (entry) => ["sk-calev", settings.modules[entry.module]?.css ?? "", entry.all_day ? "" : "timed", entry.state === "open" ? "" : "over", isLate(entry) ? "late" : "", entry.movable ? "can" : ""].filter(Boolean).join(" ");
const sign = (entry) => (isLate(entry) ? settings.icons["clock-alert"] : entry.kind === "task" ? settings.modules[entry.module]?.icon : settings.types[entry.type]?.icon) ?? "";

/** The words that only listeners need: what the colour and the strike mean. */
function spoken(entry) {
  const words = [settings.modules[entry.module]?.label, settings.types[entry.type]?.label];
  if (isLate(entry)) words.push(say.late);
  if (entry.state !== "open") words.push(say[entry.state]);
  return words.filter(Boolean).join(", ");
}

export function link(entry, ...children) {
  const node = element("a", { className: "sk-entry", href: entry.url, draggable: false, dataset: { entry: keyOf(entry) } }, ...children);
  if (entry.kind === "task") node.dataset.open = "";
  return node;
}
export function menuButton(entry) {
  const node = element("button", { type: "button", className: "sk-entrymenu", html: settings.icons.ellipsis, dataset: { entryMenu: keyOf(entry) } });
  node.setAttribute("aria-label", fill(say.menuOf, { title: entry.title }));
  node.setAttribute("aria-haspopup", "menu");
  return node;
}

/** Inside a bar of the grid. */
export function bar(entry) {
  const time = timeOf(entry);
  return [
    link(entry, element("span", { className: "sg", html: sign(entry) }), time && element("span", { className: "tm", textContent: time }), element("span", { className: "tt", textContent: entry.title, title: entry.title }), hidden(`, ${spoken(entry)}`)),
    menuButton(entry),
  ];
}

export function row(entry) {
  const module = settings.modules[entry.module];
  const days = entry.all_day ? Math.round((Date.parse(entry.end) - Date.parse(entry.start)) / 864e5) : 1;
  const facts = [module?.label, entry.kind === "task" ? null : settings.types[entry.type]?.label, timeOf(entry) || (entry.kind === "task" && days === 1 ? say.by : null), days > 1 ? fill(say.days, { count: days }) : null];
  if (isLate(entry)) facts.push(say.late);
  if (entry.state !== "open") facts.push(say[entry.state]);
  return element("li", { className: `sk-agrow ${classes(entry)}`, dataset: entry.kind === "task" ? { card: entry.id } : {} },
    element("span", { className: "tile", html: module?.icon ?? "" }),
    link(entry, element("b", { textContent: entry.title }), element("small", { textContent: facts.filter(Boolean).join(" · ") })),
    entry.owner && element("span", { className: "who muted", textContent: entry.owner.name }),
    menuButton(entry));
}

export function card(entry) {
  const priority = settings.priorities[entry.priority];
  const level = priority && element("span", { className: `sk-badge ${priority.css}`, html: priority.icon }, element("span", { textContent: priority.label.split(" ")[0] }));
  const node = element("div", { className: `sk-traycard ${classes(entry)}`, dataset: { trayCard: keyOf(entry), card: entry.id } },
    element("span", { className: "sg", html: settings.modules[entry.module]?.icon ?? "" }),
    element("div", { className: "grow" }, link(entry, element("span", { className: "tt", textContent: entry.title }), hidden(`, ${spoken(entry)}`)), element("div", { className: "row" }, level, entry.owner && element("span", { className: "muted cap clip", textContent: entry.owner.name }))),
    menuButton(entry));
  node.setAttribute("role", "listitem");
  return node;
}

/** On which day an entry stands, in words for a message. */
export const standing = (entry, words) => (entry.start === null ? say.noDate : words(entry.kind === "task" ? lastDay(entry) : dayOf(entry)));
