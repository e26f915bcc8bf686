// A reference chosen from the server: type, arrows, Enter; the id travels in a hidden field.
import { $, $$, send, texts } from "./lib.js";

for (const box of $$("[data-combo]")) setup(box);

export function setup(box) {
  const [hidden] = $$("input[type=hidden]", box);
  const input = $("[role=combobox]", box);
  const list = $("[role=listbox]", box);
  const clear = $("[data-combo-clear]", box);
  let timer, active = -1, chosen = input.value, asked = 0;
  const options = () => $$("[role=option]", list);
  const close = () => { list.hidden = true; input.setAttribute("aria-expanded", "false"); input.removeAttribute("aria-activedescendant"); active = -1; };
  const mark = (index) => {
    const all = options();
    active = all.length ? (index + all.length) % all.length : -1;
    all.forEach((one, position) => one.setAttribute("aria-selected", position === active));
    if (active >= 0) { input.setAttribute("aria-activedescendant", all[active].id); all[active].scrollIntoView({ block: "nearest" }); }
  };
  const choose = (option) => {
    hidden.value = option.dataset.id;
    input.value = chosen = option.textContent;
    clear.hidden = false;
    box.dispatchEvent(new CustomEvent("chosen", { bubbles: true }));
    close();
  };
  const open = async () => {
    const turn = ++asked;
    let result = [];
    try { ({ result } = await send(`${box.dataset.combo}?q=${encodeURIComponent(input.value === chosen ? "" : input.value)}`, { method: "GET" })); } catch { /* shown as empty */ }
    // A late answer must not open the list over what is being filled in by now.
    if (turn !== asked || document.activeElement !== input) return;
    list.replaceChildren(...result.map((one, index) => {
      const option = document.createElement("div");
      option.setAttribute("role", "option");
      option.id = `${list.id}-${index}`;
      option.dataset.id = one.id;
      option.textContent = one.name;
      option.onmousedown = (event) => { event.preventDefault(); choose(option); };
      return option;
    }));
    if (!result.length) {
      const none = document.createElement("div");
      none.className = "hd";
      none.textContent = texts.nothingFound;
      list.append(none);
    }
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    mark(input.value && input.value !== chosen ? 0 : -1);
  };
  input.addEventListener("input", () => { hidden.value = ""; clearTimeout(timer); timer = setTimeout(open, 150); });
  input.addEventListener("focus", open);
  input.addEventListener("blur", () => setTimeout(() => {
    close();
    if (!hidden.value && input.value) { input.value = ""; clear.hidden = true; }
  }, 120));
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") { event.preventDefault(); list.hidden ? open() : mark(active + 1); }
    else if (event.key === "ArrowUp") { event.preventDefault(); mark(active - 1); }
    else if (event.key === "Enter" && !list.hidden && active >= 0) { event.preventDefault(); choose(options()[active]); }
    else if (event.key === "Escape" && !list.hidden) { event.preventDefault(); event.stopPropagation(); close(); }
  });
  clear.addEventListener("click", () => { hidden.value = input.value = chosen = ""; clear.hidden = true; input.focus(); });
}
