// What boards of cards share: their columns (in lanes, where there are any), how a card is dragged, taken back, put
// beside, and spoken of.
import Sortable from "sortablejs";
import { $, $$, details, fill, texts, toast } from "./lib.js";
import { place } from "./app.js";

export const board = $("[data-board]");
export const columns = () => $$("[data-column]", board);
export const cardsOf = (column) => $("[data-cards]", column);
export const cardById = (id) => $(`[data-card="${id}"]`, board);
export const say = (text) => { $("[data-announce]").textContent = text; };
export const columnOf = (card) => card.closest("[data-column]");
const laneOf = (node) => node.closest("[data-lane]");

/** The column of that name, in the lane of that name. */
export const columnAt = (stage, lane) => columns().find((one) => one.dataset.column === stage && laneOf(one)?.dataset.lane === lane);

/** Where a card stands, so that it can be put back there. */
export const where = (card) => ({
  stage: columnOf(card).dataset.column,
  lane: laneOf(card)?.dataset.lane,
  after: card.previousElementSibling?.dataset.card ?? null,
  before: card.nextElementSibling?.dataset.card ?? null,
});
export const isSame = (one, other) => one.stage === other.stage && one.lane === other.lane && one.after === other.after && one.before === other.before;

export function put(card, { stage, lane, after, before }) {
  const target = cardsOf(columnAt(stage, lane));
  const above = after && cardById(after);
  const below = before && cardById(before);
  if (below && below.parentElement === target) below.before(card);
  else if (above && above.parentElement === target) above.after(card);
  else target.prepend(card);
}

/** The column beside one, in its lane; or the same column in the lane above or below. */
export function beside(column, { across = 0, down = 0 }) {
  const lane = laneOf(column);
  if (down) {
    const all = $$("[data-lane]", board);
    const other = lane && all[all.indexOf(lane) + down];
    return other && columnAt(column.dataset.column, other.dataset.lane);
  }
  const all = $$("[data-column]", lane ?? board);
  return all[all.indexOf(column) + across];
}

/** Puts a card on top of the column beside its own; false where there is none, or none that takes it. */
export function shift(card, step) {
  const target = beside(columnOf(card), step);
  if (!target || !takes(target, columnOf(card))) return false;
  cardsOf(target).prepend(card);
  card.focus();
  card.scrollIntoView({ block: "nearest", inline: "nearest" });
  return true;
}
export const takes = (target, from) => laneOf(target) === laneOf(from) || !("fixed" in target.dataset);

/** Says where a lifted card stands. */
export function position(card) {
  const column = columnOf(card);
  const list = [...cardsOf(column).children];
  say(fill(texts.position, { column: column.dataset.name, index: list.indexOf(card) + 1, count: list.length }));
}

/** Says why a card went back to where it was. */
export function refused(title, error, reason = error.message) {
  const text = fill(texts.notMoved, { title });
  toast(text, { kind: error.status === 409 ? "warn" : "error", detail: `${reason} ${details(error)}`.trim() });
  say(`${text} ${reason}`);
}

// ── mouse and touch ──
let dragged = null;
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !dragged) return;
  dragged.cancelled = true;
  document.dispatchEvent(new PointerEvent("pointerup", { bubbles: true }));
});

/** Lets cards be dragged into and out of a column. Escape takes a drag back: `end` hears only of those that count. */
export function draggable(column, { start, end, back }) {
  if (Sortable.get(cardsOf(column))) return;
  Sortable.create(cardsOf(column), {
    group: { name: "cards", put: (to, from) => takes(to.el, from.el) },
    draggable: "[data-card]", animation: 140, delay: 200, delayOnTouchOnly: true, forceFallback: true, fallbackOnBody: true,
    fallbackTolerance: 4, filter: "[data-card-menu]", preventOnFilter: false, ghostClass: "sk-placeholder", fallbackClass: "drag",
    scroll: true, bubbleScroll: true,
    onStart: ({ item }) => { dragged = { from: where(item), cancelled: false }; start?.(item); },
    onMove: ({ to }) => { for (const other of columns()) other.classList.toggle("drop", other.contains(to)); },
    onEnd: ({ item }) => {
      // Sortable swallows the click that ends a drag. Where the browser makes none (a dialog has opened, the card is
      // back in its place) it would swallow the next one; this one bubbles to nobody.
      setTimeout(() => document.body.dispatchEvent(new MouseEvent("click")));
      for (const other of columns()) other.classList.remove("drop");
      const { from, cancelled } = dragged;
      dragged = null;
      if (!cancelled) return void end(item, from);
      put(item, from);
      say(texts.cancelled);
      return void back?.(item);
    },
  });
}

// ── menu of a card ──
/** Opens the menu of a card; answers the card that it is open for. `prepare` makes it ready. */
export function cardMenu(menu, prepare) {
  let current = null;
  document.addEventListener("click", (event) => {
    const trigger = event.target.closest("[data-card-menu]");
    if (!trigger) return;
    current = trigger.closest("[data-card]");
    prepare(current);
    menu.showPopover();
    place(menu, trigger.getBoundingClientRect());
  });
  return () => current;
}

// ── keyboard ──
let lifted = null;
/** What a board that was drawn anew must know: nothing is in the hand any more. */
export const dropAll = () => { lifted = null; };

/** Arrows go from card to card; the space bar lifts and drops one, Alt and the arrows move it at once. */
export function cardKeys({ writable, save, hold, release, open, add }) {
  const settle = () => { const { card, from } = lifted; card.classList.remove("lifted"); lifted = null; card.focus(); return from; };
  const steps = { ArrowLeft: { across: -1 }, ArrowRight: { across: 1 }, ArrowUp: { down: -1 }, ArrowDown: { down: 1 } };
  const near = (card, step) => (step.down < 0 ? card.previousElementSibling : card.nextElementSibling);

  function carry(card, step) {
    const other = step.down && near(card, step);
    if (other) { if (step.down < 0) other.before(card); else other.after(card); card.focus(); }
    else shift(card, step);
    position(card);
  }
  function go(card, step) {
    if (step.down && near(card, step)) return near(card, step).focus();
    const next = beside(columnOf(card), step);
    const list = next && cardsOf(next).children;
    return list?.[step.down < 0 ? list.length - 1 : 0]?.focus();
  }
  function toggle(card) {
    if (!lifted) {
      hold?.(card);
      lifted = { card, from: where(card) };
      card.classList.add("lifted");
      return say(fill(texts.lifted, { title: card.dataset.title }));
    }
    const from = settle();
    if (!isSame(where(card), from)) return save(card, from);
    release?.(card);
    return say(texts.dropped);
  }

  board.addEventListener("keydown", (event) => {
    const card = event.target.closest("[data-card]");
    if (!card || event.target !== card || event.ctrlKey || event.metaKey) return;
    const step = steps[event.key];
    if (step) {
      event.preventDefault();
      const from = where(card);
      if (lifted?.card === card) carry(card, step);
      else if (!event.altKey) go(card, step);
      else if (writable && shift(card, step)) save(card, from);
    } else if (event.key === " " && writable) {
      event.preventDefault();
      toggle(card);
    } else if (event.key === "Escape" && lifted?.card === card) {
      event.preventDefault();
      put(card, lifted.from);
      settle();
      release?.(card);
      say(texts.cancelled);
    } else if (event.key === "Enter") { event.preventDefault(); open(card); }
    else if (event.key === "n" && writable) { event.preventDefault(); add(columnOf(card)); }
  });
}
