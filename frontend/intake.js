// Requests: J and K go through them, as through the rows of a list; a form that was refused opens again.
import "./copy.js";
import { $ } from "./lib.js";

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || document.body.dataset.shortcuts !== "1") return;
  if (event.target.closest?.("input, textarea, select, [contenteditable], dialog[open], :popover-open")) return;
  const url = { j: "following", k: "previous" }[event.key.toLowerCase()];
  const to = url && $("[data-requests]")?.dataset[url];
  if (to) location.assign(to);
});

const again = document.getElementById($("[data-reopen]")?.dataset.reopen ?? "");
again?.showModal();
if (again) {
  $("[aria-invalid=true]", again)?.focus();
  again.addEventListener("close", () => $("[data-reopen]").focus(), { once: true });
}
