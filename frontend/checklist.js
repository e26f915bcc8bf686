// The check-list of a task, in its drawer and on its page: ticks, removal, and who does a line by when.
import { $, send, tell, toast } from "./lib.js";

const patch = (line, json) => send(`/api/v1/tasks/checklist/${line}`, { method: "PATCH", json });

/** Gives a line its assignee (by the menu of owners) or its due date; its task is then drawn anew. */
export async function assign(line, field, value) {
  const id = line.closest("[data-task]").dataset.task;
  try { await patch(line.dataset.line, { [field === "owner" ? "assignee" : field]: value }); }
  catch (error) { tell(error); }
  document.dispatchEvent(new CustomEvent("task:again", { detail: id }));
}

/** The menus of tasks serve lines too: each time under the name of what it changes. */
export function nameMenu(menu, trigger) {
  menu.dataset.own ??= menu.getAttribute("aria-label");
  menu.setAttribute("aria-label", trigger.dataset.label ?? menu.dataset.own);
}

document.addEventListener("change", async (event) => {
  const tick = event.target.closest("[data-item]");
  if (!tick) return;
  try { await patch(tick.dataset.item, { done: tick.checked }); }
  catch (error) { tick.checked = !tick.checked; toast(error.message, { kind: "error" }); return; }
  tick.closest(".sk-sub").classList.toggle("done", tick.checked);
});
document.addEventListener("click", async (event) => {
  const remove = event.target.closest("[data-item-delete]");
  if (!remove) return;
  const line = remove.closest(".sk-sub");
  try { await send(`/api/v1/tasks/checklist/${remove.dataset.itemDelete}`, { method: "DELETE" }); }
  catch (error) { toast(error.message, { kind: "error" }); return; }
  // Whoever goes by the keyboard stands on the line that took its place, or where a new one is written.
  const near = [line.nextElementSibling, line.previousElementSibling].map((one) => one && $("[data-item-delete]", one)).find(Boolean);
  if (line.contains(document.activeElement)) (near ?? $("[data-newitem] input", line.parentElement))?.focus();
  line.remove();
});
