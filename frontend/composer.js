// Where a comment is written: mentions, emoji, files, a draft that stays on this device, Ctrl+Enter.
import "@github/text-expander-element";
import { pickEmoji, searchEmoji } from "./emoji.js";
import { $, csrf, details, send, texts, toast } from "./lib.js";

const option = (label, value, note = "") => {
  const item = document.createElement("li");
  item.setAttribute("role", "option");
  item.dataset.value = value;
  item.textContent = label;
  if (note) {
    const small = document.createElement("small");
    small.textContent = note;
    item.append(small);
  }
  return item;
};

/** Makes `form` a composer for the record `of`; `key` names its draft, `post(values)` sends it, `keep` says what to do then. */
export function compose(form, { of, key, post, text = "", internal = null, onCancel = null, label = null }) {
  const area = $("textarea", form);
  const uploads = $("[data-uploads]", form);
  const problem = $("[data-problem]", form);
  const button = $("[data-send]", form);
  const lock = $("[data-internal]", form);
  const files = new Map();
  const draft = () => { try { return localStorage.getItem(key) ?? ""; } catch { return ""; } };
  const keep = () => { try { if (area.value) localStorage.setItem(key, area.value); else localStorage.removeItem(key); } catch { /* private mode */ } };
  const grow = () => { area.style.height = "auto"; area.style.height = `${Math.min(area.scrollHeight + 2, 320)}px`; };
  const say = (message) => { problem.textContent = message; problem.hidden = !message; };

  area.value = draft() || text;
  if (label) button.textContent = button.dataset[label];
  if (internal !== null) {
    lock.hidden = false;
    lock.setAttribute("aria-pressed", String(internal));
    form.classList.toggle("priv", internal);
  }
  requestAnimationFrame(grow);
  area.addEventListener("input", () => { keep(); grow(); say(""); });

  // ── files ──
  const add = (file) => {
    const item = document.createElement("span");
    item.className = "sk-file";
    const name = document.createElement("span");
    name.className = "clip";
    name.textContent = file.name;
    const state = document.createElement("span");
    state.className = "faint";
    const remove = document.createElement("button");
    remove.type = "button";
    remove.textContent = "×";
    remove.setAttribute("aria-label", texts.remove.replace("{name}", file.name));
    item.append(name, state, remove);
    uploads.append(item);
    uploads.hidden = false;
    let request = null;
    const start = () => {
      request = new XMLHttpRequest();
      const [kind, record] = of.split("/");
      const body = new FormData();
      for (const [field, value] of Object.entries({ kind, record, file })) body.append(field, value);
      request.open("POST", "/api/v1/comments/files");
      request.setRequestHeader("X-CSRFToken", csrf());
      request.setRequestHeader("Accept", "application/json");
      request.upload.onprogress = (event) => { state.textContent = `${Math.round((event.loaded / event.total) * 100)} %`; };
      const failed = (message) => {
        state.textContent = message;
        item.classList.add("bad");
        files.set(item, null);
        const again = document.createElement("button");
        again.type = "button";
        again.className = "link";
        again.textContent = texts.retry;
        again.onclick = () => { again.remove(); item.classList.remove("bad"); start(); };
        if (request.status === 0 || request.status >= 500) state.after(again);
      };
      request.onerror = () => failed(texts.offline);
      request.onload = () => {
        let answer = {};
        try { answer = JSON.parse(request.responseText); } catch { /* an error page */ }
        if (request.status === 201) { files.set(item, answer.id); state.textContent = ""; item.classList.add("done"); }
        else failed(Object.values(answer.errors ?? {}).flat().join(" ") || answer.message || texts.failed);
      };
      files.set(item, undefined);
      request.send(body);
    };
    remove.onclick = () => {
      request?.abort();
      const id = files.get(item);
      if (id) send(`/api/v1/comments/files/${id}`, { method: "DELETE" }).catch(() => {});
      files.delete(item);
      item.remove();
      uploads.hidden = !files.size;
      area.focus();
    };
    start();
  };
  const picker = $("[data-files]", form);
  $("[data-attach]", form).onclick = () => picker.click();
  picker.onchange = () => { for (const one of picker.files) add(one); picker.value = ""; };
  form.addEventListener("dragover", (event) => { if (event.dataTransfer.types.includes("Files")) { event.preventDefault(); form.classList.add("drop"); } });
  form.addEventListener("dragleave", () => form.classList.remove("drop"));
  form.addEventListener("drop", (event) => { event.preventDefault(); form.classList.remove("drop"); for (const one of event.dataTransfer.files) add(one); });
  area.addEventListener("paste", (event) => { if (event.clipboardData.files.length) { event.preventDefault(); for (const one of event.clipboardData.files) add(one); } });

  // ── what is put in at the cursor ──
  const insert = (what) => { area.setRangeText(what, area.selectionStart, area.selectionEnd, "end"); area.focus(); area.dispatchEvent(new Event("input", { bubbles: true })); };
  $("[data-at]", form).onclick = () => { const before = area.value[area.selectionStart - 1]; insert(before && !/\s/.test(before) ? " @" : "@"); };
  $("[data-emoji]", form).onclick = async (event) => { const emoji = await pickEmoji(event.currentTarget); if (emoji) insert(emoji); };
  lock.onclick = () => { const on = lock.getAttribute("aria-pressed") !== "true"; lock.setAttribute("aria-pressed", String(on)); form.classList.toggle("priv", on); };
  const expander = $("text-expander", form);
  expander.addEventListener("text-expander-change", (event) => {
    const { key: sign, text: typed, provide } = event.detail;
    const menu = document.createElement("ul");
    menu.className = "sk-pop sk-suggest";
    menu.setAttribute("role", "listbox");
    provide((async () => {
      try {
        if (sign === "@") {
          const { result } = await (await fetch(`/comments/${of}/people?q=${encodeURIComponent(typed)}`)).json();
          for (const one of result) menu.append(option(one.name, `@${one.name}`, one.team ? texts.team : ""));
        } else for (const one of await searchEmoji(typed)) menu.append(option(`${one.emoji} ${one.name}`, one.emoji));
      } catch { /* nothing is suggested while the connection is lost */ }
      return { matched: menu.childElementCount > 0, fragment: menu };
    })());
  });
  expander.addEventListener("text-expander-value", (event) => { event.detail.value = event.detail.item.dataset.value; });
  expander.addEventListener("text-expander-committed", () => { keep(); grow(); });

  // ── sending ──
  if (onCancel) {
    const cancel = $("[data-cancel]", form);
    cancel.hidden = false;
    cancel.onclick = onCancel;
  }
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); form.requestSubmit(); }
    if (event.key === "Escape" && onCancel && !event.defaultPrevented) { event.preventDefault(); event.stopPropagation(); onCancel(); }
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const ids = [...files.values()];
    if (ids.includes(undefined)) return say(texts.wait);
    if (button.disabled) return;
    button.disabled = true;
    try {
      await post({
        body: area.value,
        attachments: ids.filter(Boolean),
        ...(internal !== null && { internal: lock.getAttribute("aria-pressed") === "true" }),
      });
      area.value = "";
      keep();
      files.clear();
      uploads.replaceChildren();
      uploads.hidden = true;
      grow();
    } catch (error) {
      // What was typed stays where it is.
      say(details(error) || error.message);
      if (error.status === 409) toast(error.message, { kind: "warn", detail: error.details?.body });
    } finally {
      button.disabled = false;
    }
  });
  return area;
}
