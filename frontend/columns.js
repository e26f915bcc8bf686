// A list's columns: which, in which order, how wide; and the totals that come after a very long list.
import { $, $$, csrf, fragment } from "./lib.js";

const MIN = 64, MAX = 960, STEP = 16;
const table = $("table[data-list][data-kind]");
const menu = $("[data-columns]");

/** Keeps the columns for the person, unless a saved view is open. */
function keep(node, cols) {
  if (!("keep" in node.dataset)) return;
  const form = new FormData();
  form.append("cols", cols);
  fetch(`/views/${node.dataset.kind}/columns`, { method: "POST", body: form, keepalive: true, headers: { "X-CSRFToken": csrf(), Accept: "application/json" } }).catch(() => {});
}

if (menu) {
  const chosen = () => $$("input[type=checkbox]:checked", menu).map((one) => (one.dataset.width ? `${one.value}~${one.dataset.width}` : one.value));
  menu.addEventListener("submit", () => {
    const first = table && $("th[data-col]", table);
    const label = first?.style.width ? [`${first.dataset.col}~${parseInt(first.style.width, 10)}`] : [];
    $("[name=cols]", menu).value = [...label, ...chosen()].join(",");
    keep(menu, $("[name=cols]", menu).value);
  });
  $("[data-restore-columns]", menu).addEventListener("click", () => keep(menu, ""));
  import("sortablejs").then(({ default: Sortable }) => Sortable.create($("[data-sortable]", menu), { handle: ".grip", animation: 120 }));
  menu.addEventListener("keydown", (event) => {
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

// ── widths ──
const heads = () => $$("th[data-col]", table);
const widthOf = (head) => Math.round(head.getBoundingClientRect().width);

/** Every column gets the width that it has, so that changing one leaves the others alone. */
function freeze() {
  if (table.classList.contains("sized")) return;
  const widths = heads().map(widthOf);
  heads().forEach((head, index) => { head.style.width = `${Math.min(Math.max(widths[index], MIN), MAX)}px`; });
  table.classList.add("sized");
}

function resize(head, width) {
  head.style.width = `${Math.min(Math.max(Math.round(width), MIN), MAX)}px`;
  table.style.minWidth = `${heads().reduce((sum, one) => sum + parseInt(one.style.width, 10), 48)}px`;
  $(".sk-resize", head).setAttribute("aria-valuenow", parseInt(head.style.width, 10));
}

/** Writes the widths into the address, the page's own links and forms, and the person's layout. */
function store() {
  const cols = heads().map((head) => `${head.dataset.col}~${parseInt(head.style.width, 10)}`).join(",");
  const put = (text) => {
    const address = new URL(text, location.href);
    address.searchParams.set("cols", cols);
    return address.pathname + address.search;
  };
  history.replaceState(null, "", put(location.href));
  for (const link of $$("main a[href*='?']")) {
    const path = new URL(link.href).pathname;
    if (link.hasAttribute("data-restore-columns") || !(path === location.pathname || path.includes("/export/"))) continue;
    if (new URL(link.href).searchParams.get("view") === new URLSearchParams(location.search).get("view") || path.includes("/export/") || link.dataset.addSort) link.href = put(link.href);
    if (link.dataset.addSort) link.dataset.addSort = put(link.dataset.addSort);
  }
  for (const field of $$("input[type=hidden][name=cols]")) if (!field.closest("[data-columns]")) field.value = cols;
  for (const form of $$("form[method=get]")) {
    if (form.matches("[data-columns]") || $("[name=cols]", form) || new URL(form.action).pathname !== location.pathname) continue;
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "cols", value: cols }));
  }
  for (const form of $$("form[method=post][action*='/export/']")) form.action = put(form.getAttribute("action"));
  for (const field of $$("input[name=state]")) {
    const state = new URLSearchParams(field.value);
    state.set("cols", cols);
    field.value = state.toString();
  }
  for (const box of $$("input[type=checkbox]", menu)) {
    const head = heads().find((one) => one.dataset.col === box.value);
    if (head) box.dataset.width = parseInt(head.style.width, 10);
  }
  keep(table, cols);
}

if (table) {
  let pending;
  const later = () => { clearTimeout(pending); pending = setTimeout(store, 400); };
  table.addEventListener("pointerdown", (event) => {
    const handle = event.target.closest(".sk-resize");
    if (!handle || event.button) return;
    event.preventDefault();
    freeze();
    const head = handle.closest("th"), from = event.clientX, start = widthOf(head);
    handle.setPointerCapture(event.pointerId);
    const move = (one) => resize(head, start + one.clientX - from);
    const end = () => {
      handle.removeEventListener("pointermove", move);
      handle.removeEventListener("pointerup", end);
      handle.removeEventListener("pointercancel", end);
      store();
    };
    handle.addEventListener("pointermove", move);
    handle.addEventListener("pointerup", end);
    handle.addEventListener("pointercancel", end);
  });
  table.addEventListener("keydown", (event) => {
    const handle = event.target.closest(".sk-resize");
    const step = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key];
    if (!handle || !step) return;
    event.preventDefault();
    event.stopPropagation();
    freeze();
    const head = handle.closest("th");
    resize(head, parseInt(head.style.width, 10) + step);
    later();
  });
  table.addEventListener("click", (event) => {
    const link = event.target.closest("[data-add-sort]");
    if (!link || !event.shiftKey) return;
    event.preventDefault();
    location.assign(link.dataset.addSort);
  });
  for (const handle of $$(".sk-resize", table)) handle.setAttribute("aria-valuenow", widthOf(handle.closest("th")));

  const foot = $("[data-totals]", table);
  if (foot) fragment(foot.dataset.totals).then((html) => { foot.innerHTML = html; }, () => { foot.remove(); });
}
