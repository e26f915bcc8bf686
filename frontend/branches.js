// Sub-tasks below their task in the list: folded and unfolded, by mouse and keyboard, and the rest of many of them.
import { $, $$, fragment, keep, kept, part, tell } from "./lib.js";

const KEPT = 500;
const shut = new Set(kept("shut"));
const levelOf = (row) => Number(row.dataset.child ?? 0);

/** Hides what is below folded tasks, however deep. */
export function foldBranches(root) {
  for (const group of $$("tbody[data-group]", root)) {
    let from = Infinity;
    for (const row of $$("tr[data-task], tr[data-rest-of]", group)) {
      const level = levelOf(row);
      if (level <= from) from = Infinity;
      row.classList.toggle("under", level > from);
      const button = $("[data-branch]", row);
      if (!button) continue;
      const folded = shut.has(row.dataset.task);
      button.setAttribute("aria-expanded", String(!folded));
      if (folded && from === Infinity) from = level;
    }
  }
}

function toggle(row) {
  const { task } = row.dataset;
  if (!shut.delete(task)) shut.add(task);
  keep("shut", [...shut].slice(-KEPT));
  foldBranches(row.closest("table"));
  document.dispatchEvent(new CustomEvent("list:changed"));
}

/** Brings the next sub-tasks of the task that a row speaks of; answers the first of them. */
async function bring(row) {
  const { restOf, child } = row.dataset;
  const html = await fragment(part("below", [["in", restOf], ["from", $("[data-rest]", row).dataset.rest], ["level", levelOf(row) - 1]]));
  const holder = document.createElement("tbody");
  holder.innerHTML = html;
  const known = new Set($$("tr[data-task]", row.closest("tbody")).map((one) => one.dataset.task));
  const fresh = [...holder.rows].filter((one) => !known.has(one.dataset.task));
  row.replaceWith(...fresh);
  return fresh.find((one) => one.dataset.child === child);
}

/** Brings into what was drawn anew as much below each task as was shown before. */
export async function refillBranches(before, after) {
  const below = (root, id) => $$(`tr[data-parent="${id}"]`, root).length;
  for (const { dataset } of $$("tr[data-rest-of]", after)) {
    const wanted = below(before, dataset.restOf);
    let row = $(`tr[data-rest-of="${dataset.restOf}"]`, after);
    while (row && below(after, dataset.restOf) < wanted && await bring(row)) row = $(`tr[data-rest-of="${dataset.restOf}"]`, after);
  }
}

document.addEventListener("click", async (event) => {
  const branch = event.target.closest("[data-branch]"), button = event.target.closest("[data-rest]");
  if (branch) toggle(branch.closest("tr"));
  if (!button) return;
  button.disabled = true;
  try {
    const table = button.closest("table"), first = await bring(button.closest("tr"));
    foldBranches(table);
    document.dispatchEvent(new CustomEvent("list:changed"));
    if (first) $("a.t", first).focus();
  } catch (error) { tell(error); button.disabled = false; }
});

// As in any tree: the arrow to the right unfolds or goes in, the one to the left folds or goes out.
document.addEventListener("keydown", (event) => {
  const row = event.target.closest?.("tr[data-task]");
  if (!row || !["ArrowLeft", "ArrowRight"].includes(event.key) || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  if (event.target.closest("input:not([type=checkbox]), [popover]") || document.body.dataset.shortcuts !== "1") return;
  const button = $("[data-branch]", row), isIn = event.key === "ArrowRight";
  const isOpen = button?.getAttribute("aria-expanded") === "true";
  const next = isIn ? isOpen && row.nextElementSibling : document.querySelector(`tr[data-task="${row.dataset.parent}"]`);
  if (button && isOpen !== isIn) toggle(row);
  else if (next) ($("a.t", next) ?? $("button", next)).focus();
  else return;
  event.preventDefault();
});
