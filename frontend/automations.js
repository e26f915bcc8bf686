// The page that builds an automation: when, (if: the filter builder,) then; and what it would have done.
import { $, $$, fragment, texts, toast } from "./lib.js";

const form = $("form[data-automation]");
const state = form && JSON.parse($("#automation-state").textContent);
const words = state?.words;
let serial = 0;

const make = (name, props = {}, ...children) => {
  const node = Object.assign(document.createElement(name), props);
  node.append(...children);
  return node;
};

// ── controls ──
/** A labelled control; ``name`` is its parameter, ``wide`` takes the whole row. */
function field(label, control, name, { wide = false, help = "" } = {}) {
  control.id = `auto-${(serial += 1)}`;
  if (name) control.dataset.param = name;
  const box = make("div", { className: `sk-field${wide ? " wide" : ""}` }, make("label", { htmlFor: control.id, textContent: label }), control);
  if (help) {
    box.append(make("p", { className: "sk-help", id: `${control.id}-help`, textContent: help }));
    control.setAttribute("aria-describedby", `${control.id}-help`);
  }
  return box;
}
/** What is kept and no longer on offer stays, under its name. */
const withKept = (pairs, values) => [...pairs, ...values.filter((one) => !pairs.some(([key]) => key === one))
  .map((one) => [one, words.unavailable.replace("{value}", () => state.names[one] ?? one)])];
function select(pairs, value, empty) {
  const node = make("select", { className: "sk-select" });
  const offered = withKept(pairs, [null, undefined, ""].includes(value) ? [] : [String(value)]);
  const all = empty === undefined ? offered : [["", empty], ...offered];
  node.append(...all.map(([key, label]) => make("option", { value: key, textContent: label })));
  if (all.some(([key]) => key === String(value ?? ""))) node.value = String(value ?? "");
  return node;
}
const input = (type, value, props = {}) => make("input", { className: "input", type, value: value ?? "", ...props });
const area = (value, props = {}) => make("textarea", { className: "textarea", rows: 3, value: value ?? "", ...props });
const number = (value, min, max) => input("number", value, { min, max, step: 1 });
const pairsOf = (list) => list.map((one) => [one.name ?? one.key, one.label]);

/** What the controls of a box say: numbers as numbers, nothing for what is left empty. */
function read(box) {
  const found = {};
  for (const one of $$("[data-param]", box)) {
    if (one.disabled || one.closest("[hidden]")) continue;
    const name = one.dataset.param;
    if (one.dataset.raw !== undefined) found[name] = JSON.parse(one.value);
    else if (one.type === "number") found[name] = one.value === "" ? null : Number(one.value);
    else if (one.dataset.list !== undefined) found[name] = $$("input:checked", one).map((check) => check.value);
    else if (one.value !== "") found[name] = one.value;
  }
  return found;
}

function complain(box, path) {
  for (const [key, problems] of Object.entries(state.errors)) {
    if (!key.startsWith(`${path}.`)) continue;
    const control = $(`[data-param="${key.slice(path.length + 1)}"]`, box);
    if (!control) continue;
    const note = make("p", { className: "sk-error", id: `${control.id}-error`, textContent: problems.join(" ") });
    control.setAttribute("aria-invalid", "true");
    control.setAttribute("aria-describedby", [control.getAttribute("aria-describedby"), note.id].filter(Boolean).join(" "));
    control.closest(".sk-field").classList.add("bad");
    control.closest(".sk-field").append(note);
  }
}

