// An export's page: how far it is, live, and asked for where nothing is heard.
import { $, number, send } from "./lib.js";
import { on } from "./live.js";

const box = $("[data-export]");
if (box?.dataset.busy === "1") {
  const show = (data) => {
    if (data.id !== box.dataset.export) return;
    $("[data-position]", box).textContent = `${number(data.position)} / ${number(data.total)}`;
    const bar = $("[role=progressbar]", box);
    bar.setAttribute("aria-valuenow", data.position);
    bar.firstElementChild.style.width = `${(100 * data.position) / (data.total || 1)}%`;
    if (!["queued", "running"].includes(data.status)) location.reload();
  };
  on("export:progress", show);
  const poll = async () => {
    try { show(await send(`/exports/${box.dataset.export}/progress`, { method: "GET" })); } catch { /* asked again */ }
    setTimeout(poll, 2000);
  };
  setTimeout(poll, 1000);
}
