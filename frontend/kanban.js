// The Kanban of tasks: drag, keyboard and menu do the same move; the server's answer is what stays.
import Sortable from "sortablejs";
import { $, texts } from "./lib.js";
import { place } from "./app.js";
import { board, cardById, cardsOf, columns, fill, position, say, sideways } from "./cards.js";
import { move } from "./tasks.js";

const root = $("[data-tasks]");
const writable = root.dataset.writable === "1";
const narrow = new Set();

async function save(card) {
  const { card: id, version, title } = card.dataset;
  const column = card.closest("[data-column]");
  const done = await move(id, version, JSON.parse(column.dataset.values), card.previousElementSibling?.dataset.card ?? null, card.nextElementSibling?.dataset.card ?? null);
  say(fill(done ? texts.moved : texts.notMoved, { title, column: column.dataset.name }));
  cardById(id)?.focus();
}

board.addEventListener("click", (event) => {
  const column = event.target.closest("[data-column]");
  if (event.target.closest("[data-narrow]")) {
    const { column: key } = column.dataset;
    if (!narrow.delete(key)) narrow.add(key);
    column.classList.toggle("narrow", narrow.has(key));
  }
  if (event.target.closest("[data-add]")) quickAdd(column);
});
function quickAdd(column) {
  const form = $("[data-quick]", column);
  form.hidden = false;
  $("input", form).focus();
}
board.addEventListener("focusout", (event) => {
  const form = event.target.closest("[data-quick]");
  if (form && !event.target.value) form.hidden = true;
});

let lifted = null;
function drawn() {
  lifted = null;
  for (const column of columns()) {
    column.classList.toggle("narrow", narrow.has(column.dataset.column));
    if (document.activeElement?.closest("[data-quick]") === $("[data-quick]", column)) $("[data-quick]", column).hidden = false;
    if (!writable) continue;
    Sortable.create(cardsOf(column), {
      group: "tasks", draggable: "[data-card]", animation: 140, delay: 200, delayOnTouchOnly: true, forceFallback: true, fallbackOnBody: true,
      fallbackTolerance: 4, filter: "[data-card-menu]", preventOnFilter: false, ghostClass: "sk-placeholder", fallbackClass: "drag", scroll: true, bubbleScroll: true,
      onMove: ({ to }) => { for (const other of columns()) other.classList.toggle("drop", other.contains(to)); },
      onEnd: ({ item, from, to, oldIndex, newIndex }) => {
        for (const other of columns()) other.classList.remove("drop");
        if (from !== to || oldIndex !== newIndex) save(item);
      },
    });
  }
}
document.addEventListener("tasks:drawn", drawn);
drawn();

// ── keyboard ──
const where = (card) => ({ column: card.closest("[data-column]"), next: card.nextElementSibling });
board.addEventListener("keydown", (event) => {
  const card = event.target.closest("[data-card]");
  if (!card || event.target !== card) return;
  const side = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const up = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  const neighbour = up && (up < 0 ? card.previousElementSibling : card.nextElementSibling);
  if (writable && event.altKey && side) { event.preventDefault(); if (sideways(card, side)) save(card); return; }
  if (writable && event.key === " ") {
    event.preventDefault();
    if (!lifted) { lifted = { card, ...where(card) }; card.classList.add("lifted"); say(fill(texts.lifted, { title: card.dataset.title })); return; }
    const { column, next } = lifted;
    card.classList.remove("lifted");
    lifted = null;
    if (where(card).column === column && where(card).next === next) say(texts.dropped);
    else save(card);
    return;
  }
  if (lifted?.card === card) {
    if (event.key === "Escape") {
      event.preventDefault();
      if (lifted.next?.isConnected) lifted.next.before(card); else cardsOf(lifted.column).append(card);
      card.classList.remove("lifted");
      lifted = null;
      card.focus();
      say(texts.cancelled);
    } else if (side) { event.preventDefault(); sideways(card, side); position(card); }
    else if (up) { event.preventDefault(); if (neighbour) { if (up < 0) neighbour.before(card); else neighbour.after(card); card.focus(); } position(card); }
    return;
  }
  if (event.key === "Enter") { event.preventDefault(); $("[data-open]", card).click(); }
  else if (up) { event.preventDefault(); neighbour?.focus(); }
  else if (side) { event.preventDefault(); const all = columns(); cardsOf(all[all.indexOf(card.closest("[data-column]")) + side] ?? card.closest("[data-column]")).firstElementChild?.focus(); }
  else if (event.key === "n" && writable) { event.preventDefault(); quickAdd(card.closest("[data-column]")); }
});

// ── menu of a card ──
const menu = $("#card-menu");
let current = null;
document.addEventListener("click", (event) => {
  const trigger = event.target.closest("[data-card-menu]");
  if (trigger) {
    current = trigger.closest("[data-card]");
    const here = current.closest("[data-column]");
    $("[data-targets]", menu).replaceChildren(...columns().map((column) => {
      const item = document.createElement("button");
      Object.assign(item, { className: "sk-mi", type: "button", textContent: column.dataset.name, disabled: column === here });
      item.setAttribute("role", "menuitem");
      item.dataset.target = column.dataset.column;
      return item;
    }));
    menu.showPopover();
    place(menu, trigger.getBoundingClientRect());
    return;
  }
  const target = event.target.closest("#card-menu [data-target]");
  if (target) {
    menu.hidePopover();
    cardsOf($(`[data-column="${target.dataset.target}"]`, board)).prepend(current);
    save(current);
  } else if (event.target.closest("[data-card-open]")) { menu.hidePopover(); $("[data-open]", current).click(); }
});
