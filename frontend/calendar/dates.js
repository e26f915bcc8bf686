// Days as texts (2026-11-24) and the words for them; nothing here knows a time zone but the server's.
import { $ } from "../lib.js";

export const settings = JSON.parse($("#calendar-settings").textContent);
export const say = settings.texts;
const lang = document.documentElement.lang;

const date = (day) => new Date(`${day.slice(0, 10)}T00:00Z`);
const text = (value) => value.toISOString().slice(0, 10);
export const plus = (day, count) => { const value = date(day); value.setUTCDate(value.getUTCDate() + count); return text(value); };
export const monday = (day) => plus(day, -((date(day).getUTCDay() + 6) % 7));
export const monthStart = (day) => `${day.slice(0, 7)}-01`;
export function plusMonths(day, count) {
  const value = date(monthStart(day));
  value.setUTCMonth(value.getUTCMonth() + count);
  return text(value);
}
export const format = (day, options) => new Intl.DateTimeFormat(lang, { timeZone: "UTC", ...options }).format(date(day));
export const longDay = (day) => format(day, { weekday: "long", day: "numeric", month: "long" });
export const shortDay = (day) => format(day, { weekday: "short", day: "numeric", month: "short" });
export const capital = (words) => words.charAt(0).toLocaleUpperCase(lang) + words.slice(1);

/** The days that a view shows; a month stands in six whole weeks. */
export function range(view, day) {
  if (view === "week") return [monday(day), plus(monday(day), 6)];
  const first = monthStart(day);
  if (view === "agenda") return [first, plus(plusMonths(day, 1), -1)];
  return [monday(first), plus(monday(first), 41)];
}
export function title(view, day) {
  if (view !== "week") return capital(format(day, { month: "long", year: "numeric" }));
  const [first, last] = range(view, day);
  const same = first.slice(0, 7) === last.slice(0, 7);
  return `${format(first, same ? { day: "numeric" } : { day: "numeric", month: "short" })} – ${format(last, { day: "numeric", month: same ? "long" : "short", year: "numeric" })}`;
}

// ── entries ──
export const keyOf = (entry) => `${entry.kind}:${entry.id}`;
export const dayOf = (entry) => entry.start.slice(0, 10);
export const lastDay = (entry) => (entry.all_day ? plus(entry.end, -1) : entry.start.slice(0, 10));
export const timeOf = (entry) => (entry.all_day ? "" : entry.start.slice(11, 16).replace(/^0/, ""));
export const isLate = (entry) => entry.state === "open" && entry.start !== null && entry.kind !== "opportunity" && lastDay(entry) < settings.today;
export const fill = (words, values) => words.replace(/\{(\w+)\}/g, (_all, key) => values[key]);
