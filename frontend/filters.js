// The filter builder: conditions in groups of AND and OR, written into the address.
import { $, $$, openDialog } from "./lib.js";

const form = $("[data-filter-form]");
const words = form && { ...JSON.parse($("#filter-texts").textContent), ...JSON.parse($("#filter-start").textContent) };
const root = form && $("[data-filter-root]", form);
// Part of a page's own form, which has no “me”: an automation's.
const isInline = form && "filterInline" in form.dataset;
let serial = 0;

const make = (name, props = {}, ...children) => {
  const node = Object.assign(document.createElement(name), props);
  node.append(...children);
  return node;
};
const option = (value, label) => make("option", { value, textContent: label });
const copy = (name) => $(`template[data-filter-${name}]`).content.firstElementChild.cloneNode(true);
const encode = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
const kindOf = (row) => $("[data-filter-field]", row).selectedOptions[0].dataset.kind;
const isDate = (kind) => kind === "date" || kind === "datetime";

// ── one condition ──
function input(row, type, label, value = "") {
  return make("input", { className: "input", type, value, id: `filter-value-${(serial += 1)}`, ariaLabel: label });
}

function select(row, pairs, chosen) {
  const node = make("select", { className: "sk-select", id: `filter-value-${(serial += 1)}`, ariaLabel: words.value });
  node.append(...pairs.map(([value, label]) => option(value, label)));
  if (chosen && pairs.some(([value]) => value === chosen)) node.value = chosen;
  return node;
}

function checks(box, pairs, chosen) {
  const first = ([value]) => chosen.includes(value);
  for (const [value, label] of [...pairs.filter(first), ...pairs.filter((one) => !first(one))]) {
    const check = make("input", { className: "sk-check", type: "checkbox", value, checked: chosen.includes(value) });
    box.append(make("label", {}, check, make("span", { textContent: label })));
  }
}

/** Boxes to tick; those of records are looked up while one types. */
function choices(row, control, values) {
  const { kind, choices: keys, labels, target } = $("[data-filter-field]", row).selectedOptions[0].dataset;
  const box = make("div", { className: "sk-checks", role: "group", ariaLabel: words.value });
  if (kind === "enum" || kind === "multi") {
    checks(box, keys.split(",").map((value, index) => [value, JSON.parse(labels)[index]]), values);
    return control.append(box);
  }
  const search = input(row, "search", words.search);
  search.placeholder = words.search;
  const me = kind === "person" && !isInline ? [["me", words.me]] : [];
  const load = async () => {
    const kept = $$("input:checked", box).map((one) => [one.value, one.nextSibling.textContent]);
    const response = await fetch(`/lookup/${target}?q=${encodeURIComponent(search.value)}`, { headers: { Accept: "application/json" } });
    if (!response.ok) return;
    const found = [...kept, ...me, ...(await response.json()).result.map((one) => [one.id, one.name])];
    const once = found.filter(([value], index) => found.findIndex(([other]) => other === value) === index);
    box.replaceChildren();
    checks(box, once, kept.map(([value]) => value));
  };
  checks(box, values.map((value) => [value, value === "me" ? words.me : (words.names[value] ?? "–")]), values);
  search.addEventListener("input", load);
  load();
  control.append(search, box);
}

function period(row, control, chosen = "") {
  const any = !(chosen in words.periods) && /^(last|next)_(\d+)$/.exec(chosen);
  const pairs = [...Object.entries(words.periods), ["last_", words.last], ["next_", words.next]];
  const node = select(row, pairs, any ? `${any[1]}_` : chosen);
  const days = input(row, "number", words.days, any ? any[2] : "7");
  Object.assign(days, { min: 1, max: 999 });
  const show = () => { days.hidden = !node.value.endsWith("_"); };
  node.addEventListener("change", show);
  show();
  control.append(node, days);
}

