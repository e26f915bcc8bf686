// What every page has: menus, dialogs, toasts, palette, shortcuts, tabs, lists, look-ups.
import { tinykeys } from "tinykeys";
import { $, $$, confirmDialog, csrf, fragment, openDialog, send, texts, toast } from "./lib.js";
import { connect, on } from "./live.js";
import "./lists.js";
import "./combo.js";
import "./palette.js";

// Comments and links of records, where a page has them or can open a record that has.
if ($("stk-talk, stk-links, #task-drawer")) import("./talk.js");

// ── shell ──
const app = $(".sk-app");
if (app && document.documentElement.dataset.rail === "1" && !matchMedia("(max-width: 767px)").matches) app.dataset.rail = "";
document.addEventListener("click", async (event) => {
  const target = event.target;
  if (target.closest("[data-drawer-toggle]")) {
    if (matchMedia("(max-width: 767px)").matches) {
      if (app.toggleAttribute("data-drawer")) ($(".sk-nav [aria-current]") ?? $(".sk-nav a")).focus();
    } else localStorage.setItem("rail", app.toggleAttribute("data-rail") ? "1" : "0");
    return;
  }
  if (app?.hasAttribute("data-drawer") && !target.closest(".sk-side")) app.removeAttribute("data-drawer");
  const nav = target.closest("[data-nav-toggle]");
  if (nav) {
    const open = nav.getAttribute("aria-expanded") !== "true";
    nav.setAttribute("aria-expanded", open);
    nav.nextElementSibling.hidden = !open;
    return;
  }
  const opener = target.closest("[data-dialog]");
  if (opener) return void openDialog(document.getElementById(opener.dataset.dialog));
  if (target.closest("[data-close]")) return void target.closest("dialog")?.close();
  if (target.matches("dialog.sk-dialog")) return void target.close();
  if (target.closest("[data-dismiss]")) return void target.closest("[data-toast]").remove();
  const reveal = target.closest("[data-reveal]");
  if (reveal) {
    const input = document.getElementById(reveal.dataset.reveal);
    input.type = input.type === "password" ? "text" : "password";
    return;
  }
  const bell = target.closest("[data-bell]");
  if (bell) {
    const dialog = $("#bell-panel");
    await fillBell("/notifications/panel");
    if (!dialog.open) dialog.showModal();
    return;
  }
  const tab = target.closest("[data-panel]");
  if (tab && !event.metaKey && !event.ctrlKey) {
    event.preventDefault();
    await fillBell(tab.dataset.panel);
    $("[data-bell-body] :is([data-panel][aria-current], [data-bell-retry])")?.focus();
    return;
  }
  const read = target.closest("[data-read]");
  if (read) {
    const form = new FormData();
    form.append("id", read.dataset.read);
    send("/notifications/read", { form }).catch(() => {});
  }
  if (target.closest("[data-read-all]")) {
    try {
      await send("/notifications/read", { form: new FormData() });
    } catch (error) {
      return void toast(error.message, { kind: "danger" });
    }
    for (const dot of $$(".sk-n .u")) {
      dot.replaceChildren();
      dot.classList.remove("u");
    }
    for (const count of $$("[data-unread]")) count.hidden = true;
  }
  const tableToggle = target.closest("[data-table-toggle]");
  if (tableToggle) {
    const id = tableToggle.dataset.tableToggle;
    const shown = tableToggle.getAttribute("aria-pressed") !== "true";
    tableToggle.setAttribute("aria-pressed", shown);
    $(`[data-table="${id}"]`).hidden = !shown;
    $(`[data-chart="${id}"]`).hidden = shown;
  }
});

// The bell's panel; when it cannot be had it says so, with a button, and tries again by itself.
let bellTimer = 0;
async function fillBell(url) {
  clearTimeout(bellTimer);
  const body = $("[data-bell-body]");
  try {
    body.innerHTML = await fragment(url);
  } catch (error) {
    // Another try that fails leaves the message alone: it would be read out again and lose the focus.
    if (!$("[data-bell-retry]", body)) body.replaceChildren($("#bell-away").content.cloneNode(true));
    $("[data-bell-message]", body).textContent = error.message;
    $("[data-bell-retry]", body).dataset.panel = url;
    bellTimer = setTimeout(retryBell, 5000);
  }
}
function retryBell() {
  const retry = $("#bell-panel[open] [data-bell-retry]");
  if (retry) fillBell(retry.dataset.panel);
}
addEventListener("online", retryBell);

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !app?.hasAttribute("data-drawer") || event.defaultPrevented || $(":popover-open, dialog[open]")) return;
  app.removeAttribute("data-drawer");
  $("[data-drawer-toggle]").focus();
});

