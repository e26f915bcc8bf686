// The rest of a long group, and further groups: fetched in place, and again when the page is drawn anew.
import { $, $$, fragment, number, part, tell } from "./lib.js";
import { foldBranches, refillBranches } from "./branches.js";

const root = $("[data-tasks]");
const STEP = 50;
const CELL = "tbody[data-group], [data-column]";
const isTop = (one) => !("child" in one.dataset);
const shownIn = (cell) => $$("tr[data-task], [data-card]", cell).filter(isTop);
const keyOf = (cell) => [cell.dataset.group ?? cell.dataset.column, ...(cell.closest("[data-lane]") ? [cell.closest("[data-lane]").dataset.lane] : [])];

async function bring(cell) {
  const shown = shownIn(cell).length, { dataset } = $("[data-more]", cell);
  const html = await fragment(part("more", [["from", shown + 1], ...keyOf(cell).map((one) => ["in", one])]));
  const holder = document.createElement(cell.tagName);
  holder.innerHTML = html;
  const nameOf = (one) => one.dataset.task ?? one.dataset.card ?? one.dataset.restOf;
  const known = new Set([...cell.querySelectorAll("[data-task], [data-card], [data-rest-of]")].map(nameOf));
  const fresh = [...holder.children].filter((one) => !known.has(nameOf(one)));
  const end = $(".sk-more:not([data-child])", cell);
  if (end) end.before(...fresh);
  else $("[data-cards]", cell).append(...fresh);
  const left = Number(dataset.count) - shownIn(cell).length;
  if (left <= 0 || holder.children.length === 0) (end ?? $("[data-more]", cell)).remove();
  else {
    const text = $("[data-more-text]", cell);
    text.textContent = text.dataset.moreText.replace("{next}", Math.min(STEP, left)).replace("{count}", number(left));
  }
  return fresh[0];
}

const GROUPS = "tbody[data-group], [data-lane]";
const nameOfGroup = (one) => one.dataset.group ?? one.dataset.lane;
/** Brings the next groups, or lanes, of linked records; answers the first of them. */
async function bringGroups(box) {
  const end = $("[data-further]", box);
  const holder = document.createElement(box.tagName);
  holder.innerHTML = await fragment(part("groups", [["from", $("[data-groups]", end).dataset.groups]]));
  const known = new Set($$(GROUPS, box).map(nameOfGroup));
  const fresh = $$(GROUPS, holder).filter((one) => !known.has(nameOfGroup(one)));
  end.replaceWith(...fresh, ...$$("[data-further]", holder));
  return fresh[0];
}

/** Brings into what was drawn anew as much of each group, and of what is below a task, as was shown before. */
export async function refill(before, after) {
  while ($("[data-further]", after) && $$(GROUPS, after).length < $$(GROUPS, before).length) await bringGroups(after);
  for (const old of $$(CELL, before)) {
    const wanted = shownIn(old).length;
    if (wanted <= STEP) continue;
    const cell = $$(CELL, after).find((one) => keyOf(one).join() === keyOf(old).join());
    let left = cell ? Math.ceil((wanted - shownIn(cell).length) / STEP) : 0;
    for (; left > 0 && $("[data-more]", cell); left -= 1) await bring(cell);
  }
  await refillBranches(before, after);
}

root.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-more], [data-groups]");
  if (!button) return;
  button.disabled = true;
  try {
    if ("groups" in button.dataset) {
      const first = await bringGroups(button.closest("[data-list], [data-board]"));
      document.dispatchEvent(new CustomEvent("tasks:drawn"));
      $("button", first ?? root).focus();
    } else {
      const first = await bring(button.closest(CELL));
      foldBranches(root);
      if (first) (first.dataset.card ? first : $("a.t", first)).focus();
    }
    document.dispatchEvent(new CustomEvent("list:changed"));
  } catch (error) { tell(error); }
  button.disabled = false;
});
