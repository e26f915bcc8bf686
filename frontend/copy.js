// Buttons that copy what is shown: an address, a secret, the recovery codes.
import { $, $$, toast } from "./lib.js";

for (const button of $$("[data-copy]")) button.addEventListener("click", async () => {
  await navigator.clipboard.writeText($(button.dataset.copy).innerText.trim());
  toast(button.dataset.copied);
});
