// Links between tasks in the drawer and on a task's page.
import { $, $$, send, toast } from "./lib.js";
import { setup } from "./combo.js";

const api = (path) => `/api/v1/tasks/${path}`;
const again = (node) => document.dispatchEvent(new CustomEvent("task:again", { detail: node.closest("[data-task]").dataset.task }));
async function ask(node, url, options) {
  try {
    await send(url, options);
    again(node);
  } catch (error) {
    toast(error.message, { kind: error.status === 409 ? "warn" : "error", detail: Object.values(error.errors ?? {}).flat().filter((text) => text !== error.message).join(" ") || undefined });
    if (error.status === 409) again(node);
  }
}
/** Search boxes of what was drawn just now. */
export function ready(root) {
  for (const box of $$("[data-newlink] [data-combo]", root)) setup(box);
}
document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-newlink], [data-dependency]");
  if (!form) return;
  event.preventDefault();
  if (!("newlink" in form.dataset)) return;
  const { side, type, task } = form.elements;
  if (!task.value) return $("[role=combobox]", form).focus();
  ask(form, api(`${form.closest("[data-task]").dataset.task}/dependencies`), { json: { [side.value]: task.value, type: type.value } });
});
document.addEventListener("change", (event) => {
  const form = event.target.closest("[data-dependency]");
  if (!form || !form.reportValidity()) return;
  const json = { type: form.elements.type.value, lag: Number(form.elements.lag.value), version: Number(form.dataset.version) };
  ask(form, api(`dependencies/${form.dataset.dependency}`), { method: "PATCH", json });
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-dependency-delete]");
  if (button) ask(button, api(`dependencies/${button.closest("form").dataset.dependency}`), { method: "DELETE" });
});
