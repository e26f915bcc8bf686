// The import's pages: suggestions at once, progress while it runs.
import { $, $$, send } from "./lib.js";
import { on } from "./live.js";

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-accept-suggestions]")) for (const one of $$("select[data-suggestion]")) one.value = one.dataset.suggestion;
  if (event.target.closest("[data-create-rest]")) for (const one of $$("select[name^=decide-]")) if (!one.value && $("option[value=create]", one)) one.value = "create";
});

const box = $("[data-import]");
if (box?.dataset.busy === "1") {
  const number = new Intl.NumberFormat(document.documentElement.lang);
  const show = (data) => {
    if (data.id !== box.dataset.import) return;
    $("[data-position]", box).textContent = `${number.format(data.position)} / ${number.format(data.total)}`;
    const bar = $("[role=progressbar]", box);
    bar.setAttribute("aria-valuenow", data.position);
    bar.firstElementChild.style.width = `${(100 * data.position) / (data.total || 1)}%`;
    for (const key of ["created", "updated", "same", "failed"]) $(`[data-${key}]`, box).textContent = number.format(data[key]);
    if (["done", "failed", "undone"].includes(data.status)) location.reload();
  };
  on("import:progress", show);
  const poll = async () => {
    try { show(await send(`/sales/import/${box.dataset.import}/progress`, { method: "GET" })); } catch { /* asked again */ }
    setTimeout(poll, 2000);
  };
  setTimeout(poll, 1000);
}