// ── when ──
const WORKDAYS = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR";
function cadence(rule = "FREQ=DAILY") {
  if (rule === "FREQ=DAILY") return ["daily"];
  if (rule === WORKDAYS) return ["workdays"];
  const weekly = /^FREQ=WEEKLY;BYDAY=([A-Z]{2})$/.exec(rule), monthly = /^FREQ=MONTHLY;BYMONTHDAY=(\d+)$/.exec(rule);
  if (weekly) return ["weekly", weekly[1]];
  return monthly ? ["monthly", monthly[1]] : ["custom", rule];
}
function schedule(box, params) {
  const [kind, value] = cadence(params.rule);
  const rule = input("hidden", params.rule ?? "FREQ=DAILY");
  rule.dataset.param = "rule";
  const often = select(["daily", "workdays", "weekly", "monthly", "custom"].map((key) => [key, words[key]]), kind);
  const day = field(words.weekday, select(state.weekdays, kind === "weekly" ? value : "MO"));
  const date = field(words.monthday, number(kind === "monthly" ? value : 1, 1, 31));
  const text = field(words.custom, input("text", kind === "custom" ? value : ""));
  const write = () => {
    const now = often.value;
    day.hidden = now !== "weekly";
    date.hidden = now !== "monthly";
    text.hidden = now !== "custom";
    const control = (one) => $("input, select", one).value;
    rule.value = { daily: "FREQ=DAILY", workdays: WORKDAYS, weekly: `FREQ=WEEKLY;BYDAY=${control(day)}`, monthly: `FREQ=MONTHLY;BYMONTHDAY=${control(date)}`, custom: control(text) || "?" }[now];
  };
  box.append(field(words.how_often, often), day, date, text, field(words.at, input("time", params.at ?? "08:00"), "at"), rule);
  box.addEventListener("input", write);
  write();
}
function change(box, params) {
  const chosen = select(pairsOf(state.watched), params.field);
  const values = make("div", { className: "sk-autofields wide" });
  const draw = (now = {}) => {
    const one = state.watched.find((each) => each.key === chosen.value);
    values.replaceChildren();
    values.hidden = !one?.options;
    if (one?.options) values.append(...["from", "to"].map((key) => field(words[key], select(one.options, now[key], words.any), key)));
  };
  chosen.addEventListener("change", () => draw());
  draw(params);
  box.append(field(words.field, chosen, "field"), values);
}
const TRIGGERS = {
  changed: change,
  schedule,
  due_in: (box, params) => box.append(field(words.days_before, number(params.days ?? 3, 0, 365), "days")),
  overdue: (box, params) => box.append(field(words.days_after, number(params.days ?? 1, 1, 365), "days")),
};
function drawTrigger(params) {
  const home = $("[data-trigger]", form), kind = select(pairsOf(state.triggers), params.type);
  const fields = make("div", { className: "sk-autofields wide" });
  const box = make("div", { className: "sk-autofields" }, field(words.event, kind, "type"), fields);
  const draw = (now = {}) => {
    const fresh = fields.cloneNode(false);  // without the listeners of the last kind
    $(":scope > .sk-autofields", box).replaceWith(fresh);
    TRIGGERS[kind.value]?.(fresh, now);
    fresh.hidden = !fresh.childElementCount;
  };
  kind.addEventListener("change", () => draw());
  home.replaceChildren(box);
  draw(params);
  complain(box, "trigger");
}

