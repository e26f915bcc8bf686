// The tray: what has no date yet. Its cards are dragged onto a day, or planned by their menu.
import { Draggable } from "fullcalendar/interaction";
import { $, number } from "../lib.js";
import { card, known, writable } from "./entries.js";

const tray = $("[data-tray]");

export function drawTray(entries, more) {
  tray.replaceChildren(...entries.map(card));
  $("[data-undated-count]").textContent = `${number(entries.length)}${more ? "+" : ""}`;
  $("[data-tray-empty]").hidden = entries.length > 0;
  $("[data-tray-more]").hidden = !more;
}

if (writable) {
  new Draggable(tray, {
    itemSelector: ".sk-traycard.can",
    longPressDelay: 350,
    minDistance: 5,
    eventData: (node) => ({ title: known.get(node.dataset.trayCard)?.title, allDay: true, duration: { days: 1 }, extendedProps: { key: node.dataset.trayCard } }),
  });
}
