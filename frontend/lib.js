// Small things that every module needs.
export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const textNode = document.getElementById("texts");
export const texts = textNode ? JSON.parse(textNode.textContent) : {};
export const csrf = () => $("meta[name=csrf-token]")?.content ?? "";

/** A request that was not answered well: status (0: nobody answered), message, and the answer's errors and details. */
class RequestError extends Error {
  constructor(status, message, answer = {}) {
    super(message);
    Object.assign(this, { status }, answer);
  }
}

/** Fetch with the CSRF token; throws a RequestError for anything but 2xx. */
export async function send(url, { method = "POST", json, form } = {}) {
  const headers = { Accept: "application/json", "X-Requested-With": "fetch", "X-CSRFToken": csrf() };
  let body = form;
  if (json !== undefined) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(json);
  }
  let response;
  try {
    response = await fetch(url, { method, headers, body, credentials: "same-origin" });
  } catch {
    throw new RequestError(0, texts.offline);
  }
  const data = response.headers.get("Content-Type")?.includes("json") ? await response.json() : {};
  if (!response.ok) throw new RequestError(response.status, texts.failed, data);
  return data;
}

export const fragment = async (url) => {
  let response;
  try {
    response = await fetch(url, { headers: { Accept: "text/html", "X-Requested-With": "fetch" } });
  } catch {
    throw new RequestError(0, texts.offline);
  }
  if (!response.ok) throw new RequestError(response.status, texts.failed);
  return response.text();
};

/** The address of a part of the page as it is now. */
export function part(kind, extra = []) {
  const query = new URLSearchParams(location.search);
  query.delete("task");
  query.append("fragment", kind);
  for (const [key, value] of extra) query.append(key, value);
  return `${location.pathname}?${query}`;
}

/** A toast; with an action (label, run) it stays eight seconds. */
export function toast(message, { kind = "ok", action, detail } = {}) {
  const box = document.createElement("div");
  box.className = "sk-toast sk-pop";
  box.innerHTML = `<span class="t-${kind === "ok" ? "ok" : kind === "warn" ? "warn" : "danger"}">${texts.icons?.[kind] ?? ""}</span>`;
  const title = document.createElement("b");
  title.textContent = message;
  box.append(title);
  const close = document.createElement("button");
  close.className = "btn";
  close.type = "button";
  close.dataset.variant = "ghost";
  close.dataset.size = "icon-xs";
  close.setAttribute("aria-label", texts.close);
  close.textContent = "×";
  close.onclick = () => box.remove();
  box.append(close);
  if (detail) {
    const p = document.createElement("p");
    p.textContent = detail;
    box.append(p);
  }
  if (action) {
    const row = document.createElement("div");
    row.className = "btns";
    const button = document.createElement("button");
    button.className = "btn";
    button.type = "button";
    button.dataset.variant = "outline";
    button.dataset.size = "sm";
    button.textContent = action.label;
    button.onclick = () => { box.remove(); action.run(); };
    row.append(button);
    box.append(row);
  }
  $(".sk-toasts").append(box);
  setTimeout(() => box.remove(), action || kind !== "ok" ? 8000 : 4000);
  return box;
}

// What a finger or the mouse is on is not drawn anew under it.
const down = new Set();
document.addEventListener("pointerdown", (event) => { down.add(event.pointerId); }, true);
document.addEventListener("pointermove", (event) => { if (down.size && !event.buttons) down.delete(event.pointerId); }, true); // let go outside the window
for (const name of ["pointerup", "pointercancel"]) document.addEventListener(name, (event) => { down.delete(event.pointerId); }, true);
/** Whether something is being pressed: a drag begins so. */
export const pressed = () => down.size > 0;
/** Resolves once ``busy()`` is over. */
export async function until(busy) {
  while (busy()) await new Promise((resolve) => { setTimeout(resolve, 100); });
}

/** What this browser keeps of how a page is laid out, and what it kept before. */
export const keep = (name, values) => { try { localStorage.setItem(`${name}:${location.pathname}`, JSON.stringify([...values])); } catch { /* a full or closed storage keeps nothing */ } };
export const kept = (name) => { try { return JSON.parse(localStorage.getItem(`${name}:${location.pathname}`)) ?? []; } catch { return []; } };

/** A text with its {names} filled in. */
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_all, key) => values[key]);

/** What was wrong with single fields, as one text; "" where the answer says nothing of them that its message does not. */
export const details = (error) => Object.values(error.errors ?? {}).flat().filter((text) => text !== error.message).join(" ");

/** Says in a toast what went wrong; what somebody else did first is a warning. */
export const tell = (error) => void toast(error.message, { kind: error.status === 409 ? "warn" : "error", detail: details(error) || undefined });

export const money = (value, currency) =>
  new Intl.NumberFormat(document.documentElement.lang, { style: "currency", currency, maximumFractionDigits: 0 }).format(value);

export const number = (value) => new Intl.NumberFormat(document.documentElement.lang).format(value);

/** Opens a dialog on its first field (or on its way out), not on the cross in its corner. */
export function openDialog(dialog) {
  dialog.showModal();
  $(".in :is(input:not([type=hidden]), select, textarea), footer [data-close]", dialog)?.focus();
}

/** Asks before something that cannot be undone. */
export function confirmDialog(text) {
  const dialog = $("#confirm");
  $("[data-confirm-text]", dialog).textContent = text;
  openDialog(dialog);
  return new Promise((resolve) => {
    const ok = $("[data-confirm-ok]", dialog);
    const done = (value) => { ok.onclick = null; dialog.onclose = null; resolve(value); };
    ok.onclick = () => { done(true); dialog.close(); };
    dialog.onclose = () => done(false);
  });
}

/** Shows `target` in the middle, and gives it the focus: in a fold that was closed it has neither place nor focus before the next frame. */
export function visit(target) {
  const fold = target.closest("details");
  if (fold) fold.open = true;
  requestAnimationFrame(() => {
    target.scrollIntoView({ block: "center" });
    target.focus({ preventScroll: true });
  });
}
