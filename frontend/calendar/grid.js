// Month and week: FullCalendar draws and drags; what it does is asked of the server.
import "../../node_modules/fullcalendar/skeleton.css";
import { Calendar } from "fullcalendar";
import dayGrid from "fullcalendar/daygrid";
import interaction from "fullcalendar/interaction";
import timeGrid from "fullcalendar/timegrid";
import it from "fullcalendar/locales/it";
import { texts, toast } from "../lib.js";
import { capital, fill, format, keyOf, longDay, say, settings } from "./dates.js";
import { bar, classes, element, known, writable } from "./entries.js";
import { move } from "./moves.js";

const day = (value) => value.toISOString().slice(0, 10);
const clock = () => {
  const parts = new Intl.DateTimeFormat("sv", { timeZone: settings.timezone, dateStyle: "short", timeStyle: "short" });
  return parts.format(new Date()).replace(" ", "T");
};
const asEvent = (entry) => ({
  id: keyOf(entry),
  title: entry.title,
  start: entry.all_day ? entry.start : entry.start.slice(0, 16),
  end: entry.all_day ? entry.end : entry.end.slice(0, 16),
  allDay: entry.all_day,
  startEditable: entry.movable,
  // In a month a day is the smallest step: a meeting's length is changed in the week.
  durationEditable: entry.resizable && (entry.all_day || calendar.view.type === "timeGridWeek"),
});
const entryOf = (event) => known.get(event.id);

// The library hides the words of days and the numbers from listeners, and names the cell instead; ours are
// buttons, and a head without words is none.
const heard = ({ el }) => { for (const one of el.querySelectorAll("[aria-hidden=true]:not(svg)")) one.removeAttribute("aria-hidden"); };

let calendar = null;
export let dragging = false;

function moved({ event, revert }) {
  const entry = entryOf(event);
  if (entry.all_day !== event.allDay) {
    revert();
    toast(entry.all_day ? say.noDay : say.noTime, { kind: "warn" });
    return;
  }
  const start = event.allDay ? event.startStr.slice(0, 10) : event.startStr.slice(0, 16);
  move(entry, entry.kind === "task" ? { start } : { start, end: event.endStr.slice(0, 16) || undefined });
}
function resized({ event }) {
  const length = event.allDay ? 10 : 16;
  move(entryOf(event), { start: event.startStr.slice(0, length), end: event.endStr.slice(0, length) });
}

/** The number of a day: also the button that adds a task there. */
function dayNumber({ date, isToday, isOther, inPopover }) {
  const iso = day(date);
  const label = inPopover ? fill(say.entriesOf, { day: longDay(iso) }) : fill(say.addOn, { day: longDay(iso) });
  const number = element(writable && !inPopover ? "button" : "span", { className: `sk-daynum${isToday ? " today" : ""}${isOther ? " other" : ""}`, textContent: inPopover ? capital(longDay(iso)) : Number(iso.slice(8)) });
  if (number.tagName === "BUTTON") {
    number.type = "button";
    number.dataset.day = iso;
    number.tabIndex = isToday ? 0 : -1;
    number.setAttribute("aria-label", label);
  }
  const month = iso.endsWith("-01") && !inPopover && element("span", { className: "sk-daymonth", textContent: format(iso, { month: "short" }) });
  return { domNodes: [number, month].filter(Boolean) };
}