function drawControl(row, values = []) {
  const control = $("[data-filter-control]", row), kind = kindOf(row), operator = $("[data-filter-operator]", row).value;
  control.replaceChildren();
  if (operator === "empty" || operator === "filled") return;
  if (operator === "in_period") period(row, control, values[0]);
  else if (kind === "bool") control.append(select(row, [["true", words.yes], ["false", words.no]], values[0]));
  else if (["enum", "multi", "ref", "person"].includes(kind)) choices(row, control, values);
  else {
    const type = isDate(kind) ? "date" : "text";
    control.append(input(row, type, words.value, kind === "tags" ? values.join(", ") : (values[0] ?? "")));
    if (operator === "between") control.append(input(row, type, words.and, values[1] ?? ""));
  }
}

function drawOperators(row, leaf = {}) {
  const kind = kindOf(row), operator = $("[data-filter-operator]", row);
  const label = (key) => (isDate(kind) && words.dates[key]) || words.labels[key];
  operator.replaceChildren(...words.operators[kind].map((key) => option(key, label(key))));
  // REST's names for the same conditions.
  const alias = { eq: "in", ne: "not_in" }[leaf.operator];
  operator.value = words.operators[kind].includes(leaf.operator) ? leaf.operator : (words.operators[kind].includes(alias) ? alias : operator.options[0].value);
  drawControl(row, leaf.value);
}

function valuesOf(row) {
  const control = $("[data-filter-control]", row);
  if ($(".sk-checks", control)) return $$("input:checked", control).map((one) => one.value);
  const values = $$("input, select", control).filter((one) => !one.hidden).map((one) => one.value.trim());
  if ($("[data-filter-operator]", row).value === "in_period") return [values.join("")];
  return kindOf(row) === "tags" ? values[0]?.split(",").map((one) => one.trim()).filter(Boolean) ?? [] : values;
}

const isMissing = (row) => {
  const needed = !["empty", "filled"].includes($("[data-filter-operator]", row).value);
  const values = valuesOf(row);
  return needed && (values.length === 0 || values.some((one) => !one));
};

// ── groups ──
const itemsOf = (group) => [...$(":scope > [data-filter-items]", group).children];
const depthOf = (group) => { let depth = 1; for (let one = group.parentElement.closest(".sk-condgrp"); one; one = one.parentElement.closest(".sk-condgrp")) depth += 1; return depth; };

function refresh() {
  const groups = $$(".sk-condgrp", root);
  groups.forEach((group, index) => {
    $("legend", group).textContent = `${words.group} ${index + 1}`;
    $("[data-filter-number]", group).textContent = index + 1;
    $(":scope > .row > [data-filter-drop]", group).hidden = index === 0;
    $(":scope > .row > [data-filter-nest]", group).hidden = depthOf(group) >= words.max_depth;
  });
  const rows = $$(".sk-cond", root);
  for (const row of rows) {
    const move = $("[data-filter-move]", row), own = row.closest(".sk-condgrp");
    move.replaceChildren(...groups.map((group, index) => option(index, `${words.group} ${index + 1}`)));
    move.value = groups.indexOf(own);
    move.hidden = groups.length < 2;
  }
  const full = rows.length >= words.max_leaves;
  for (const button of $$("[data-filter-add]", root)) button.disabled = full;
  $("[data-filter-note]", form).textContent = full ? words.full : "";
}

function addRow(group, leaf) {
  const row = copy("row"), field = $("[data-filter-field]", row);
  if (leaf && $$("option", field).some((one) => one.value === leaf.field)) field.value = leaf.field;
  if (!leaf) row.dataset.fresh = "1";
  $(":scope > [data-filter-items]", group).append(row);
  drawOperators(row, leaf);
  row.addEventListener("input", () => { delete row.dataset.fresh; row.classList.remove("bad"); });
  field.addEventListener("change", () => drawOperators(row));
  $("[data-filter-operator]", row).addEventListener("change", () => drawControl(row, kindOf(row) === "bool" ? [] : valuesOf(row)));
  return row;
}

