// Time on a task: the timer that runs, entries by hand.
import { $, $$, send, tell } from "./lib.js";

const api = (path) => `/api/v1/tasks/${path}`;
const changed = (id) => document.dispatchEvent(new CustomEvent("task:shown", { detail: { id } }));

document.addEventListener("click", async (event) => {
  const timer = event.target.closest("[data-timer]");
  const remove = event.target.closest("[data-time-delete]");
  if (!timer && !remove) return;
  const { task } = (timer ?? remove).closest("[data-task]").dataset;
  try {
    if (remove) await send(api(`time/${remove.dataset.timeDelete}`), { method: "DELETE" });
    else if (timer.dataset.timer === "stop") await send(api("timer"), { method: "DELETE" });
    else await send(api(`${task}/timer`), { json: {} });
    changed(task);
  } catch (error) {
    tell(error);
  }
});

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-logtime]");
  if (!form) return;
  event.preventDefault();
  const { task } = form.closest("[data-task]").dataset;
  const values = new FormData(form);
  try {
    await send(api(`${task}/time`), {
      json: { minutes: Number(values.get("minutes")), day: values.get("day"), note: values.get("note"), billable: values.has("billable") },
    });
    form.hidePopover();
    changed(task);
  } catch (error) {
    tell(error); // the form stays open, with what was typed
  }
});

/** How long a timer has run: 0:07:21. */
const clock = (since) => {
  const seconds = Math.max(0, Math.floor((Date.now() - new Date(since)) / 1000));
  const two = (number) => String(number).padStart(2, "0");
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
};
setInterval(() => {
  for (const one of $$("[data-since]")) $("[data-elapsed]", one).textContent = clock(one.dataset.since);
}, 1000);
