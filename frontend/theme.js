// Runs before the first paint: "system" follows the machine.
(() => {
  const root = document.documentElement;
  if (root.dataset.theme === "system") {
    root.classList.toggle("dark", matchMedia("(prefers-color-scheme: dark)").matches);
  }
  if (localStorage.getItem("rail") === "1") root.dataset.rail = "1";
})();
