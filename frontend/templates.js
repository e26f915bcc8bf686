// Templates of tasks: keeping a task as one, making tasks from one, changing what is in one.
import { $, fragment, openDialog, send, toast } from "./lib.js";

const api = (path) => `/api/v1/task-templates/${path}`;

function complain(form, error) {
  const box = $("[data-problem]", form);
  const texts = Object.values(error.errors ?? {}).flat();
  box.textContent = texts.length ? texts.join(" ") : error.message;
  box.hidden = false;
}

// ── what the tasks would be, before they are made ──
let asked = 0;
async function preview(form) {
  const turn = ++asked;
  const { template, when, day } = form.elements;
  const box = $("[data-preview]", form);
  if (!day.value) return box.replaceChildren();
  try {
    const html = await fragment(`/tasks/templates/preview?template=${template.value}&${when.value}=${day.value}`);
    if (turn === asked) box.innerHTML = html;
  } catch (error) {
    if (turn === asked) complain(form, error);
  }
  return undefined;
}

async function open(button) {
  let html;
  try { html = await fragment(button.dataset.templateDialog); }
  catch (error) { return void toast(error.message, { kind: "error" }); }
  const box = document.createElement("div");
  box.innerHTML = html;
  const dialog = $("dialog", box);
  document.getElementById(dialog.id)?.remove();
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  const form = $("[data-from-template]", dialog);
  if (form && button.dataset.choose) form.elements.template.value = button.dataset.choose;
  openDialog(dialog);
  if (form) preview(form);
  return undefined;
}

document.addEventListener("click", async (event) => {
  const opener = event.target.closest("[data-template-dialog]");
  if (opener) return open(opener);
  const edit = event.target.closest("[data-template-item]");
  if (edit) return fill(edit);
  return undefined;
});
document.addEventListener("change", (event) => {
  const form = event.target.closest("[data-from-template]");
  if (!form) return;
  $("[data-problem]", form).hidden = true;
  if (["template", "when", "day"].includes(event.target.name)) preview(form);
});

async function keep(form) {
  const { name, description, keep_owners: owners } = form.elements;
  const json = { task: form.dataset.keepTemplate, name: name.value, description: description.value || null, keep_owners: owners.checked };
  const answer = await send(api("from-task"), { json });
  return `/settings/task-templates/${answer.id}`;
}
async function use(form) {
  const { template, title, when, day, owner } = form.elements;
  const json = { [when.value]: day.value, title: title.value.trim() || null, owner: owner.value || null };
  const answer = await send(api(`${template.value}/use`), { json });
  document.dispatchEvent(new CustomEvent("tasks:changed"));
  return `/tasks/${answer.id}`;
}
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-keep-template], [data-from-template]");
  if (!form) return;
  event.preventDefault();
  const button = $("[type=submit]", form);
  if (button.disabled) return;
  button.disabled = true;
  try {
    const url = await ("keepTemplate" in form.dataset ? keep(form) : use(form));
    form.closest("dialog").close();
    toast(form.dataset.done, { action: { label: form.dataset.see, run: () => location.assign(url) } });
  } catch (error) {
    complain(form, error);
    button.disabled = false;
  }
});

// ── the page of one template ──
function fill(button) {
  const dialog = $("#template-item");
  const form = $("form", dialog);
  form.action = form.dataset.base + button.dataset.templateItem;
  for (const name of ["title", "priority", "estimate", "start", "due"]) form.elements[name].value = button.dataset[name];
  $("[data-remove]", form).hidden = button.dataset.templateItem === "0";
  openDialog(dialog);
}
