// Filters of type, priority and person, the search, and the legend that switches modules on and off.
import { $, $$, number } from "../lib.js";
import * as state from "./state.js";

/** Says in the chips what is filtered. */
function label(form) {
  const values = state.filter(form.dataset.filter);
  const names = $$("input", form).filter((one) => values?.includes(one.value)).map((one) => one.parentElement.textContent.trim());
  const chip = $(`[data-filter-chip="${form.dataset.filter}"]`);
  $("[data-filter-value]", chip).textContent = names.length > 2 ? `${names[0]} +${names.length - 1}` : names.join(", ");
  chip.classList.toggle("dashed", !names.length);
}

const boxes = $$("[data-module]");
export const shown = () => new Set(boxes.filter((one) => one.checked).map((one) => one.value));

/** Wires the controls; ``asked`` runs when REST is to be asked anew, ``drawn`` when what is here suffices. */
export function wire({ asked, drawn }) {
  for (const form of $$("[data-filter]")) {
    for (const one of $$("input", form)) one.checked = state.filter(form.dataset.filter)?.includes(one.value) ?? false;
    label(form);
    form.addEventListener("change", () => {
      const values = $$("input:checked", form).map((one) => one.value);
      state.setFilter(form.dataset.filter, values.length ? values : null);
      label(form);
      asked();
    });
    form.addEventListener("submit", (event) => event.preventDefault());
    $("[data-filter-clear]", form).onclick = () => {
      for (const one of $$("input", form)) one.checked = false;
      form.hidePopover();
      state.setFilter(form.dataset.filter, null);
      label(form);
      asked();
    };
  }
  const only = state.filter("module");
  for (const one of boxes) {
    if (only) one.checked = only.includes(one.value);
    one.addEventListener("change", () => {
      const on = shown();
      state.setFilter("module", on.size === boxes.length || !on.size ? null : [...on]);
      drawn();
    });
  }
  const search = $("[data-cal-search]");
  search.addEventListener("submit", (event) => { event.preventDefault(); state.set({ q: $("input", search).value.trim() }); asked(); });
  $("input", search).addEventListener("search", () => search.requestSubmit());
}

export function count(entries) {
  for (const one of boxes) $("[data-module-count]", one.closest("label")).textContent = number(entries.filter((entry) => entry.module === one.value).length);
}
