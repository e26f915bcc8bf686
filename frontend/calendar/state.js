// What the page shows, as its address says it; layouts and links take it along.
import { $$ } from "../lib.js";
import { settings } from "./dates.js";

const DAY = /^\d{4}-\d\d-\d\d$/;
const here = () => new URL(location.href);
export const phone = matchMedia("(max-width: 767px)");

export function view() {
  const asked = here().searchParams.get("view");
  return ["month", "week", "agenda"].includes(asked) ? asked : "month";
}
export function day() {
  const asked = here().searchParams.get("date") ?? "";
  return DAY.test(asked) && !Number.isNaN(Date.parse(asked)) && asked >= "1900-01-08" && asked <= "2200-11-01" ? asked : settings.today;
}
export function set(values) {
  const url = here();
  for (const [name, value] of Object.entries(values)) if (value) url.searchParams.set(name, value); else url.searchParams.delete(name);
  history.replaceState(history.state, "", url);
  links();
}

const leaf = (field) => here().searchParams.getAll("f").find((one) => one.startsWith(`${field}:in:`));
/** The values that a filter allows; null for all. */
export function filter(field) {
  const found = leaf(field);
  return found ? found.split(":")[2].split(",").map(decodeURIComponent) : null;
}
export function setFilter(field, values) {
  const url = here();
  const rest = url.searchParams.getAll("f").filter((one) => !one.startsWith(`${field}:in:`));
  url.searchParams.delete("f");
  for (const one of rest) url.searchParams.append("f", one);
  if (values) url.searchParams.append("f", `${field}:in:${values.map(encodeURIComponent).join(",")}`);
  history.replaceState(history.state, "", url);
  links();
}

/** The filters as REST takes them. Modules are left to the page, which counts those that it hides. */
export function query(extra = {}) {
  const asked = new URLSearchParams(extra);
  const { searchParams } = here();
  for (const one of searchParams.getAll("f")) if (!one.startsWith("module:in:")) asked.append("f", one);
  if (settings.module) asked.append("f", `module:in:${settings.module}`);
  if (searchParams.get("q")) asked.set("q", searchParams.get("q"));
  return asked;
}

/** Lists and boards know tasks only: types of other entries stay behind. */
function links() {
  const { searchParams } = here();
  for (const link of $$("[data-mode]")) {
    if (["calendar", "table"].includes(link.dataset.mode)) continue;
    const kept = new URLSearchParams();
    if (searchParams.get("q")) kept.set("q", searchParams.get("q"));
    for (const one of searchParams.getAll("f")) {
      if (!one.startsWith("type:in:")) { kept.append("f", one); continue; }
      const types = filter("type").filter((value) => settings.taskTypes.includes(value));
      if (types.length) kept.append("f", `type:in:${types.join(",")}`);
    }
    link.href = `${link.pathname}${kept.size ? `?${kept}` : ""}`;
  }
}
links();
