// Comments of a record (<stk-talk>) and its links (<stk-links>).
import { place } from "./app.js";
import { compose } from "./composer.js";
import { pickEmoji } from "./emoji.js";
import { $, $$, fragment, send, tell, texts, toast, visit } from "./lib.js";
import { on } from "./live.js";
import "./links.js";
import { summarize } from "./summary.js";

const api = (path) => `/api/v1/comments/${path}`;
const shown = new Set();

class Talk extends HTMLElement {
  connectedCallback() {
    shown.add(this);
    if (this.of) return; // taken out and put back
    this.of = this.dataset.of;
    this.threads = $("[data-threads]", this);
    this.addEventListener("click", (event) => this.act(event).catch(tell));
    this.load().then(() => this.jump());
  }

  disconnectedCallback() {
    shown.delete(this);
  }

  draft(name) {
    return `draft:${this.dataset.draft}:${this.of}:${name}`;
  }

  /** Draws the comments anew; of two questions on their way the later one's answer counts, for both. */
  load() {
    this.turn = (this.turn ?? 0) + 1;
    this.loading = this.redraw(this.turn);
    return this.loading;
  }

  async redraw(turn) {
    let html;
    try { html = await fragment(`/comments/${this.of}`); }
    catch (error) { return turn === this.turn ? this.fail(error) : this.loading; }
    if (turn !== this.turn) return this.loading;
    // A menu that was opened meanwhile is waited for.
    const menu = $("[data-comment] [popover]:popover-open", this.threads);
    if (menu) return void menu.addEventListener("toggle", () => this.load(), { once: true });
    const open = new Set($$("details[open]", this.threads).map((one) => one.dataset.key));
    const focused = document.activeElement?.closest?.("[data-comment]")?.id;
    const writing = $$("[data-threads] [data-compose]", this);
    const typing = this.threads.contains(document.activeElement) && document.activeElement.closest("[data-compose]") ? document.activeElement : null;
    const box = document.createElement("div");
    box.innerHTML = html;
    this.state = box.firstElementChild.dataset;
    this.threads.replaceChildren(...box.childNodes);
    this.threads.removeAttribute("aria-busy");
    for (const one of $$("details", this.threads)) one.open = open.has(one.dataset.key);
    // What is being written stays open over news from others.
    for (const form of writing) {
      const { under, edits } = form.dataset;
      if (under) $(`[data-thread="${under}"]`, this.threads)?.append(form);
      else this.put(form, $(`[data-comment="${edits}"]`, this.threads));
    }
    $("[data-summarize]", this)?.setAttribute("aria-expanded", String(!$("[data-summary]", this).hidden));
    const count = $("[data-comment-count]", this);
    count.textContent = this.state.count;
    count.hidden = this.state.count === "0";
    this.dock();
    return void (typing ?? (focused && document.getElementById(focused)))?.focus({ preventScroll: true });
  }

  fail(error) {
    const line = document.createElement("p");
    line.className = "sk-error";
    line.setAttribute("role", "alert");
    const again = document.createElement("button");
    Object.assign(again, { type: "button", className: "link", textContent: texts.retry, onclick: () => this.load() });
    line.append(`${error.message} `, again);
    this.threads.replaceChildren(line);
  }

  form() {
    return $("template[data-composer]", this).content.cloneNode(true).firstElementChild;
  }

  get internal() {
    return this.state.mayInternal === "1" ? false : null;
  }

  dock() {
    const dock = $("[data-dock]", this);
    if (this.state.mayComment !== "1" || dock.childElementCount) return;
    const form = this.form();
    dock.append(form);
    dock.hidden = false;
    compose(form, { of: this.of, key: this.draft("new"), internal: this.internal, post: (values) => this.post(values) });
  }

  async post(values) {
    const [kind, record] = this.of.split("/");
    const { id } = await send(api(""), { json: { kind, record, ...values } });
    await this.load();
    toast(texts.sentComment);
    document.getElementById(`comment-${id}`)?.scrollIntoView({ block: "nearest" });
  }

  reply(thread) {
    const open = $("[data-compose]", thread);
    if (open) return $("textarea", open).focus();
    const form = this.form();
    form.dataset.under = thread.dataset.thread;
    thread.append(form);
    const close = () => { form.remove(); $("[data-reply]", thread)?.focus(); };
    const post = async (values) => { await send(api(""), { json: { ...this.record, parent: thread.dataset.thread, ...values } }); form.remove(); await this.load(); };
    return compose(form, { of: this.of, key: this.draft(thread.dataset.thread), post, onCancel: close, label: "answer" }).focus();
  }

  get record() {
    const [kind, record] = this.of.split("/");
    return { kind, record };
  }

  /** The form in which a comment is changed, in its place. */
  put(form, comment) {
    if (!comment) return;
    const body = $("[data-body]", comment);
    body.hidden = true;
    body.after(form);
  }

