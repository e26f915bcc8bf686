// When a task comes again, and watching one: forms and buttons of the drawer and of the task's page.
import { $, $$, details, send, toast } from "./lib.js";

const changed = (id) => document.dispatchEvent(new CustomEvent("task:shown", { detail: { id } }));

/** Fills the form from the rule that it was drawn with. */
function fill(form) {
  const parts = Object.fromEntries(form.dataset.recurrence.split(";").filter(Boolean).map((one) => one.split("=")));
  form.elements.interval.value = parts.INTERVAL ?? 1;
  form.elements.freq.value = parts.FREQ ?? "WEEKLY";
  const days = (parts.BYDAY ?? "").split(",");
  for (const one of $$("[name=day]", form)) one.checked = days.includes(one.value);
  if (parts.UNTIL) form.elements.until.value = `${parts.UNTIL.slice(0, 4)}-${parts.UNTIL.slice(4, 6)}-${parts.UNTIL.slice(6, 8)}`;
  $("[data-week]", form).hidden = form.elements.freq.value !== "WEEKLY";
}

/** The rule (RRULE) that the form says. */
function rule(form) {
  const { interval, freq, until } = form.elements;
  const days = $$("[name=day]:checked", form).map((one) => one.value);
  const parts = [`FREQ=${freq.value}`];
  if (interval.value !== "1") parts.push(`INTERVAL=${interval.value}`);
  if (freq.value === "WEEKLY" && days.length) parts.push(`BYDAY=${days.join(",")}`);
  if (until.value) parts.push(`UNTIL=${until.value.replaceAll("-", "")}`);
  return parts.join(";");
}

async function save(form, value) {
  const { task, version } = form.closest("[data-task]").dataset;
  const problem = $("[data-problem]", form);
  try {
    await send(`/api/v1/tasks/${task}/recurrence`, { method: "PUT", json: { rule: value, recurs: form.elements.recurs.value, version: Number(version) } });
    form.hidePopover();
    changed(task);
  } catch (error) {
    problem.textContent = details(error) || error.message;
    problem.hidden = false;
  }
}

document.addEventListener("toggle", (event) => {
  if (event.newState === "open" && event.target.matches?.("[data-recurrence]")) fill(event.target);
}, true);
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-recurrence] [name=freq]")) $("[data-week]", event.target.form).hidden = event.target.value !== "WEEKLY";
});
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-recurrence]")) return;
  event.preventDefault();
  save(event.target, rule(event.target));
});
document.addEventListener("click", async (event) => {
  const none = event.target.closest("[data-no-recurrence]");
  if (none) return save(none.form, null);
  const watch = event.target.closest("[data-watch]");
  if (!watch) return undefined;
  const id = watch.closest("#task-drawer").dataset.shown;
  try {
    await send(`/api/v1/tasks/${id}/watch`, { method: watch.dataset.watch === "yes" ? "POST" : "DELETE", json: {} });
    changed(id);
  } catch (error) {
    toast(details(error) || error.message, { kind: "error" });
  }
  return undefined;
});
