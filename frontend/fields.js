// Custom fields in the settings: their order, and the choices of one.
import { $, $$, send, tell } from "./lib.js";

const { default: Sortable } = await import("sortablejs");

/** Rows that are dragged by their grip, or moved with Alt and the arrow keys. */
function movable(list, done = () => {}) {
  Sortable.create(list, { handle: "[data-grip]", draggable: "[data-row]", animation: 120, forceFallback: true, fallbackTolerance: 4, onEnd: done });
  list.addEventListener("keydown", (event) => {
    const row = event.target.closest("[data-row]");
    if (!row || !event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    const other = event.key === "ArrowUp" ? row.previousElementSibling : row.nextElementSibling;
    if (!other) return;
    event.key === "ArrowUp" ? other.before(row) : other.after(row);
    $("[data-grip]", row).focus();
    done();
  });
}

const order = $("[data-order]");
if (order) {
  let waiting = null;
  const store = async () => {
    const form = new FormData();
    form.append("kind", order.dataset.kind);
    for (const one of $$("[data-row]", order)) form.append("field", one.dataset.row);
    try { $("[data-order-said]").textContent = (await send(order.dataset.order, { form })).message; }
    catch (error) { tell(error); }
  };
  movable(order, () => { clearTimeout(waiting); waiting = setTimeout(store, 200); });
}

const blank = $("template[data-choice-row]").content.firstElementChild;
function add(form) {
  const row = blank.cloneNode(true);
  $(".sk-choices", form).append(row);
  return $("[name=choice_label]", row);
}
for (const form of $$("[data-field-form]")) {
  const box = $("[data-choices]", form), list = $(".sk-choices", form);
  movable(list);
  const show = () => {
    const type = $("[data-field-type]", form);
    if (!type) return;
    box.hidden = !["select", "multi"].includes(type.value);
    if (!box.hidden && list.children.length === 0) for (let number = 0; number < 3; number += 1) add(form);
  };
  form.addEventListener("change", (event) => { if (event.target.matches("[data-field-type]")) show(); });
  form.addEventListener("click", (event) => {
    if (event.target.closest("[data-choice-add]")) add(form).focus();
    const remove = event.target.closest("[data-choice-remove]");
    if (!remove) return;
    remove.closest("[data-row]").remove();
    $("[data-choice-add]", form).focus();
  });
  // Enter in a choice goes on to the next one; the form is sent by its button.
  list.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches("[name=choice_label]")) return;
    event.preventDefault();
    const next = event.target.closest("[data-row]").nextElementSibling;
    (next ? $("[name=choice_label]", next) : add(form)).focus();
  });
}