  edit(comment) {
    const form = this.form();
    const id = comment.dataset.comment;
    form.dataset.edits = id;
    $("[data-attach]", form).hidden = true;
    this.put(form, comment);
    const close = () => {
      localStorage.removeItem(this.draft(id));
      const shut = form.closest("[data-comment]");
      form.remove();
      if (!shut) return;
      $("[data-body]", shut).hidden = false;
      shut.focus();
    };
    let version = Number(comment.dataset.version);
    const post = async ({ body: text }) => {
      try {
        await send(api(id), { method: "PATCH", json: { body: text, version } });
      } catch (error) {
        // What was written meanwhile is told; who then saves again means it.
        if (error.status === 409) version = error.details?.version ?? version;
        throw error;
      }
      form.remove();
      await this.load();
      document.getElementById(comment.id)?.focus();
    };
    compose(form, { of: this.of, key: this.draft(id), text: $("[data-source]", comment).value, post, onCancel: close, label: "save" }).focus();
  }

  async act(event) {
    const comment = event.target.closest("[data-comment]");
    const id = comment?.dataset.comment;
    const hit = (name) => event.target.closest(`[data-${name}]`);
    const done = async (path, options) => { await send(api(path), options); await this.load(); };
    if (hit("summarize")) return summarize(this, hit("summarize"));
    if (hit("older")) return this.older(hit("older"));
    if (!comment) return undefined;
    event.target.closest("[role=menuitem]")?.closest("[popover]").hidePopover();
    if (hit("copy-link") || hit("permalink")) {
      event.preventDefault();
      await navigator.clipboard.writeText(new URL(`/comments/go/${id}`, location.href).href);
      toast(texts.copied);
    } else if (hit("reply")) this.reply(hit("thread"));
    else if (hit("react-add")) {
      const emoji = await pickEmoji(hit("react-add"));
      if (emoji) await done(`${id}/reactions`, { json: { emoji } });
    } else if (hit("react")) {
      const { react } = hit("react").dataset;
      await done(`${id}/reactions`, { json: { emoji: react } });
      $(`#comment-${id} [data-react="${CSS.escape(react)}"]`)?.focus();
    } else if (hit("resolve")) await done(`${id}/resolve`, { json: { resolved: hit("resolve").dataset.resolve === "yes" } });
    else if (hit("edit-comment")) this.edit(comment);
    else if (hit("delete-comment")) {
      await done(id, { method: "DELETE" });
      toast(texts.deletedComment, { action: { label: texts.undo, run: () => done(`${id}/restore`, { json: {} }).catch(tell) } });
    } else if (hit("history")) await this.history(id);
    return undefined;
  }

  async older(button) {
    const html = await fragment(`/comments/${this.of}?before=${encodeURIComponent(button.dataset.older)}`);
    const box = document.createElement("div");
    box.innerHTML = html;
    button.replaceWith(...box.firstElementChild.childNodes);
  }

  async history(id) {
    const html = await fragment(`/comments/history/${id}`);
    const dialog = document.createElement("dialog");
    dialog.className = "sk-dialog";
    dialog.setAttribute("aria-label", texts.commentHistory);
    const box = document.createElement("section");
    box.className = "sk-pop";
    const head = document.createElement("header");
    const title = document.createElement("h2");
    title.textContent = texts.commentHistory;
    const close = document.createElement("button");
    Object.assign(close, { type: "button", className: "btn", textContent: "×", onclick: () => dialog.close() });
    close.dataset.variant = "ghost";
    close.dataset.size = "icon-sm";
    close.setAttribute("aria-label", texts.close);
    head.append(title, close);
    const content = document.createElement("div");
    content.className = "in";
    content.innerHTML = html;
    box.append(head, content);
    dialog.append(box);
    dialog.onclose = () => dialog.remove();
    document.body.append(dialog);
    dialog.showModal();
  }

  /** To the comment that the address names. */
  jump() {
    const target = location.hash.startsWith("#comment-") && document.getElementById(location.hash.slice(1));
    if (!target || !this.contains(target)) return;
    // A page with tabs first shows the one that the comments are in.
    const panel = target.closest("[role=tabpanel][hidden]");
    if (panel) document.getElementById(panel.getAttribute("aria-labelledby")).click();
    visit(target);
    target.classList.add("target");
  }
}
customElements.define("stk-talk", Talk);

on("comment:changed", ({ kind, id }) => {
  for (const one of shown) if (one.of === `${kind}/${id}`) setTimeout(() => one.load(), Math.random() * 300 + 50);
});
document.addEventListener("live:missed", ({ detail }) => { if (detail.kind === "comment") for (const one of shown) one.load(); });
document.addEventListener("toggle", (event) => {
  const trigger = event.newState === "open" && event.target.closest?.("stk-talk") && $(`[popovertarget="${event.target.id}"]`);
  if (trigger) place(event.target, trigger.getBoundingClientRect());
}, true);
