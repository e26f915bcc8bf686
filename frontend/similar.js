// Tasks that may be the same as one that is being written down: below its title in the form, as a toast after a quick add.
import { $, fragment, toast } from "./lib.js";

const PAUSE = 400;

/** The box of tasks with a similar title; null where there are none, or nobody could say. */
async function find(title, own = "") {
  const query = new URLSearchParams({ title, ...(own && { except: own }) });
  const holder = document.createElement("template");
  try { holder.innerHTML = await fragment(`/tasks/similar?${query}`); }
  catch { return null; } // a hint that does not come is no error
  return holder.content.firstElementChild;
}

/** Says after a quick add that the task may have been there already. */
export async function hint(title, own) {
  const box = await find(title, own);
  if (!box) return;
  const shown = toast($("p", box).textContent, { kind: "warn" });
  $("p", box).remove();
  shown.append(box);
}

const place = $("[data-similar]");
if (place) {
  const input = document.getElementById(place.dataset.similar);
  input.closest(".sk-field").append(place);
  let waiting = null, turn = 0;
  const look = async () => {
    const mine = ++turn;
    const box = await find(input.value);
    if (mine === turn) place.replaceChildren(...(box ? [box] : []));
  };
  input.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(look, PAUSE); });
  if (input.value) look();
}
