// The organization's own fields of a task: small forms of the drawer and of the task's page.
import { $, $$, details, send, tell } from "./lib.js";

const changed = (id) => document.dispatchEvent(new CustomEvent("task:shown", { detail: { id } }));

async function save(form, value) {
  const { task, version } = form.closest("[data-task]").dataset;
  const problem = $("[data-problem]", form), button = $("button:not([type=button])", form);
  if (button.disabled) return;
  button.disabled = true;
  try {
    await send(`/api/v1/tasks/${task}`, { method: "PATCH", json: { custom: { [form.dataset.custom]: value }, version: Number(version) } });
  } catch (error) {
    button.disabled = false;
    if (error.status !== 409) {
      problem.textContent = details(error) || error.message;
      problem.hidden = false;
      return;
    }
    tell(error); // what somebody else wrote meanwhile is shown
  }
  form.hidePopover();
  document.getElementById(`${form.id}-open`)?.focus(); // a button that is switched off has lost the focus
  changed(task);
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-custom]");
  if (!form) return;
  event.preventDefault();
  const value = form.dataset.kind === "multi" ? $$("[name=value]:checked", form).map((one) => one.value) : form.elements.value.value.trim() || null;
  save(form, value);
});
document.addEventListener("click", (event) => {
  const clear = event.target.closest("[data-custom-clear]");
  if (clear) save(clear.form, clear.form.dataset.kind === "multi" ? [] : null);
});
// Opened again, a form says what is stored.
document.addEventListener("toggle", (event) => {
  if (event.newState !== "open" || !event.target.matches?.("[data-custom]")) return;
  event.target.reset();
  $("[data-problem]", event.target).hidden = true;
  $("[name=value]", event.target)?.focus();
}, true);
