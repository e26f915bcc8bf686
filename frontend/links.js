// What a record is linked to: chips, a search for one more, and a cross on each.
import { place } from "./app.js";
import { $, fragment, send, tell, texts } from "./lib.js";
import { on } from "./live.js";

const shown = new Set();

class Links extends HTMLElement {
  connectedCallback() {
    shown.add(this);
    if (this.of) return;
    this.of = this.dataset.of;
    this.list = $("[data-links]", this);
    this.pick = $("[data-pick]", this);
    this.addEventListener("click", (event) => this.act(event).catch(tell));
    $("[data-query]", this.pick).addEventListener("input", (event) => { clearTimeout(this.timer); this.timer = setTimeout(() => this.find(event.target.value), 180); });
    this.load().catch(() => {});
  }

  disconnectedCallback() {
    shown.delete(this);
  }

  async load() {
    this.list.innerHTML = await fragment(`/comments/${this.of}/links`);
  }

  get record() {
    const [kind, record] = this.of.split("/");
    return { kind, record };
  }

  async act(event) {
    const add = event.target.closest("[data-add-link]");
    if (add) {
      this.pick.showPopover();
      place(this.pick, add.getBoundingClientRect());
      const box = $("[data-query]", this.pick);
      box.value = "";
      this.find("");
      box.focus();
      return;
    }
    const remove = event.target.closest("[data-unlink]");
    if (remove) {
      await send(`/api/v1/record-links/${remove.dataset.unlink}`, { method: "DELETE" });
      await this.load();
      $("[data-add-link]", this)?.focus();
      return;
    }
    const hit = event.target.closest("[data-hit]");
    if (!hit) return;
    this.pick.hidePopover();
    await send("/api/v1/record-links/", { json: { ...this.record, other_kind: hit.dataset.kind, other: hit.dataset.hit } });
    await this.load();
    $("[data-add-link]", this)?.focus();
  }

  async find(text) {
    const box = $("[data-hits]", this.pick);
    if (text.trim().length < 2) return box.replaceChildren();
    let result = [];
    try { ({ result } = await (await fetch(`/search/palette?q=${encodeURIComponent(text)}`, { headers: { Accept: "application/json" } })).json()); }
    catch { /* the list stays empty */ }
    const rows = result.filter((one) => one.id && `${one.kind}/${one.id}` !== this.of).map((one) => {
      const row = document.createElement("button");
      row.type = "button";
      row.className = "sk-mi";
      row.dataset.hit = one.id;
      row.dataset.kind = one.kind;
      row.innerHTML = one.icon;
      const words = document.createElement("span");
      words.className = "clip";
      words.textContent = one.title;
      const note = document.createElement("small");
      note.className = "faint";
      note.textContent = one.subtitle.split(" · ")[0];
      row.append(words, note);
      return row;
    });
    if (!rows.length) {
      const none = document.createElement("p");
      none.className = "faint sm";
      none.textContent = texts.nothingFound;
      rows.push(none);
    }
    return box.replaceChildren(...rows);
  }
}
customElements.define("stk-links", Links);

on("link:changed", ({ kind, id }) => {
  for (const one of shown) if (one.of === `${kind}/${id}`) one.load().catch(() => {});
});
