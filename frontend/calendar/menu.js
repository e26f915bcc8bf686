// The menu of an entry: everything that dragging does, without dragging. And the keys of a focused entry.
import { $, $$, texts, toast } from "../lib.js";
import { place } from "../app.js";
import { dayOf, lastDay, say, settings } from "./dates.js";
import { known, writable } from "./entries.js";
import { finish, later, move, toDay } from "./moves.js";

const menu = $("#entry-menu");
const form = $("#move-day");
let current = null;
let anchor = null;

const linkOf = (key) => $$(`[data-entry="${key}"]`).find((one) => one.offsetParent) ?? null;
const entryOf = (key) => known.get(key);

/** Offers what can be done with the entry as it is now. */
function offer() {
  const movable = writable && current.movable;
  const dated = current.start !== null;
  const label = $("[data-entry-move-label]", menu);
  label.textContent = dated ? label.dataset.move : label.dataset.plan;
  $("[data-entry-move]", menu).hidden = !movable;
  for (const one of $$("[data-entry-later]", menu)) one.hidden = !movable || !dated;
  $("[data-entry-finish]", menu).hidden = !writable || !current.finishable;
  $("[data-entry-undate]", menu).hidden = !movable || !dated || current.kind !== "task";
}
/** An open menu speaks of the entry as it has become. */
export function offerAgain() {
  if (!current || !menu.matches(":popover-open")) return;
  current = entryOf(`${current.kind}:${current.id}`);
  if (current) offer();
  else menu.hidePopover();
}
function open(key, box) {
  current = entryOf(key);
  if (!current) return;
  anchor = box;
  offer();
  menu.showPopover();
  place(menu, box);
  $("button:not([hidden])", menu).focus();
}
function askDay() {
  menu.hidePopover();
  const dated = current.start !== null;
  $("input", form).value = dated ? (current.kind === "task" ? lastDay(current) : dayOf(current)) : settings.today;
  form.showPopover();
  place(form, anchor);
  $("input", form).focus();
}
menu.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if ("entryMove" in button.dataset) return askDay();
  menu.hidePopover();
  const key = `${current.kind}:${current.id}`;
  if ("entryOpen" in button.dataset) linkOf(key)?.click();
  else if ("entryFinish" in button.dataset) finish(current);
  else if ("entryUndate" in button.dataset) move(current, { start: null });
  else later(current, Number(button.dataset.entryLater));
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  form.hidePopover();
  toDay(current, $("input", form).value);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-entry-menu]");
  if (button) open(button.dataset.entryMenu, button.getBoundingClientRect());
});
// The right button, a long press where nothing can be dragged, and the keyboard's own key for menus.
document.addEventListener("contextmenu", (event) => {
  const holder = event.target.closest(".sk-calev");
  const link = holder && $("[data-entry]", holder);
  if (!link) return;
  event.preventDefault();
  open(link.dataset.entry, link.getBoundingClientRect());
});

document.addEventListener("keydown", (event) => {
  const link = event.target.closest?.("[data-entry]");
  if (!link || !event.altKey || event.ctrlKey || event.metaKey) return;
  const days = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 }[event.key];
  if (!days) return;
  event.preventDefault();
  event.stopPropagation();
  const entry = entryOf(link.dataset.entry);
  if (!writable || !entry.movable) toast(say.fixed ?? texts.failed, { kind: "warn" });
  else if (entry.start !== null) later(entry, days);
}, true);
