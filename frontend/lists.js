// Generated lists: selection and bulk bar, density; their columns, sorts and filters are beside it.
import "./columns.js";
import "./filters.js";
import "./sorting.js";
import { $, $$, confirmDialog } from "./lib.js";

const table = $("[data-list]");
const bulk = $("#bulk");
if (table && bulk) {
  const boxes = () => $$("tbody .sk-check[name=rowid]", table);
  const seen = () => boxes().filter((one) => one.offsetParent);
  // What is below a folded task is not meant when all are.
  const meant = (box) => !box.closest("tr").classList.contains("under");
  const all = $("[data-select-all]", table);
  let last = null;
  const show = (box, chosen, count) => { box.checked = chosen > 0 && chosen === count; box.classList.toggle("mixed", chosen > 0 && !box.checked); };
  const refresh = () => {
    const chosen = boxes().filter((one) => one.checked);
    bulk.hidden = chosen.length === 0;
    $("[data-selected]", bulk).textContent = chosen.length;
    for (const one of boxes()) one.closest("tr").setAttribute("aria-selected", one.checked);
    show(all, chosen.filter(meant).length, boxes().filter(meant).length);
    for (const one of $$("[data-select-group]", table)) {
      const own = $$("[name=rowid]", one.closest("tbody")).filter(meant);
      show(one, own.filter((box) => box.checked).length, own.length);
    }
  };
  /** All from the one chosen last to this one, as they are seen. */
  const range = (box, checked) => {
    const list = seen(), start = boxes().find((one) => one.value === last) ?? box;
    const [from, to] = [list.indexOf(start), list.indexOf(box)].sort((a, b) => a - b);
    for (const one of list.slice(Math.max(0, from), to + 1)) one.checked = checked;
  };
  table.addEventListener("click", (event) => {
    const box = event.target.closest("tbody .sk-check");
    if (!box) return;
    if ("selectGroup" in box.dataset) for (const one of $$("[name=rowid]", box.closest("tbody")).filter(meant)) one.checked = box.checked;
    else if (event.shiftKey && last) range(box, box.checked);
    last = box.name === "rowid" ? box.value : last;
    refresh();
  });
  // The rows were drawn anew: what was selected and is still there stays so.
  document.addEventListener("list:changed", refresh);
  all.addEventListener("change", () => { for (const one of boxes().filter(meant)) one.checked = all.checked; refresh(); });
  $("[data-clear-selection]", bulk).addEventListener("click", () => { for (const one of boxes()) one.checked = false; refresh(); });
  document.addEventListener("click", (event) => {
    const apply = event.target.closest("[data-bulk-apply]");
    if (!apply) return;
    const dialog = apply.closest("dialog");
    for (const [name, value] of [["action", apply.dataset.bulkApply], ["value", $("[name=value]", dialog).value]]) {
      const field = document.createElement("input");
      field.type = "hidden";
      field.name = name;
      field.value = value;
      bulk.append(field);
    }
    bulk.submit();
  });
  document.addEventListener("keydown", (event) => {
    if (event.target.closest("input:not([type=checkbox]), textarea, select, dialog[open]") || event.ctrlKey || event.metaKey || event.altKey || document.body.dataset.shortcuts !== "1") return;
    const list = seen();
    const current = document.activeElement.closest?.("tr");
    const index = list.findIndex((one) => one.closest("tr") === current);
    const step = { j: 1, k: -1 }[event.key.toLowerCase()];
    if (step) {
      const next = list[Math.max(0, Math.min(list.length - 1, index + step))];
      if (!next) return;
      // With Shift the selection goes along.
      if (event.shiftKey) {
        if (index >= 0) list[index].checked = true;
        next.checked = true;
        last = next.value;
        refresh();
      }
      $("a.t", next.closest("tr")).focus();
    } else if (event.key === "x" && index >= 0) list[index].click();
    else if (event.key === "X" && index >= 0) { range(list[index], true); last = list[index].value; refresh(); }
  });
  refresh();
}

for (const button of $$("[data-density]")) {
  const set = (dense) => { for (const one of $$(".sk-table[data-list]")) one.classList.toggle("dense", dense); };
  set(localStorage.getItem("dense") === "1");
  button.addEventListener("click", () => {
    const dense = localStorage.getItem("dense") !== "1";
    localStorage.setItem("dense", dense ? "1" : "0");
    set(dense);
  });
}

for (const trigger of $$("form#bulk [data-confirm]")) trigger.addEventListener("click", async (event) => {
  if (trigger.dataset.sure === "1") return;
  event.preventDefault();
  event.stopPropagation();
  const text = trigger.dataset.confirm;
  if (await confirmDialog(text)) { trigger.dataset.sure = "1"; trigger.removeAttribute("data-confirm"); trigger.form.requestSubmit(trigger); }
});
