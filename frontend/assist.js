// Proposals for a task: asked for by a button, accepted line by line. The box outlives the drawer's redraws.
import { $, $$, fragment, send, tell } from "./lib.js";

const open = new Map();

class Assist extends HTMLElement {
  connectedCallback() {
    const { of, kind } = this.dataset;
    this.key = `${of}/${kind}`;
    this.button = $("[data-suggest]", this);
    this.at = $("[data-at]", this);
    for (const key of open.keys()) if (!key.startsWith(of)) open.delete(key);
    if (open.has(this.key)) {
      const { box, held } = open.get(this.key);
      this.put(box);
      if (held) queueMicrotask(() => this.rest());
    }
    if (this.wired) return;
    this.wired = true;
    this.addEventListener("click", (event) => this.act(event));
    this.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !event.target.closest("[data-proposals]")) return;
      event.preventDefault();
      event.stopPropagation();
      this.dismiss();
    });
    this.addEventListener("change", () => this.count());
  }

  put(box) {
    this.at.replaceChildren(box);
    this.at.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
  }

  get lines() { return $$("[data-line]", this.at); }

  async load() {
    this.button.setAttribute("aria-busy", "true");
    this.button.disabled = true;
    try {
      const holder = document.createElement("template");
      holder.innerHTML = await fragment(`/tasks/${this.dataset.of}/assist?kind=${this.dataset.kind}`);
      const box = holder.content.firstElementChild;
      open.set(this.key, { box });
      // The drawer may have been drawn anew meanwhile, with another button in it.
      const here = this.isConnected ? this : $$("stk-assist").find((one) => one.key === this.key);
      if (!here) return;
      here.put(box);
      $("[data-title]", box).focus();
    } catch (error) {
      tell(error);
    } finally {
      this.button.disabled = false;
      this.button.removeAttribute("aria-busy");
    }
  }

  dismiss() {
    open.delete(this.key);
    this.at.replaceChildren();
    this.at.hidden = true;
    this.button.setAttribute("aria-expanded", "false");
    this.button.focus();
  }

  /** Where the focus goes once a line is gone: to the next one, else to the title. */
  rest() {
    ($("[data-accept]", this.at) ?? $("[data-title]", this.at) ?? this.button).focus();
  }

  count() {
    const all = $("[data-all]", this.at);
    if (all && $("[data-pick]:not([hidden])", this.at)) all.disabled = !$("[data-pick]:checked", this.at);
  }

  act(event) {
    const hit = (name) => event.target.closest(`[data-${name}]`);
    if (hit("suggest")) return this.at.hidden ? this.load() : this.dismiss();
    if (hit("dismiss")) return this.dismiss();
    if (hit("choose")) {
      for (const box of $$("[data-pick]", this.at)) box.hidden = false;
      const all = $("[data-all]", this.at);
      all.textContent = all.dataset.chosen;
      hit("choose").remove();
      return $("[data-pick]", this.at).focus();
    }
    if (hit("all")) return this.accept(this.lines.filter((line) => $("[data-pick]", line).checked));
    if (hit("accept")) return this.accept([hit("line")]);
    return undefined;
  }

  async accept(lines) {
    const { of, kind } = this.dataset;
    const buttons = $$("button", this.at);
    for (const one of buttons) one.disabled = true;
    try {
      if (kind === "estimate") {
        const { version } = this.closest("[data-task]").dataset;
        await send(`/api/v1/tasks/${of}`, { method: "PATCH", json: { estimate: Number(lines[0].dataset.minutes), version: Number(version) } });
        this.dismiss();
      } else {
        const chosen = lines.map(({ dataset }) => ({ text: dataset.text, minutes: dataset.minutes ? Number(dataset.minutes) : null }));
        await send(`/api/v1/tasks/${of}/assist/accept`, { json: { kind, lines: chosen } });
        for (const line of lines) line.remove();
        if (this.lines.length) open.get(this.key).held = true;
        else this.dismiss();
        if (this.lines.length < 2) $("[data-all]", this.at)?.parentElement.remove();
      }
      document.dispatchEvent(new CustomEvent("task:again", { detail: of }));
    } catch (error) {
      tell(error);
      if (error.status === 409) document.dispatchEvent(new CustomEvent("task:again", { detail: of }));
    }
    for (const one of buttons) one.disabled = false;
    if (this.lines.length) this.rest();
  }
}
customElements.define("stk-assist", Assist);
