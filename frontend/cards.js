// What boards of cards share: their columns, and how a card that moves is placed and spoken of.
import { $, $$, texts } from "./lib.js";

export const board = $("[data-board]");
export const columns = () => $$("[data-column]", board);
export const cardsOf = (column) => $("[data-cards]", column);
export const cardById = (id) => $(`[data-card="${id}"]`, board);
export const say = (text) => { $("[data-announce]").textContent = text; };
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_all, key) => values[key]);

/** Puts a card on top of the column beside its own; false where there is none. */
export function sideways(card, step) {
  const all = columns();
  const target = all[all.indexOf(card.closest("[data-column]")) + step];
  if (!target) return false;
  cardsOf(target).prepend(card);
  card.focus();
  card.scrollIntoView({ block: "nearest", inline: "nearest" });
  return true;
}

/** Says where a lifted card stands. */
export function position(card) {
  const column = card.closest("[data-column]");
  const list = [...cardsOf(column).children];
  say(fill(texts.position, { column: column.dataset.name, index: list.indexOf(card) + 1, count: list.length }));
}
