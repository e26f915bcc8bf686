// The summary of a conversation: fetched when somebody asks, edited and posted by a person or put away.
import { $, fragment, tell, visit } from "./lib.js";

/** Shows the summary above the comments of `talk` (<stk-talk>), or puts it away. */
export async function summarize(talk, button) {
  const place = $("[data-summary]", talk);
  const again = () => $("[data-summarize]", talk);
  const mark = () => again()?.setAttribute("aria-expanded", String(!place.hidden));
  const close = () => { place.hidden = true; place.replaceChildren(); mark(); again()?.focus(); };
  if (!place.hidden) return close();
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  try {
    place.innerHTML = await fragment(`/comments/${talk.of}/summary`);
  } catch (error) {
    return tell(error);
  } finally {
    button.disabled = false;
    button.removeAttribute("aria-busy");
  }
  place.hidden = false;
  mark();
  place.onclick = (event) => {
    const go = event.target.closest("[data-go]");
    const comment = go && document.getElementById(`comment-${go.dataset.go}`);
    if (event.target.closest("[data-dismiss]")) close();
    else if (event.target.closest("[data-use]")) use(talk, place);
    else if (comment) {
      event.preventDefault();
      visit(comment);
    }
  };
  place.onkeydown = (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    close();
  };
  return $("[data-title]", place).focus();
}

/** Puts the summary into the form for a new comment, behind what is there; what rests on internal comments is internal. */
function use(talk, place) {
  const form = $("[data-dock] [data-compose]", talk);
  const area = $("textarea", form);
  const lock = $("[data-internal]", form);
  const text = $("[data-draft]", place).value;
  area.value = area.value ? `${area.value}\n\n${text}` : text;
  area.dispatchEvent(new Event("input", { bubbles: true }));
  if (place.firstElementChild.dataset.internal === "1" && lock.getAttribute("aria-pressed") !== "true") lock.click();
  place.hidden = true;
  place.replaceChildren();
  area.focus();
}
