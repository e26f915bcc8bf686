// The Kanban of tasks: drag, keyboard and menu do the same move; the server's answer is what stays.
import { $, $$, fill, keep, kept, texts } from "./lib.js";
import { board, cardById, cardKeys, cardMenu, cardsOf, columnAt, columnOf, columns, draggable, dropAll, isSame, put, refused, say, takes, where } from "./cards.js";
import { move, moved } from "./tasks.js";

const root = $("[data-tasks]");
const writable = root.dataset.writable === "1";
const narrow = new Set(kept("narrow"));
const folded = new Set(kept("folded"));

/** Sends a move that the page already shows; the card goes back when the server refuses, or does not answer. */
async function save(card, from) {
  const { card: id, version, title } = card.dataset;
  const column = columnOf(card), to = where(card);
  if (column.closest("[data-lane]")) unfold(column.closest("[data-lane]"));
  // Drawn anew meanwhile, the board has the card where it is.
  const refuse = (error) => { if (card.isConnected) put(card, from); refused(title, error); };
  if (await move(id, version, moved(columnAt(from.stage, from.lane), column), to.after, to.before, refuse)) say(fill(texts.moved, { title, column: column.dataset.name }));
  // Whoever has gone on meanwhile is not called back.
  if (document.activeElement === document.body) cardById(id)?.focus();
}

// ── columns and lanes that are out of the way ──
function lay() {
  for (const one of $$("[data-column], [data-head]", board)) one.classList.toggle("narrow", narrow.has(one.dataset.column ?? one.dataset.head));
  for (const one of $$("[data-lane]", board)) {
    const shut = folded.has(one.dataset.lane);
    one.classList.toggle("folded", shut);
    $("[data-collapse-lane]", one).setAttribute("aria-expanded", String(!shut));
  }
}
function unfold(lane) {
  folded.delete(lane.dataset.lane);
  lay();
}
board.addEventListener("click", (event) => {
  const head = event.target.closest("[data-column], [data-head]");
  const key = head?.dataset.column ?? head?.dataset.head;
  const lane = event.target.closest("[data-lane]");
  if (event.target.closest("[data-narrow]") && !narrow.delete(key)) narrow.add(key);
  if (event.target.closest("[data-collapse-lane]") && !folded.delete(lane.dataset.lane)) folded.add(lane.dataset.lane);
  keep("narrow", narrow);
  keep("folded", folded);
  lay();
  if (event.target.closest("[data-add]")) quickAdd(columns().find((one) => one.dataset.column === key && $("[data-quick]", one)));
});

// ── quick add ──
function quickAdd(column) {
  const form = column && $("[data-quick]", column);
  if (!form) return;
  if (column.closest("[data-lane]")) unfold(column.closest("[data-lane]"));
  form.hidden = false;
  $("input", form).focus();
}
board.addEventListener("focusout", (event) => {
  const form = event.target.closest("[data-quick]");
  if (form && !event.target.value) form.hidden = true;
});

function dropped(card, from) {
  const to = where(card);
  if (isSame(to, from)) return;
  // A board in the order of a field has no places of its own within a column.
  if (root.dataset.order !== "rank" && to.stage === from.stage && to.lane === from.lane) return void put(card, from);
  save(card, from);
}
function drawn() {
  dropAll();
  lay();
  if (writable) for (const column of columns()) draggable(column, { end: dropped });
}
document.addEventListener("tasks:drawn", drawn);
drawn();

cardKeys({ writable, save, open: (card) => $("[data-open]", card).click(), add: quickAdd });

// ── menu of a card ──
const menu = $("#card-menu");
function target(column, here) {
  const item = document.createElement("button");
  Object.assign(item, { className: "sk-mi", type: "button", textContent: column.dataset.name, disabled: column === here || !takes(column, here) });
  item.setAttribute("role", "menuitem");
  item.dataset.target = column.dataset.column;
  item.dataset.lane = column.closest("[data-lane]")?.dataset.lane ?? "";
  return item;
}
if (menu) {
  const chosen = cardMenu(menu, (card) => {
    const here = columnOf(card), lane = here.closest("[data-lane]");
    const others = $$("[data-lane]", board).filter((one) => one !== lane).map((one) => columnAt(here.dataset.column, one.dataset.lane));
    const rule = others.length ? [document.createElement("hr")] : [];
    $("[data-targets]", menu).replaceChildren(...[...$$("[data-column]", lane ?? board), ...rule, ...others].map((one) => (one.dataset.column ? target(one, here) : one)));
  });
  menu.addEventListener("click", (event) => {
    const item = event.target.closest("[data-target]"), card = chosen();
    if (!item && !event.target.closest("[data-card-open]")) return;
    menu.hidePopover();
    if (!item) return void $("[data-open]", card).click();
    const from = where(card);
    cardsOf(columnAt(item.dataset.target, item.dataset.lane || undefined)).prepend(card);
    return void save(card, from);
  });
}
