// Approval of a task (<stk-approval>): who is asked, what they answered, one's own answer.
import { $, $$, details, fragment, send, tell, texts } from "./lib.js";

// What was typed survives news from others, which draw the section anew.
const drafts = new Map();

class Approval extends HTMLElement {
  connectedCallback() {
    if (!this.of) {
      this.of = this.dataset.of;
      this.addEventListener("submit", (event) => { event.preventDefault(); this.submit(event); });
      this.addEventListener("click", (event) => {
        if (event.target.closest("[data-ask-again]")) this.ask(event.target.closest("button"), "approvers", "PUT", { again: true });
      });
      this.addEventListener("input", ({ target }) => { if (target.name === "note") drafts.set(this.of, target.value); });
    }
    this.load();
  }

  async load() {
    try {
      this.innerHTML = await fragment(`/tasks/${this.of}/approval${this.dataset.heading === "h2" ? "?page=1" : ""}`);
      const note = $("[name=note]", this);
      if (note) note.value = drafts.get(this.of) ?? "";
    } catch (error) {
      const again = Object.assign(document.createElement("button"), { type: "button", className: "link", textContent: texts.retry, onclick: () => this.load() });
      const line = Object.assign(document.createElement("p"), { className: "sk-error" });
      line.setAttribute("role", "alert");
      line.append(`${error.message} `, again);
      this.replaceChildren(line);
    }
    this.removeAttribute("aria-busy");
  }

  submit({ target: form, submitter }) {
    if ("decide" in form.dataset) return this.ask(submitter, "decision", "POST", { decision: submitter.value, note: form.elements.note.value });
    const members = $$("[name=member]:checked", form).map((one) => one.value);
    return this.ask(submitter, "approvers", "PUT", { members, rule: form.elements.rule.value }, form);
  }

  async ask(button, path, method, json, form = null) {
    button.disabled = true;
    try {
      await send(`/api/v1/tasks/${this.of}/${path}`, { method, json });
      drafts.delete(this.of);
      form?.hidePopover();
      document.dispatchEvent(new CustomEvent("task:again", { detail: this.of }));
    } catch (error) {
      button.disabled = false;
      if (!form) { tell(error); if (error.status === 409) this.load(); return; }
      const problem = $("[data-problem]", form);
      problem.textContent = details(error) || error.message;
      problem.hidden = false;
    }
  }
}
customElements.define("stk-approval", Approval);