/** Makes the grid; ``onDay(iso, box)`` is told which empty day was chosen. */
export function makeGrid(node, { view, start, onDay, onReceive }) {
  calendar = new Calendar(node, {
    plugins: [dayGrid, timeGrid, interaction],
    locales: [it],
    locale: document.documentElement.lang,
    timeZone: "UTC",
    now: clock,
    initialView: view === "week" ? "timeGridWeek" : "dayGridMonth",
    initialDate: start,
    headerToolbar: false,
    firstDay: 1,
    height: "100%",
    expandRows: true,
    dayMaxEvents: true,
    nowIndicator: true,
    scrollTime: "07:30",
    slotDuration: "00:30",
    slotHeaderInterval: "01:00",
    slotHeaderFormat: { hour: "2-digit", minute: "2-digit", hour12: false },
    dayHeaderFormat: { weekday: "short" },
    views: { timeGridWeek: { dayHeaderFormat: { weekday: "short", day: "numeric" } } },
    eventDisplay: "block",
    slotMinHeight: 24,
    eventOrder: "start,-duration,title",
    editable: false,
    droppable: writable,
    eventResizableFromStart: true,
    longPressDelay: 350,
    eventDragMinDistance: 5,
    dragRevertDuration: 150,
    eventInteractive: false,
    displayEventTime: false,
    allDayText: say.allDay,
    timedText: say.timed,
    viewDidMount: ({ el }) => { for (const one of el.querySelectorAll("[role=rowheader]:empty")) one.append(element("span", { className: "sr", textContent: say.timed })); },
    moreLinkText: (count) => fill(say.more, { count }),
    moreLinkContent: ({ num }) => fill(say.more, { count: num }),
    eventContent: ({ event, isMirror }) => ({ domNodes: entryOf(event) ? bar(entryOf(event)) : [element("span", { className: "tt", textContent: isMirror ? event.title : "" })] }),
    eventClass: ({ event, isDragging }) => `${entryOf(event) ? classes(entryOf(event)) : "sk-calev"}${isDragging ? " dragging" : ""}`,
    eventDidMount: ({ event, el }) => { if (entryOf(event)?.kind === "task") el.dataset.card = entryOf(event).id; },
    eventInnerClass: "sk-calevin",
    columnEventClass: ({ isShort }) => (isShort ? "col short" : "col"),
    eventShortHeight: 44,
    rowEventClass: "rowev",
    rowEventBeforeClass: ({ isStartResizable }) => (isStartResizable ? "sk-edge first" : "sk-noedge"),
    rowEventAfterClass: ({ isEndResizable }) => (isEndResizable ? "sk-edge last" : "sk-noedge"),
    columnEventBeforeClass: ({ isStartResizable }) => (isStartResizable ? "sk-edge top" : "sk-noedge"),
    columnEventAfterClass: ({ isEndResizable }) => (isEndResizable ? "sk-edge bottom" : "sk-noedge"),
    dayCellTopContent: dayNumber,
    dayCellDidMount: heard,
    dayHeaderDidMount: heard,
    slotHeaderDidMount: heard,
    dayCellClass: ({ date, isToday, isOther }) => `sk-daycell${[0, 6].includes(date.getUTCDay()) ? " weekend" : ""}${isToday ? " today" : ""}${isOther ? " other" : ""}`,
    dayCellTopClass: "sk-daytop",
    dayCellTopInnerClass: "sk-daytopin",
    dayCellInnerClass: "sk-dayin",
    dayHeaderClass: ({ isToday }) => `sk-dayhead${isToday ? " today" : ""}`,
    dayHeaderInnerClass: "sk-dayheadin",
    dayHeaderRowClass: "sk-dayheads",
    dayHeaderAlign: "start",
    dayRowClass: "sk-dayrow",
    dayLaneClass: ({ date, isToday }) => `sk-callane${[0, 6].includes(date.getUTCDay()) ? " weekend" : ""}${isToday ? " today" : ""}`,
    dayLaneInnerClass: "sk-callanein",
    slotLaneClass: ({ isMinor }) => `sk-calslot${isMinor ? " minor" : ""}`,
    slotHeaderClass: "sk-slothead",
    slotHeaderInnerClass: "sk-slotheadin",
    allDayHeaderInnerClass: "sk-slotheadin",
    allDayHeaderClass: "sk-alldayhead",
    allDayDividerClass: "sk-alldayline",
    rowMoreLinkClass: "sk-calmore",
    columnMoreLinkClass: "sk-calmore col",
    popoverClass: "sk-pop sk-daypop",
    popoverCloseClass: "sk-daypopx",
    popoverCloseContent: () => ({ domNodes: [element("span", { html: settings.icons.x })] }),
    closeHint: texts.close,
    highlightClass: "sk-target",
    nowIndicatorLineClass: "sk-nowline",
    eventDragStart: () => { dragging = true; },
    eventDragStop: () => { dragging = false; },
    eventResizeStart: () => { dragging = true; },
    eventResizeStop: () => { dragging = false; },
    eventDrop: moved,
    eventResize: resized,
    eventReceive: ({ event }) => { const { key } = event.extendedProps; const iso = event.startStr.slice(0, 10); event.remove(); onReceive(key, iso); },
    dateClick: ({ dateStr, jsEvent }) => { if (writable && !jsEvent.target.closest("a, button")) onDay(dateStr.slice(0, 10), { left: jsEvent.clientX, right: jsEvent.clientX, top: jsEvent.clientY, bottom: jsEvent.clientY }); },
  });
  calendar.render();
  return calendar;
}

export function show(view, date) {
  const name = view === "week" ? "timeGridWeek" : "dayGridMonth";
  if (calendar.view.type !== name) calendar.changeView(name, date);
  else calendar.gotoDate(date);
}
export function draw(entries) {
  calendar.batchRendering(() => {
    calendar.removeAllEvents();
    calendar.addEventSource(entries.map(asEvent));
  });
}
