// Bars of the overview; every bar leads to its records, and a table stands behind the chart.
import { BarController, BarElement, CategoryScale, Chart, LinearScale, Tooltip } from "chart.js";
import { $$ } from "./lib.js";

Chart.register(BarController, BarElement, CategoryScale, LinearScale, Tooltip);
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
for (const canvas of $$("canvas[data-bars]")) {
  const values = JSON.parse(canvas.dataset.bars);
  const urls = JSON.parse(canvas.dataset.urls);
  new Chart(canvas, {
    type: "bar",
    data: { labels: canvas.dataset.labels.split("|"), datasets: [{ data: values, backgroundColor: css("--c1"), borderRadius: 5, maxBarThickness: 36 }] },
    options: {
      animation: matchMedia("(prefers-reduced-motion: reduce)").matches ? false : { duration: 250 },
      maintainAspectRatio: false,
      onClick: (_event, hits) => { if (hits[0]) location.assign(urls[hits[0].index]); },
      onHover: (event, hits) => { event.native.target.style.cursor = hits.length ? "pointer" : "default"; },
      plugins: { tooltip: { displayColors: false, callbacks: { label: ({ raw }) => new Intl.NumberFormat(document.documentElement.lang).format(raw) } } },
      scales: {
        x: { grid: { display: false }, ticks: { color: css("--muted-foreground"), font: { family: css("--font-sans"), size: 12 } }, border: { display: false } },
        y: { grid: { color: css("--line") }, border: { display: false }, ticks: { color: css("--muted-foreground"), maxTicksLimit: 5, callback: (value) => new Intl.NumberFormat(document.documentElement.lang, { notation: "compact" }).format(value) } },
      },
    },
  });
}
