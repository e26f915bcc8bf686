// The settings screens: the permission matrix, the branding preview, dialogs that reopen with errors.
import "./copy.js";
import { $, $$, send, toast } from "./lib.js";

// ── a form that came back with errors opens its dialog again ──
for (const one of $$("dialog [data-autoopen]")) {
  const dialog = one.closest("dialog");
  if (!dialog.open) dialog.showModal();
  $("[aria-invalid=true]", one)?.focus();
}

// ── the matrix of a role ──
const SCOPES = ["no", "own", "team", "all"];
const WIDE = ["no", "all"];

function matrix(root) {
  const cells = $$("[data-permission]", root);
  const rows = $$("[data-row]", root);
  const label = { no: root.dataset.textNone, own: root.dataset.textOwn, team: root.dataset.textTeam, all: root.dataset.textAll };
  const icon = (scope) => $(`[data-scope-option=${scope}]`, root).innerHTML;
  const before = new Map(cells.map((cell) => [cell, cell.dataset.scope]));
  const changed = () => cells.filter((cell) => cell.dataset.scope !== before.get(cell));
  let activeOnly = false;
  let saving = false;

  const set = (cell, scope) => {
    cell.classList.remove(...SCOPES);
    cell.classList.add(scope);
    cell.dataset.scope = scope;
    const isChanged = scope !== before.get(cell);
    cell.classList.toggle("chg", isChanged);
    cell.innerHTML = icon(scope);
    cell.append(label[scope]);
    cell.setAttribute("aria-label", `${cell.dataset.name}: ${label[scope]}${isChanged ? `, ${root.dataset.textChanged}` : ""}`);
  };

  const refresh = () => {
    const count = changed().length;
    const bar = $("[data-savebar]", root);
    if (bar) {
      bar.hidden = count === 0;
      $("[data-save-count]", bar).textContent = count === 1 ? root.dataset.textOne : root.dataset.textMany.replace("{count}", count);
    }
    for (const button of $$("[data-matrix-save-label]")) {
      button.hidden = count === 0;
      button.textContent = count === 1 ? root.dataset.textSaveOne : root.dataset.textSaveMany.replace("{count}", count);
    }
    for (const button of $$("[data-matrix-new]")) button.hidden = count > 0;
    for (const module of $$("[data-module]", root)) {
      const all = $$("[data-scope]", module);
      const on = all.filter((one) => one.dataset.scope !== "no").length;
      $("[data-module-count]", module).textContent = root.dataset.textActive.replace("{on}", on).replace("{all}", all.length);
    }
  };

  // The listbox under a cell: Enter opens, arrows choose, Enter takes, Escape leaves.
  const list = document.createElement("div");
  list.className = "sk-pop sk-menu sk-scopes";
  list.id = "scope-list";
  list.setAttribute("role", "listbox");
  list.tabIndex = -1;
  list.popover = "auto";
  root.append(list);
  let owner = null;
  let pressed = null;
  let current = 0;
  const options = () => $$("[role=option]", list);
  const mark = (index) => {
    const all = options();
    current = (index + all.length) % all.length;
    for (const [position, one] of all.entries()) one.classList.toggle("on", position === current);
    list.setAttribute("aria-activedescendant", all[current].id);
  };
  const open = (cell) => {
    owner = cell;
    list.setAttribute("aria-label", `${root.dataset.textReach}: ${cell.dataset.name}`);
    const allowed = "scoped" in cell.dataset ? SCOPES : WIDE;
    list.replaceChildren(...allowed.map((scope) => {
      const option = document.createElement("div");
      option.id = `scope-${scope}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", scope === cell.dataset.scope);
      option.dataset.value = scope;
      const tile = document.createElement("span");
      tile.className = `sk-scope still ${scope}`;
      tile.innerHTML = icon(scope);
      tile.append(label[scope]);
      option.append(tile);
      if (scope === cell.dataset.scope) option.insertAdjacentHTML("beforeend", $("[data-check-icon]", root).innerHTML);
      return option;
    }));
    list.showPopover();
    const box = cell.getBoundingClientRect();
    const left = Math.min(box.left, innerWidth - list.offsetWidth - 8);
    const below = box.bottom + 4 + list.offsetHeight < innerHeight;
    list.style.left = `${Math.max(8, left)}px`;
    list.style.top = `${below ? box.bottom + 4 : Math.max(8, box.top - list.offsetHeight - 4)}px`;
    cell.setAttribute("aria-expanded", "true");
    list.focus();
    mark(allowed.indexOf(cell.dataset.scope));
  };
  const close = (focus) => {
    const cell = owner;
    if (list.matches(":popover-open")) list.hidePopover();
    if (focus) cell?.focus();
  };
  const take = (option) => {
    set(owner, option.dataset.value);
    refresh();
    close(true);
  };
  list.addEventListener("toggle", (event) => {
    if (event.newState === "closed" && owner) owner.setAttribute("aria-expanded", "false");
  });
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) take(option);
  });
  list.addEventListener("pointermove", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) mark(options().indexOf(option));
  });
  list.addEventListener("keydown", (event) => {
    const last = options().length - 1;
    const to = { ArrowDown: current + 1, ArrowUp: current - 1, Home: 0, End: last }[event.key];
    if (to !== undefined) mark(to);
    else if (event.key === "Enter" || event.key === " ") take(options()[current]);
    else if (event.key === "Escape") close(true);
    else if (event.key === "Tab") return close(true);
    else {
      const found = event.key.length === 1
        ? options().findIndex((one) => one.textContent.trim().toLowerCase().startsWith(event.key.toLowerCase())) : -1;
      if (found < 0) return;
      mark(found);
    }
    event.preventDefault();
    event.stopPropagation();
  });
  root.addEventListener("pointerdown", (event) => {
    // A press on the open cell closes the list by itself; its click must not open it again.
    pressed = list.matches(":popover-open") ? owner : null;
    if (!event.target.closest("[data-permission]")) pressed = null;
  }, true);
  root.addEventListener("click", (event) => {
    const cell = event.target.closest("[data-permission]");
    if (!cell) return;
    const again = pressed === cell;
    pressed = null;
    if (!again) open(cell);
    else close(true);
  });
  root.addEventListener("keydown", (event) => {
    const cell = event.target.closest("[data-permission]");
    if (cell && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      open(cell);
    }
  });
  // Scrolling would leave the list behind.
  root.addEventListener("scroll", (event) => { if (event.target !== list) close(false); }, true);

  // Search and “active only”.
  const search = $("[data-matrix-search]", root);
  const empty = $("[data-matrix-empty]", root);
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const found = words.every((word) => row.dataset.search.includes(word));
      const live = !activeOnly || $$("[data-scope]", row).some((one) => one.dataset.scope !== "no" || one.classList.contains("chg"));
      row.hidden = !(found && live);
    }
    // An extra verb keeps the name of its resource above it.
    for (const row of rows) {
      if (row.hidden || !row.classList.contains("sk-subrow")) continue;
      let parent = row.previousElementSibling;
      while (parent?.classList.contains("sk-subrow")) parent = parent.previousElementSibling;
      if (parent) parent.hidden = false;
    }
    for (const module of $$("[data-module]", root)) module.hidden = !$$("[data-row]", module).some((row) => !row.hidden);
    const none = rows.every((row) => row.hidden);
    empty.textContent = none ? empty.dataset.text : "";
    $(".sk-card.sk-matrix", root).hidden = none;
  };
  search.addEventListener("input", filter);
  search.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && search.value) {
      search.value = "";
      filter();
    }
  });
  const toggles = $$("[data-matrix-show]", root);
  for (const one of toggles) one.addEventListener("click", () => {
    activeOnly = one.dataset.matrixShow === "active";
    for (const other of toggles) other.setAttribute("aria-pressed", other === one);
    filter();
  });

  // Undo and save.
  $("[data-matrix-undo]", root)?.addEventListener("click", () => {
    for (const cell of changed()) set(cell, before.get(cell));
    refresh();
    search.focus();
  });
  for (const button of $$("[data-matrix-save]")) button.addEventListener("click", async () => {
    if (saving) return;
    saving = true;
    button.disabled = true;
    const permissions = {};
    for (const cell of changed()) permissions[cell.dataset.permission] = cell.dataset.scope === "no" ? null : cell.dataset.scope;
    try {
      await send(root.dataset.url, { json: { permissions } });
      before.clear();
      for (const cell of cells) before.set(cell, cell.dataset.scope);
      location.reload();
    } catch (error) {
      saving = false;
      button.disabled = false;
      toast(Object.values(error.errors ?? {}).flat().join(" ") || error.message, { kind: "danger" });
    }
  });
  addEventListener("beforeunload", (event) => { if (changed().length && !saving) event.preventDefault(); });
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
}
for (const root of $$("[data-roles]")) matrix(root);

// ── branding: the server says what the colours become, while one chooses ──
function branding(form) {
  const HEX = /^#[0-9a-f]{6}$/i;
  const names = ["primary", "secondary", "accent"];
  let timer = 0, asked = 0;
  const ask = async () => {
    const values = names.map((name) => [name, form.elements[name].value.trim()]);
    if (!values.every(([, one]) => HEX.test(one))) return;
    const turn = ++asked;
    try {
      const found = await send(`${form.dataset.branding}?${new URLSearchParams(values)}`, { method: "GET" });
      if (turn !== asked) return;
      for (const preview of $$("[data-brand-preview]"))
        for (const [name, value] of Object.entries(found.colours)) preview.style.setProperty(`--bp-${name}`, value);
      for (const [name, value] of Object.entries(found.contrasts)) $(`[data-contrast=${name}]`).textContent = value;
    } catch (error) {
      if (turn === asked) toast(error.message, { kind: "danger" });
    }
  };
  const update = () => {
    clearTimeout(timer);
    timer = setTimeout(ask, 150);
  };
  for (const name of names) {
    const text = form.elements[name];
    const picker = $(`[data-color-for=${name}]`, form);
    picker.addEventListener("input", () => { text.value = picker.value; update(); });
    text.addEventListener("input", () => {
      if (HEX.test(text.value.trim())) picker.value = text.value.trim().toLowerCase();
      update();
    });
    // A form that came back keeps what was typed; the preview follows.
    if (text.value.trim().toLowerCase() !== picker.value) text.dispatchEvent(new Event("input"));
  }
}
for (const form of $$("[data-branding]")) branding(form);