// ── then ──
const setters = {
  date: (value) => number(value === undefined ? 0 : value && Number(value), -365, 365),
  integer: (value) => input("text", value, { inputMode: "numeric" }),
  money: (value) => input("text", value, { inputMode: "decimal" }),
  long: (value) => area(value),
  tags: (value) => input("text", Array.isArray(value) ? value.join(", ") : value),
};
/** The control of a field's value; what the page cannot draw stays as it is. */
function setter(one, value) {
  if (!one) {
    const kept = input("text", JSON.stringify(value ?? null), { readOnly: true });
    kept.dataset.raw = "1";
    return field(words.value, kept, "value");
  }
  if (one.kind === "date") {
    if (value && !/^[+-]\d+$/.test(value)) return field(words.value, input("date", value), "value");
    const days = setters.date(value);
    days.dataset.days = "1";
    return field(words.days_from, days, "value");
  }
  if (one.kind === "multi") return checks(words.value, "value", one.options, value ?? []);
  if (one.options) return field(words.value, select(one.options, value, one.kind === "bool" ? undefined : words.none), "value");
  return field(words.value, (setters[one.kind] ?? ((now) => input("text", now)))(value), "value");
}
function setField(box, params, { fields }) {
  const chosen = select(pairsOf(fields), params.field);
  const place = make("div");
  const draw = (value) => place.replaceChildren(setter(fields.find((each) => each.key === chosen.value), value));
  chosen.addEventListener("change", () => draw(chosen.value === params.field ? params.value : undefined));
  draw(params.value);
  box.append(field(words.field, chosen, "field"), place);
}
/** What may be named about the records that an action is aimed at: their fields, and the people around them. */
const about = (kind) => state.others[kind] ?? state;
function checks(label, name, pairs, on) {
  const box = make("div", { className: "sk-checks", role: "group", ariaLabel: label, id: `auto-${(serial += 1)}` });
  Object.assign(box.dataset, { list: "", param: name });
  for (const [value, text] of withKept(pairs, on)) {
    box.append(make("label", {}, make("input", { className: "sk-check", type: "checkbox", value, checked: on.includes(value) }), make("span", { textContent: text })));
  }
  return make("div", { className: "sk-field" }, make("span", { className: "sk-label", textContent: label }), box);
}
const group = (name) => state.groups.filter(([key]) => key === name);
const ACTIONS = {
  set_field: setField,
  assign: (box, params) => box.append(field(words.person, select([...group("creator"), ...state.people], params.owner), "owner")),
  create_task: (box, params) => box.append(
    field(words.title, input("text", params.title, { maxLength: 200 }), "title", { wide: true, help: words.fill }),
    field(words.template, select(state.templates, params.template, words.none), "template"),
    field(words.owner, select([...group("owner"), ...group("creator"), ...state.people], params.owner ?? "owner"), "owner"),
    field(words.priority, select(state.priorities, params.priority ?? "P2"), "priority"),
    field(words.due_in, number(params.due_in, 0, 365), "due_in"),
  ),
  comment: (box, params) => box.append(field(words.body, area(params.body, { maxLength: 5000 }), "body", { wide: true, help: words.fill })),
  add_approvers: (box, params) => box.append(
    checks(words.approvers, "approvers", [...group("manager"), ...state.people], params.approvers ?? ["manager"]),
  ),
  notify: (box, params, { groups }) => box.append(
    checks(words.who, "to", [...groups, ...state.people], params.to ?? ["owner"]),
    field(words.priority, select(state.priorities, params.priority ?? "P2"), "priority"),
    field(words.text, area(params.text, { maxLength: 500 }), "text", { wide: true, help: words.fill }),
  ),
  webhook: (box, params) => box.append(field(words.url, input("url", params.url, { maxLength: 2000, placeholder: "https://" }), "url", { wide: true })),
};
function renumber(list) {
  for (const [place, one] of [...list.children].entries()) {
    const label = words.step.replace("{number}", place + 1);
    $("[data-step]", one).textContent = label;
    $("[data-action-remove]", one).setAttribute("aria-label", `${words.remove} ${place + 1}`);
  }
}
function addAction(params = { type: "set_field" }) {
  const list = $("[data-actions]", form);
  const item = $("template[data-action]").content.firstElementChild.cloneNode(true);
  const kind = select(pairsOf(state.kinds), params.type), fields = make("div", { className: "sk-autofields wide" });
  const where = make("div", { className: "sk-field" });
  $("[data-fields]", item).append(field(words.action, kind, "type"), where, fields);
  const kindOf = (name) => state.targets.find((one) => one.name === name)?.kind ?? form.elements.subject.value;
  let target;
  const draw = (now = {}) => {
    fields.replaceChildren();
    ACTIONS[kind.value]?.(fields, now, about(kindOf(target.value)));
  };
  /** What an action of this kind may be aimed at; the record itself, if nothing else is chosen. */
  const aim = (now = {}) => {
    const names = state.kinds.find((one) => one.name === kind.value)?.targets ?? [];
    target = select(state.targets.filter((one) => names.includes(one.name)).map((one) => [one.name, one.label]), now.target ?? names[0]);
    let before = kindOf(target.value);
    target.addEventListener("change", () => {
      const kept = read(fields), fresh = kindOf(target.value);
      if (fresh !== before) {  // another kind has other fields, and other people around it
        delete kept.field;
        delete kept.value;
        const known = [...about(fresh).groups, ...state.people].map(([key]) => key);
        if (kept.to) kept.to = kept.to.filter((one) => known.includes(one));
        draw(kept);
      }
      before = fresh;
    });
    where.replaceChildren(...field(words.target, target, "target").children);
    where.hidden = names.length < 2 && target.options.length < 2;
    draw(now);
  };
  kind.addEventListener("change", () => aim());
  aim(params);
  const place = list.childElementCount;
  list.append(item);
  renumber(list);
  complain(item, `actions.${place}`);
  return kind;
}
function readAction(item) {
  const found = read(item), days = $("[data-days]", item);
  if (days) found.value = days.value === "" ? null : `${Number(days.value) < 0 ? "-" : "+"}${Math.abs(Number(days.value))}`;
  else if (found.type === "set_field") found.value ??= null;
  return found;
}

// ── the form ──
const write = () => {
  const rule = { trigger: read($("[data-trigger]", form)), actions: $$("[data-actions] > li", form).map(readAction) };
  form.elements.rule.value = JSON.stringify(rule);
};
async function tryIt(get, button) {
  const box = $("[data-dry-result]");
  button.disabled = true;
  try {
    box.innerHTML = await get();
    box.closest("section").scrollIntoView({ block: "nearest" });
  } catch (error) {
    toast(error.message, { kind: "error" });
  }
  button.disabled = false;
}
async function draft() {
  const response = await fetch("/settings/automations/dry-run", {
    method: "POST", body: new FormData(form), headers: { Accept: "text/html", "X-Requested-With": "fetch" },
  });
  // 422 says, in the same place, what is missing.
  if (!response.ok && response.status !== 422) throw new Error(texts.failed);
  return response.text();
}

if (form) {
  drawTrigger(state.trigger);
  if (state.actions.length) state.actions.forEach((one) => addAction(one));
  else addAction();
  form.addEventListener("click", (event) => {
    if (event.target.closest("[data-action-add]")) addAction().focus();
    const gone = event.target.closest("[data-action-remove]")?.closest("li");
    if (!gone) return;
    gone.remove();
    renumber($("[data-actions]", form));
    $("[data-action-add]", form).focus();
  });
  // After the filter builder's own listener, which may refuse.
  form.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    write();
    if (!event.submitter?.matches("[data-dry-run]")) return;
    event.preventDefault();
    tryIt(draft, event.submitter);
  });
}
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-dry-saved]");
  if (button) tryIt(() => fragment(button.dataset.drySaved), button);
});
