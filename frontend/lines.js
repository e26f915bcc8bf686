// A deal's page: lines, stage steps, closing dialogs.
import { $, $$, openDialog, send, texts, toast } from "./lib.js";

const deal = $("[data-deal]");
const card = $("[data-lines]");
if (card?.hasAttribute("data-editable")) {
  const current = () => $$("[data-line]", card).map((row) => ({
    product: row.dataset.product || null,
    ...Object.fromEntries($$("[data-key]", row).map((cell) => [cell.dataset.key, cell.textContent.trim()])),
  }));
  const save = async (lines, errors) => {
    try {
      await send(card.dataset.lines, { json: { lines, version: Number(card.dataset.version) } });
      location.hash = "lines";
      location.reload();
    } catch (error) {
      const text = [error.message, ...Object.values(error.errors ?? {}).flat()].join(" ");
      if (errors) { errors.textContent = text; errors.hidden = false; }
      else toast(text, { kind: error.status === 409 ? "warn" : "error" });
    }
  };
  card.addEventListener("click", (event) => {
    const remove = event.target.closest("[data-remove-line]");
    if (remove) { remove.closest("[data-line]").remove(); save(current()); }
  });
  // A cell becomes an input: Enter or leaving saves, Escape takes it back.
  card.addEventListener("dblclick", (event) => edit(event.target.closest("[data-key]")));
  for (const cell of $$("[data-key]", card)) {
    cell.tabIndex = 0;
    cell.setAttribute("role", "button");
    cell.classList.add("sk-cell");
    cell.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === "F2") { event.preventDefault(); edit(cell); } });
  }
  function edit(cell) {
    if (!cell || cell.querySelector("input")) return;
    const before = cell.textContent.trim();
    const input = document.createElement("input");
    input.className = "input";
    input.value = before.replace(/[^\d.,\-a-zA-ZÀ-ÿ0-9 ]/g, "").trim();
    input.setAttribute("aria-label", cell.dataset.key);
    cell.replaceChildren(input);
    input.focus();
    input.select();
    let done = false;
    const finish = (keep) => {
      if (done) return;
      done = true;
      const value = input.value;
      cell.textContent = keep ? value : before;
      if (keep && value !== before) save(current());
    };
    input.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter") finish(true);
      else if (event.key === "Escape") finish(false);
    });
    input.addEventListener("blur", () => finish(true));
  }
  const form = $("[data-line-form]");
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    save([...current(), Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ""))], $("[data-errors]", form));
  });
}

if (deal) {
  const { deal: id, version, title, amount } = deal.dataset;
  document.addEventListener("click", async (event) => {
    const step = event.target.closest("[data-set-stage]");
    if (step) {
      try { await send(`/sales/opportunities/${id}/move`, { json: { stage: step.dataset.setStage, version: Number(version) } }); location.reload(); }
      catch (error) { toast(error.status === 409 ? texts.conflict : error.message, { kind: "warn" }); }
    }
    const opener = event.target.closest("[data-close-deal]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.closeDeal);
      const form = $("form", dialog);
      $("[data-deal-title]", dialog).textContent = title;
      form.version.value = version;
      if (form.amount) form.amount.value = amount.replace(".", document.documentElement.lang === "it" ? "," : ".");
      form.onsubmit = async (submit) => {
        submit.preventDefault();
        try { await send(`/sales/opportunities/${id}/${form.dataset.closing}`, { form: new FormData(form) }); location.reload(); }
        catch (error) { const box = $("[data-errors]", dialog); box.textContent = [error.message, ...Object.values(error.errors ?? {}).flat()].join(" "); box.hidden = false; }
      };
      openDialog(dialog);
    }
  });
}
