// Days of the calendar as dates at midnight here, and which of them people work on.
export const DAY = 86400000;
const pad = (number) => String(number).padStart(2, "0");
export const iso = (date) => `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
export const local = (text) => { const [year, month, day] = text.split("-").map(Number); return new Date(year, month - 1, day); };
const next = (date, step) => new Date(date.getFullYear(), date.getMonth(), date.getDate() + step);

let free = new Map();
export const setFree = (days) => { free = new Map(days.map(({ day, name }) => [day, name])); };
export const isFree = (date) => date.getDay() % 6 === 0 || free.has(iso(date));
export const nameOf = (date) => free.get(iso(date)) ?? "";

/** The day itself, or the nearest working day in that direction. */
export function onWorkday(date, step) {
  let found = date;
  while (isFree(found)) found = next(found, step);
  return found;
}
/** The day that is ``count`` working days away. */
export function addWorkdays(date, count) {
  let found = date;
  for (let left = Math.abs(count); left > 0; left -= 1) found = onWorkday(next(found, Math.sign(count)), Math.sign(count));
  return found;
}
/** How many working days there are between two days, both included; at least one. */
export function lengthOf(first, last) {
  let count = 0;
  for (let day = first; day <= last; day = next(day, 1)) if (!isFree(day)) count += 1;
  return Math.max(count, 1);
}
/** The days from one to another. */
export function* eachDay(first, last) {
  for (let day = first; day < last; day = next(day, 1)) yield day;
}
