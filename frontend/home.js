// The home page: a task is finished, or its approval answered, where it stands.
import "./snooze.js";
import { send, tell, texts, toast } from "./lib.js";

const patch = (id, json) => send(`/api/v1/tasks/${id}`, { method: "PATCH", json });

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-complete]");
  if (!button || button.disabled) return;
  const { complete: id, version, status } = button.dataset;
  button.disabled = true;
  try {
    const before = (await (await fetch(`/api/v1/tasks/${id}`, { headers: { Accept: "application/json" } })).json()).result.status;
    const { result } = await patch(id, { status, version: Number(version) });
    const row = button.closest(".sk-li");
    row.classList.add("done");
    toast(texts.finished, {
      action: {
        label: texts.undo,
        run: () => patch(id, { status: before?.id ?? before, version: result.version })
          .then((answer) => { row.classList.remove("done"); button.dataset.version = answer.result.version; button.disabled = false; })
          .catch(tell),
      },
    });
  } catch (error) {
    button.disabled = false;
    tell(error);
  }
});

async function respond(row, decision, note = "") {
  const buttons = row.querySelectorAll("button");
  for (const one of buttons) one.disabled = true;
  try {
    await send(`/api/v1/tasks/${row.dataset.approval}/decision`, { json: { decision, note } });
    row.classList.add("done");
    toast(texts.answered);
  } catch (error) {
    for (const one of buttons) one.disabled = false;
    tell(error);
  }
}
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-answer]");
  if (button) respond(button.closest("[data-approval]"), button.dataset.answer);
});
document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-changes]");
  if (!form) return;
  event.preventDefault();
  form.hidePopover();
  respond(form.closest("[data-approval]"), "changes", form.elements.note.value);
});
