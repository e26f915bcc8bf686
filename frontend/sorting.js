// The dialog that sorts a list by several columns.
import { $, $$ } from "./lib.js";

const form = $("[data-sort-form]");
if (form) {
  const list = $("[data-sorts]", form), template = $("template[data-sort-row]"), add = $("[data-sort-add]", form);
  const rows = () => [...list.children];
  const refresh = () => {
    const all = rows();
    add.disabled = all.length >= Number(form.dataset.max);
    all.forEach((row, index) => {
      $("[data-sort-up]", row).disabled = index === 0;
      $("[data-sort-later]", row).disabled = index === all.length - 1;
    });
  };
  const draw = (text) => {
    const row = template.content.firstElementChild.cloneNode(true), field = $("[data-sort-field]", row);
    const taken = rows().map((one) => $("[data-sort-field]", one)?.value);
    field.value = text ? text.replace("-", "") : [...field.options].find((one) => !taken.includes(one.value)).value;
    $("[data-sort-down]", row).value = text?.startsWith("-") ? "-" : "";
    return row;
  };
  for (const start of $$("[data-sort-start]", list)) start.replaceWith(draw(start.dataset.sortStart));
  add.addEventListener("click", () => {
    const row = draw();
    list.append(row);
    refresh();
    $("[data-sort-field]", row).focus();
  });
  list.addEventListener("click", (event) => {
    const button = event.target.closest("button"), row = button?.closest("li");
    if (!row) return;
    const near = row.nextElementSibling ?? row.previousElementSibling;
    if ("sortUp" in button.dataset) row.previousElementSibling?.before(row);
    else if ("sortLater" in button.dataset) row.nextElementSibling?.after(row);
    else row.remove();
    refresh();
    (button.isConnected && !button.disabled ? button : (button.isConnected ? $("[data-sort-field]", row) : (near ? $("[data-sort-field]", near) : add))).focus();
  });
  form.addEventListener("submit", () => {
    const parts = rows().map((row) => `${$("[data-sort-down]", row).value}${$("[data-sort-field]", row).value}`);
    $("[name=sort]", form).value = parts.join(",");
  });
  refresh();
}