// Confirmation before what cannot be undone.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  const text = event.submitter?.dataset.confirm ?? form.dataset.confirm;
  if (text && form.dataset.confirmed !== "1") {
    event.preventDefault();
    const submitter = event.submitter;
    if (await confirmDialog(text)) {
      form.dataset.confirmed = "1";
      form.requestSubmit(submitter);
    }
    return;
  }
  delete form.dataset.confirmed;
  if (form.matches("[data-guard]")) form.dataset.clean = "1";
  // A second press of the same button must not send the form twice.
  const button = event.submitter;
  if (form.method === "post" && button && !form.dataset.closing && !form.hasAttribute("data-line-form"))
    setTimeout(() => { if (!event.defaultPrevented) button.disabled = true; });
});
addEventListener("pageshow", (event) => { if (event.persisted) for (const button of $$("button[disabled]")) button.disabled = false; });

// Menus open under their button (the popover API gives the rest).
document.addEventListener("toggle", (event) => {
  const pop = event.target;
  if (!(pop instanceof HTMLElement) || !pop.hasAttribute("popover") || event.newState !== "open") return;
  const trigger = $(`[popovertarget="${pop.id}"]`);
  if (trigger) place(pop, trigger.getBoundingClientRect());
  $("a, button, input:not([type=hidden])", pop)?.focus();
}, true);
export function place(pop, box) {
  const width = pop.offsetWidth, height = pop.offsetHeight;
  const left = Math.min(Math.max(8, box.left + width > innerWidth - 8 ? box.right - width : box.left), innerWidth - width - 8);
  const below = box.bottom + 4 + height < innerHeight;
  pop.style.left = `${Math.max(8, left)}px`;
  pop.style.top = `${below ? box.bottom + 4 : Math.max(8, box.top - height - 4)}px`;
}
document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.(".sk-menu[popover]");
  if (!menu || !["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key)) return;
  const items = $$("a, button, input", menu).filter((one) => one.offsetParent);
  const index = items.indexOf(document.activeElement);
  const next = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: items.length - 1 }[event.key];
  items[(next + items.length) % items.length]?.focus();
  event.preventDefault();
});

// What is chosen in a row that scrolls sideways must be seen; the page itself stays where it is.
for (const one of $$(":is(.sk-seg, .sk-tabs, .sk-steps, .sk-cfg > .l) [aria-current]")) {
  const strip = one.closest(".acts:has(> .sk-seg), .sk-tools, .sk-tabs, .sk-steps, .sk-cfg > .l");
  if (!strip) continue;
  const outer = strip.getBoundingClientRect(), inner = one.getBoundingClientRect();
  if (inner.right > outer.right) strip.scrollLeft += inner.right - outer.right + 16;
}

// Tabs.
for (const tabs of $$("[data-tabs]")) {
  const buttons = $$("[role=tab]", tabs);
  const select = (button, focus) => {
    for (const one of buttons) {
      const active = one === button;
      one.setAttribute("aria-selected", active);
      one.tabIndex = active ? 0 : -1;
      document.getElementById(one.getAttribute("aria-controls")).hidden = !active;
    }
    if (focus) button.focus();
    button.scrollIntoView({ block: "nearest", inline: "nearest" });
    history.replaceState(null, "", `#${button.id.replace("tab-", "")}`);
  };
  for (const [index, button] of buttons.entries()) {
    button.addEventListener("click", () => select(button));
    button.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) select(buttons[(index + step + buttons.length) % buttons.length], true);
    });
  }
  const wanted = location.hash && buttons.find((one) => one.id === `tab-${location.hash.slice(1)}`);
  if (wanted) select(wanted);
}

// Forms: unsaved changes, Ctrl+S, focus on the first problem.
for (const form of $$("[data-guard]")) {
  let dirty = false;
  form.addEventListener("input", () => { dirty = true; });
  addEventListener("beforeunload", (event) => { if (dirty && form.dataset.clean !== "1") event.preventDefault(); });
}
$("[data-autofocus]")?.focus();
for (const select of $$("[data-submit]")) select.addEventListener("change", () => select.form.requestSubmit());

// Shortcuts; single keys only outside inputs, and when the person has not switched them off.
const typing = (event) => event.target.closest?.("input, textarea, select, [contenteditable], dialog[open]");
const go = (url) => (event) => { if (!typing(event)) location.assign(url); };
const bindings = {
  "$mod+s": (event) => { const form = $("[data-save-key]"); if (form) { event.preventDefault(); form.requestSubmit(); } },
};
if (document.body.dataset.shortcuts === "1") {
  Object.assign(bindings, {
    "g p": go("/sales/pipeline"), "g v": go("/sales/"), "g h": go("/"),
    "/": (event) => { const box = $("[data-list-search]"); if (!typing(event) && box) { event.preventDefault(); box.focus(); } },
    "[": (event) => { if (!typing(event)) $("[data-drawer-toggle]")?.click(); },
    "Shift+?": (event) => { if (!typing(event)) $("#shortcuts")?.showModal(); },
  });
}
tinykeys(window, bindings);

// Toasts that the server flashed go by themselves.
for (const one of $$("[data-toast]")) setTimeout(() => one.remove(), 6000);

on("notification:new", () => toast(texts.newNotification, { kind: "info", action: { label: texts.show, run: () => $("[data-bell]")?.click() } }));
if ("requestIdleCallback" in window) requestIdleCallback(connect, { timeout: 1500 });
else setTimeout(connect, 300);
window.stratikey = { csrf };
