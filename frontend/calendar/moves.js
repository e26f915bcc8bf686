// Moves: every way to move an entry ends here, with a way back and the other's word when two meet.
import { send, texts, toast } from "../lib.js";
import { dayOf, fill, lastDay, longDay, plus, say, shortDay } from "./dates.js";
import { standing } from "./entries.js";

let reload = () => {};
export const whenMoved = (run) => { reload = run; };
const announce = (words) => { document.querySelector("[data-announce]").textContent = words; };

const ask = (entry, values, version, verb = "move") => send(`/api/v1/calendar/${entry.kind}/${entry.id}/${verb}`, { json: { ...values, version } });

/** Moves an entry; resolves to false when it stays where the server says. */
export async function move(entry, values) {
  let answer;
  try {
    answer = await ask(entry, values, entry.version);
  } catch (error) {
    refuse(entry, error);
    await reload();
    return false;
  }
  const now = answer.result;
  const words = describe(entry, now);
  announce(words);
  toast(words, { action: { label: texts.undo, run: () => undo(entry, now) } });
  await reload(entry);
  return true;
}
/** Marks an entry done. */
export async function finish(entry) {
  try {
    await ask(entry, {}, entry.version, "finish");
    const words = fill(say.finished, { title: entry.title });
    announce(words);
    toast(words);
  } catch (error) {
    refuse(entry, error);
  }
  await reload(entry);
}
async function undo(before, now) {
  try { await ask(now, { start: before.start, end: before.end }, now.version); }
  catch (error) { refuse(now, error); }
  await reload(before);
}
function refuse(entry, error) {
  const { entry: now, by } = error.details ?? {};
  if (error.status !== 409 || !now || now.version === entry.version) {
    toast(error.message, { kind: "error", detail: Object.values(error.errors ?? {}).flat().join(" ") || undefined });
    return;
  }
  const words = fill(by ? say.conflictBy : say.conflict, { title: now.title, name: by, day: standing(now, longDay) });
  announce(words);
  toast(words, { kind: "warn" });
}
function describe(before, now) {
  if (now.start === null) return fill(say.taken, { title: now.title });
  const day = standing(now, shortDay);
  if (before.start === null) return fill(say.planned, { title: now.title, day });
  const resized = before.all_day && lastDay(now) !== dayOf(now) && Date.parse(now.end) - Date.parse(now.start) !== Date.parse(before.end) - Date.parse(before.start);
  return resized ? fill(say.longer, { title: now.title, first: shortDay(dayOf(now)), last: shortDay(lastDay(now)) }) : fill(say.movedTo, { title: now.title, day });
}

/** Some days later (or earlier): what has a time keeps it. */
export function later(entry, days) {
  if (entry.start === null) return null;
  return move(entry, entry.all_day ? { start: plus(entry.start, days), end: plus(entry.end, days) } : { start: plus(dayOf(entry), days) });
}
/** To a day: of a task it is the due date, as in lists. */
export function toDay(entry, day) {
  if (entry.start === null || entry.kind !== "task") return move(entry, { start: day });
  const days = Math.round((Date.parse(day) - Date.parse(lastDay(entry))) / 864e5);
  return days ? later(entry, days) : Promise.resolve(true);
}
