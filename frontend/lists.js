// Generated lists: selection and bulk bar, columns, density, the filter builder.
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

const columns = $("[data-columns]");
if (columns) {
  columns.addEventListener("submit", () => {
    $("[name=cols]", columns).value = $$("input[type=checkbox]:checked", columns).map((one) => one.value).join(",");
  });
  import("sortablejs").then(({ default: Sortable }) => Sortable.create($("[data-sortable]", columns), { handle: ".grip", animation: 120 }));
  columns.addEventListener("keydown", (event) => {
    if (!event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    const row = event.target.closest(".sk-colrow");
    if (!row) return;
    event.preventDefault();
    event.stopPropagation();
    const other = event.key === "ArrowUp" ? row.previousElementSibling : row.nextElementSibling;
    if (other) event.key === "ArrowUp" ? other.before(row) : other.after(row);
    $("input", row).focus();
  });
}

// ── the filter builder ──
const form = $("[data-filter-form]");
if (form) {
  const words = JSON.parse($("#filter-texts").textContent);
  const field = $("[data-filter-field]", form), operator = $("[data-filter-operator]", form), control = $("[data-filter-control]", form);
  const option = (value, label) => { const one = document.createElement("option"); one.value = value; one.textContent = label; return one; };
  const labelled = (id, text, node) => {
    const label = document.createElement("label");
    label.htmlFor = id;
    label.textContent = text;
    node.id = id;
    return [label, node];
  };
  const input = (type) => { const one = document.createElement("input"); one.className = "input"; one.type = type; return one; };
  const drawControl = () => {
    const { kind, choices, labels, target } = field.selectedOptions[0].dataset;
    const op = operator.value;
    control.replaceChildren();
    if (op === "empty" || op === "filled") return;
    if (op === "in_period") {
      const select = document.createElement("select");
      select.className = "sk-select";
      for (const [key, text] of Object.entries(words.periods)) select.append(option(key, text));
      control.append(...labelled("filter-value", words.value, select));
    } else if (kind === "bool") {
      const select = document.createElement("select");
      select.className = "sk-select";
      select.append(option("true", words.yes), option("false", words.no));
      control.append(...labelled("filter-value", words.value, select));
    } else if (kind === "enum" || kind === "ref" || kind === "person") {
      const select = document.createElement("select");
      select.className = "sk-select";
      select.multiple = true;
      select.size = 8;
      if (kind === "enum") choices.split(",").forEach((value, index) => select.append(option(value, labels.split("|")[index])));
      else {
        if (kind === "person") select.append(option("me", words.me));
        const search = input("search");
        search.placeholder = words.search;
        search.setAttribute("aria-label", words.search);
        const load = async () => {
          const response = await fetch(`/lookup/${target}?q=${encodeURIComponent(search.value)}`, { headers: { Accept: "application/json" } });
          if (!response.ok) return;
          const { result } = await response.json();
          const kept = [...select.selectedOptions];
          select.replaceChildren(...kept, ...(kind === "person" && !kept.some((one) => one.value === "me") ? [option("me", words.me)] : []),
            ...result.filter((one) => !kept.some((chosen) => chosen.value === one.id)).map((one) => option(one.id, one.name)));
        };
        search.addEventListener("input", load);
        load();
        control.append(...labelled("filter-value", words.value, select));
        control.prepend(search);
        return;
      }
      control.append(...labelled("filter-value", words.value, select));
    } else {
      const type = kind === "date" || kind === "datetime" ? "date" : "text";
      control.append(...labelled("filter-value", words.value, input(type)));
      if (op === "between") control.append(...labelled("filter-value-2", words.and, input(type)));
    }
  };
  const drawOperators = () => {
    operator.replaceChildren(...words.operators[field.selectedOptions[0].dataset.kind].map((key) => option(key, words.labels[key])));
    drawControl();
  };
  field.addEventListener("change", drawOperators);
  operator.addEventListener("change", drawControl);
  form.addEventListener("submit", () => {
    const values = $$("select, input", control).filter((one) => one.id.startsWith("filter-value"))
      .flatMap((one) => (one.multiple ? [...one.selectedOptions].map((chosen) => chosen.value) : [one.value])).filter(Boolean);
    $("[data-filter-value]", form).value = `${field.value}:${operator.value}:${values.map(encodeURIComponent).join(",")}`;
  });
  drawOperators();
}

for (const trigger of $$("form#bulk [data-confirm]")) trigger.addEventListener("click", async (event) => {
  if (trigger.dataset.sure === "1") return;
  event.preventDefault();
  event.stopPropagation();
  const text = trigger.dataset.confirm;
  if (await confirmDialog(text)) { trigger.dataset.sure = "1"; trigger.removeAttribute("data-confirm"); trigger.form.requestSubmit(trigger); }
});
