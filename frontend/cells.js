// Edits of any column in place: one editor, made for the kind of value.
import { $, $$, details, send } from "./lib.js";
import { place } from "./app.js";

const form = $("#edit-field");
const words = form && JSON.parse($("#editors").textContent);
const box = form && $("[data-editor-field]", form);
const note = form && $("[data-editor-note]", form);
let now = null;

const versionOf = (id) => document.querySelector(`[data-task="${id}"]`)?.dataset.version;
const triggerOf = () => document.querySelector(`[data-task="${now.id}"] [data-edit="${now.spec.key}"]`);
const make = (name, props, ...children) => { const node = Object.assign(document.createElement(name), props); node.append(...children); return node; };

/** What the form sends: text as it is typed, the server reads it. */
const typed = () => {
  if (["people", "multi"].includes(now.spec.kind)) return $$("input:checked", box).map((one) => one.value);
  const { value } = $("input, textarea", box);
  return now.spec.kind === "tags" ? value.split(",").map((one) => one.trim()).filter(Boolean) : value.trim() || null;
};

async function save(value) {
  const { id, spec } = now;
  try {
    // The version that was seen when the editor opened: what others wrote since is not overwritten.
    await now.put(id, now.version, spec.own ? { custom: { [spec.own]: value } } : { [spec.key]: value });
    form.hidePopover();
    await now.redraw();
    triggerOf()?.focus();
  } catch (error) {
    note.hidden = false;
    note.textContent = [error.message, details(error)].filter(Boolean).join(" ");
    if (error.status !== 409) return;
    // What was typed stays; what somebody else wrote is shown beside it, and in the list.
    await now.redraw();
    const there = triggerOf();
    if (there && there.dataset.value !== now.value) note.textContent = words.conflict.replace("{value}", (spec.key === "title" ? there.dataset.value : there.textContent.trim()) || words.nothing);
    if (there) now.value = there.dataset.value;
    now.version = versionOf(id);
  }
}

function option(value, label) {
  const item = make("button", { className: "sk-mi", type: "button", textContent: label });
  item.setAttribute("role", "radio");
  item.setAttribute("aria-checked", String(value === now.value));
  item.addEventListener("click", () => save(value));
  return item;
}

/** Records are looked up while one types. */
function lookup(list) {
  const search = make("input", { className: "input", type: "search", placeholder: words.search, ariaLabel: words.search, autocomplete: "off" });
  const load = async () => {
    const response = await fetch(`/lookup/${now.spec.target}?q=${encodeURIComponent(search.value)}`, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!response?.ok) return;
    const { result } = await response.json();
    list.replaceChildren(...result.filter((one) => one.id !== now.id).map((one) => option(one.id, one.name)));
  };
  search.addEventListener("input", load);
  load();
  box.append(search);
}

/** Boxes to tick, saved together. */
function boxes(choices, chosen) {
  const list = make("div", { className: "sk-picks" });
  list.setAttribute("role", "group");
  list.setAttribute("aria-labelledby", "edit-field-label");
  list.append(...choices.map(([value, text]) => {
    const check = make("input", { className: "sk-check", type: "checkbox", value, checked: chosen.has(value) });
    return make("label", { className: "sk-mi" }, check, text);
  }));
  return list;
}

/** Those who work on a task beside its owner. */
async function people() {
  const mine = now;
  const submit = $("button:not([type])", form);
  submit.hidden = true; // until it is known who they are
  let collaborators;
  try {
    ({ collaborators } = await send(`/api/v1/tasks/${mine.id}/people`, { method: "GET" }));
  } catch (error) {
    note.hidden = false;
    note.textContent = error.message;
    return;
  }
  if (now !== mine) return;
  submit.hidden = false;
  const members = $$("#edit-owner [data-set]").filter((item) => item.dataset.value).map((one) => [one.dataset.value, one.textContent.trim().slice($(".sk-av", one)?.textContent.length ?? 0)]);
  const known = new Set(members.map(([value]) => value));
  // Who has left works on it still, until somebody takes them off.
  const left = collaborators.filter((one) => !known.has(one.id)).map((one) => [one.id, one.name]);
  const list = boxes([...members, ...left], new Set(collaborators.map((one) => one.id)));
  box.append(list);
  $("input", list)?.focus();
}
const putPeople = (id, version, { collaborators }) => send(`/api/v1/tasks/${id}/people`, { method: "PUT", json: { collaborators, version: Number(version) } });

function draw({ spec, value }) {
  const label = make("label", { id: "edit-field-label", textContent: spec.label });
  box.replaceChildren(label);
  const choices = spec.kind === "bool" ? [["true", words.yes], ["false", words.no]] : spec.choices.filter(([key, , gone]) => !gone || value.split(",").includes(key));
  if (spec.kind === "people") {
    $("[data-editor-clear]", form).hidden = true;
    now.put = putPeople;
    return void people();
  }
  if (spec.kind === "multi") {
    $("button:not([type])", form).hidden = false;
    $("[data-editor-clear]", form).hidden = true;
    return box.append(boxes(choices, new Set(value.split(","))));
  }
  const isPick = choices.length > 0 || ["ref", "person"].includes(spec.kind);
  $("button:not([type])", form).hidden = isPick;
  $("[data-editor-clear]", form).hidden = spec.required || spec.kind === "bool" || !value || ["module", "type", "priority", "status"].includes(spec.key);
  if (isPick) {
    const list = make("div", { className: "sk-picks", ariaLabel: spec.label });
    list.setAttribute("role", "radiogroup");
    if (choices.length) list.append(...choices.map(([key, text]) => option(key, text)));
    else lookup(list);
    return box.append(list);
  }
  const isLong = spec.kind === "long";
  const control = make(isLong ? "textarea" : "input", { className: "input", id: "edit-field-input", value, autocomplete: "off" });
  label.htmlFor = control.id;
  if (!isLong) control.type = spec.kind === "date" ? "date" : "text";
  if (isLong) control.rows = 6;
  if (["integer", "decimal", "money", "percent"].includes(spec.kind)) control.inputMode = "decimal";
  if (spec.limit) control.maxLength = spec.limit;
  if (spec.unit) label.append(` (${spec.unit})`);
  return box.append(control);
}

/** Opens the editor of a cell; `put` writes, `redraw` shows what the server has. */
export function openCell(trigger, id, put, redraw) {
  const spec = words?.fields.find((one) => one.key === trigger.dataset.edit);
  if (!spec) return;
  now = { id, spec, put, redraw, value: trigger.dataset.value, version: versionOf(id) };
  note.hidden = true;
  draw(now);
  form.showPopover();
  place(form, trigger.getBoundingClientRect());
  const first = $("[aria-checked=true], input, textarea, [role=radio]", box);
  first?.focus();
  if (first?.select && spec.kind !== "date") first.select();
}

if (form) {
  form.addEventListener("submit", (event) => { event.preventDefault(); save(typed()); });
  $("[data-editor-clear]", form).addEventListener("click", () => save(now.spec.kind === "tags" ? [] : null));
  // Arrows, Home and End are the text's own; from choice to choice they go as in any menu.
  form.addEventListener("keydown", (event) => {
    if (event.target.closest("input, textarea") && !(event.target.type === "search" && event.key === "ArrowDown")) event.stopPropagation();
    if (event.key === "Escape") { const there = triggerOf(); form.hidePopover(); there?.focus(); }
    if (event.key === "Enter" && event.ctrlKey && event.target.tagName === "TEXTAREA") form.requestSubmit();
  });
}