function addGroup(parent, tree = { op: "and", items: [] }) {
  const group = copy("group");
  parent.append(group);
  $("[data-filter-op]", group).value = tree.op ?? "and";
  for (const item of tree.items) item.items ? addGroup($(":scope > [data-filter-items]", group), item) : addRow(group, item);
  return group;
}

function remove(node) {
  const near = node.previousElementSibling ?? node.nextElementSibling;
  const group = node.parentElement.closest(".sk-condgrp");
  node.remove();
  refresh();
  (near ? $("select, input", near) : $(":scope > .row > [data-filter-add]", group)).focus();
}

root?.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const group = button.closest(".sk-condgrp");
  if ("filterAdd" in button.dataset) {
    const row = addRow(group);
    refresh();
    $("[data-filter-field]", row).focus();
  } else if ("filterNest" in button.dataset) {
    const nested = addGroup($(":scope > [data-filter-items]", group), { op: $("[data-filter-op]", group).value === "and" ? "or" : "and", items: [] });
    const row = addRow(nested);
    refresh();
    $("[data-filter-field]", row).focus();
  } else if ("filterRemove" in button.dataset) remove(button.closest(".sk-cond"));
  else if ("filterDrop" in button.dataset) remove(group);
});
root?.addEventListener("change", (event) => {
  const move = event.target.closest("[data-filter-move]");
  if (!move) return;
  const row = move.closest(".sk-cond");
  $(":scope > [data-filter-items]", $$(".sk-condgrp", root)[Number(move.value)]).append(row);
  refresh();
  move.focus();
});

// ── into the address ──
const leafText = (row) => `${$("[data-filter-field]", row).value}:${$("[data-filter-operator]", row).value}:${valuesOf(row).map(encode).join(",")}`;
const isGroup = (node) => node.classList.contains("sk-condgrp");
const isFilled = (node) => !isGroup(node) || itemsOf(node).some(isFilled);
const nodeText = (node) => (isGroup(node) ? `${$("[data-filter-op]", node).value}(${itemsOf(node).filter(isFilled).map(nodeText).join(";")})` : leafText(node));

form?.addEventListener("submit", (event) => {
  for (const row of $$(".sk-cond[data-fresh]", root)) if (isMissing(row)) row.remove();
  refresh();
  const bad = $$(".sk-cond", root).filter(isMissing);
  for (const row of bad) row.classList.add("bad");
  if (bad.length) {
    event.preventDefault();
    $("[data-filter-note]", form).textContent = words.missing;
    ($("[data-filter-control] :is(input, select)", bad[0]) ?? $("select", bad[0])).focus();
    return;
  }
  for (const old of $$("[name=f], [name=t]", form)) old.remove();
  const top = $(".sk-condgrp", root), items = itemsOf(top).filter(isFilled);
  const flat = $("[data-filter-op]", top).value === "and" || items.length < 2;
  const pairs = items.length === 0 ? [] : flat && !items.some(isGroup) ? items.map((row) => ["f", leafText(row)]) : [["t", nodeText(top)]];
  const view = $("[name=view]", form)?.value;
  // A saved view's own filters come back where the address does not say that there are none.
  if (view && view !== "all") for (const key of ["f", "t"]) if (!pairs.some(([name]) => name === key)) pairs.push([key, ""]);
  for (const [name, value] of pairs) form.append(make("input", { type: "hidden", name, value }));
});

function draw() {
  root.replaceChildren();
  return addGroup(root, words.tree);
}

function open(fresh) {
  const top = draw();
  if (fresh || itemsOf(top).length === 0) addRow(top);
  refresh();
  const dialog = form.closest("dialog");
  openDialog(dialog);
  const rows = $$(".sk-cond", root);
  $("[data-filter-field]", rows[fresh ? rows.length - 1 : 0])?.focus();
}

if (isInline) {
  draw();
  refresh();
} else if (form) {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog=add-filter], [data-filter-open]");
    if (!opener) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    open("dialog" in opener.dataset);
  }, true);
}
