// Generated lists: selection and bulk bar, density; their columns, sorts and filters are beside it.
import "./columns.js";
import "./filters.js";
import "./sorting.js";
import { $, $$, confirmDialog } from "./lib.js";

const table = $("[data-list]");
const bulk = $("#bulk");
if (table && bulk) {
  const boxes = () => $$("tbody .sk-check", table);
  const all = $("[data-select-all]", table);
  let last = null;
  const refresh = () => {
    const chosen = boxes().filter((one) => one.checked);
    bulk.hidden = chosen.length === 0;
    $("[data-selected]", bulk).textContent = chosen.length;
    for (const one of boxes()) one.closest("tr").setAttribute("aria-selected", one.checked);
    all.checked = chosen.length > 0 && chosen.length === boxes().length;
    all.classList.toggle("mixed", chosen.length > 0 && !all.checked);
  };
  table.addEventListener("click", (event) => {
    const box = event.target.closest("tbody .sk-check");
    if (!box) return;
    if (event.shiftKey && last) {
      const list = boxes();
      const [from, to] = [list.indexOf(last), list.indexOf(box)].sort((a, b) => a - b);
      for (const one of list.slice(from, to + 1)) one.checked = box.checked;
    }
    last = box;
    refresh();
  });
  // The rows were drawn anew: what was selected is not any more.
  document.addEventListener("list:changed", refresh);
  all.addEventListener("change", () => { for (const one of boxes()) one.checked = all.checked; refresh(); });
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
    const rows = $$("tbody tr", table);
    const current = document.activeElement.closest?.("tr");
    const index = rows.indexOf(current);
    if (event.key === "j" || event.key === "k") $("a.t", rows[Math.max(0, Math.min(rows.length - 1, index + (event.key === "j" ? 1 : -1)))])?.focus();
    else if (event.key === "x" && current) { $(".sk-check", current).click(); }
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
