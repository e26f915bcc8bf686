// The emoji picker, loaded when it is first wanted, and the search behind ":" in a text.
import { place } from "./app.js";
import { texts } from "./lib.js";

const italian = document.documentElement.lang.startsWith("it");
const options = { dataSource: texts.emoji, locale: italian ? "it" : "en" };

let picker = null;
async function load() {
  const [{ default: Picker }, { default: words }] = await Promise.all([
    import("emoji-picker-element/picker.js"),
    italian ? import("emoji-picker-element/i18n/it.js") : import("emoji-picker-element/i18n/en.js"),
  ]);
  // It writes a <style>, which the content security policy refuses: the same rules go in as a style sheet of its own.
  const make = document.createElement;
  document.createElement = (name, ...rest) => make.call(document, name === "style" ? "sk-rules" : name, ...rest);
  try {
    picker = new Picker({ ...options, i18n: words });
  } finally {
    delete document.createElement;
  }
  const rules = picker.shadowRoot.querySelector("sk-rules");
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(rules.textContent);
  picker.shadowRoot.adoptedStyleSheets = [sheet];
  rules.remove();
  const box = document.createElement("div");
  box.popover = "auto";
  box.className = "sk-pop sk-emoji";
  box.setAttribute("aria-label", texts.reactionAdd);
  box.setAttribute("role", "dialog");
  box.append(picker);
  document.body.append(box);
  return box;
}

/** Asks for an emoji beside `trigger`; the answer is the emoji, or null. */
export async function pickEmoji(trigger) {
  const box = picker?.parentElement ?? (await load());
  picker.classList.toggle("dark", document.documentElement.classList.contains("dark"));
  box.showPopover();
  place(box, trigger.getBoundingClientRect());
  setTimeout(() => picker.shadowRoot.querySelector("input[type=search]")?.focus(), 60);
  return new Promise((resolve) => {
    const done = (emoji) => {
      picker.removeEventListener("emoji-click", chosen);
      box.removeEventListener("toggle", closed);
      resolve(emoji);
    };
    const chosen = ({ detail }) => { done(detail.unicode); box.hidePopover(); trigger.focus(); };
    const closed = (event) => { if (event.newState === "closed") { done(null); trigger.focus(); } };
    picker.addEventListener("emoji-click", chosen);
    box.addEventListener("toggle", closed);
  });
}

let names = null;
/** Emoji whose name or short code starts with `text`: eight at most. */
export async function searchEmoji(text) {
  const { default: Database } = await import("emoji-picker-element/database.js");
  names ??= new Database(options);
  const found = text.length > 1 ? await names.getEmojiBySearchQuery(text) : [];
  return found.slice(0, 8).map((one) => ({ emoji: one.unicode, name: one.annotation }));
}
