// Ctrl/⌘ K: records from the server, actions and pages from the page itself.
import { tinykeys } from "tinykeys";
import { $, $$, send, texts } from "./lib.js";

const dialog = $("#palette");
if (dialog) {
  const commands = JSON.parse($("#palette-commands").textContent);
  const input = $("input", dialog);
  const list = $("#palette-list");
  let active = 0, turn = 0, timer;
  const items = () => $$("[role=option]", list);
  const mark = (index) => {
    const all = items();
    if (!all.length) return;
    active = (index + all.length) % all.length;
    all.forEach((one, position) => one.setAttribute("aria-selected", position === active));
    input.setAttribute("aria-activedescendant", all[active].id);
    all[active].scrollIntoView({ block: "nearest" });
  };
  const escape = (text) => text.replace(/[&<>"]/g, (one) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[one]);
  const highlight = (text, query) => {
    const index = text.toLowerCase().indexOf(query.toLowerCase());
    if (!query || index < 0) return escape(text);
    return `${escape(text.slice(0, index))}<mark>${escape(text.slice(index, index + query.length))}</mark>${escape(text.slice(index + query.length))}`;
  };
  const draw = (groups, query) => {
    let number = 0;
    list.innerHTML = groups.filter((group) => group.items.length).map((group, position) =>
      `<div role="group" aria-labelledby="pg${position}"><div class="hd" id="pg${position}">${escape(group.title)}</div>${group.items.map((one) =>
        `<a class="it" role="option" tabindex="-1" id="pi${number++}" href="${escape(one.url)}" aria-selected="false">${one.icon ?? ""}<span>${highlight(one.title, query)}</span>${one.subtitle ? `<span class="cap muted clip">${highlight(one.subtitle, query)}</span>` : ""}${one.keys ? `<span class="end">${one.keys.map((key) => `<kbd>${escape(key)}</kbd>`).join("")}</span>` : ""}</a>`).join("")}</div>`).join("")
      || `<p class="in muted">${escape(texts.nothingFound)}</p>`;
    mark(0);
  };
  const search = async () => {
    const query = input.value.trim();
    const now = ++turn;
    const match = (one) => !query || one.title.toLowerCase().includes(query.toLowerCase());
    const local = [
      { title: texts.actions, items: commands.actions.filter(match) },
      { title: texts.goTo, items: commands.pages.filter(match) },
    ];
    draw(local, query);
    if (query.length < 2) return;
    try {
      const { result } = await send(`/search/palette?q=${encodeURIComponent(query)}`, { method: "GET" });
      if (now === turn) draw([{ title: texts.records, items: result }, ...local], query);
    } catch { /* pages and actions stay */ }
  };
  const open = () => { input.value = ""; dialog.showModal(); search(); input.focus(); };
  tinykeys(window, { "$mod+k": (event) => { event.preventDefault(); dialog.open ? dialog.close() : open(); } });
  document.addEventListener("click", (event) => { if (event.target.closest("[data-palette]")) open(); });
  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(search, 120); });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") { event.preventDefault(); mark(active + 1); }
    else if (event.key === "ArrowUp") { event.preventDefault(); mark(active - 1); }
    else if (event.key === "Enter") {
      event.preventDefault();
      const chosen = items()[active];
      if (chosen) event.ctrlKey || event.metaKey ? window.open(chosen.href) : location.assign(chosen.href);
    }
  });
}
