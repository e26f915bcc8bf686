// Bundles scripts and styles with hashed names, collects the icons that templates name, writes
// manifest.json (logical name -> file name) and icons.json (name -> SVG body).
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { basename, extname, join } from "node:path";

const out = "app/static/dist";
mkdirSync(out, { recursive: true });

// The chart's styles name fonts of another host; ours are here, and its icons are not used.
const ganttFonts = {
  name: "gantt-fonts",
  setup({ onLoad }) {
    onLoad({ filter: /dhtmlxgantt\.css$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8").replace(/@font-face\s*\{[^}]*\}/g, ""),
      loader: "css",
    }));
  },
};

const result = await build({
  plugins: [ganttFonts],
  entryPoints: {
    app: "frontend/app.js",
    board: "frontend/board.js",
    charts: "frontend/charts.js",
    roles: "frontend/roles.js",
    lines: "frontend/lines.js",
    imports: "frontend/imports.js",
    exports: "frontend/exports.js",
    swagger: "frontend/swagger.js",
    tasks: "frontend/tasks.js",
    kanban: "frontend/kanban.js",
    home: "frontend/home.js",
    calendar: "frontend/calendar.js",
    timeline: "frontend/timeline.js",
    templates: "frontend/templates.js",
    similar: "frontend/similar.js",
    fields: "frontend/fields.js",
    automations: "frontend/automations.js",
    intake: "frontend/intake.js",
    style: "frontend/style.css",
  },
  bundle: true,
  minify: true,
  format: "esm",
  splitting: true,
  target: ["es2022"],
  outdir: out,
  entryNames: "[name]-[hash]",
  chunkNames: "chunk-[hash]",
  assetNames: "[name]-[hash]",
  loader: { ".woff2": "file", ".svg": "file" },
  metafile: true,
  legalComments: "none",
  logLevel: "error",
});

const manifest = {};
for (const [file, info] of Object.entries(result.metafile.outputs)) {
  if (info.entryPoint) {
    const name = basename(info.entryPoint).replace(extname(info.entryPoint), extname(file));
    manifest[name] = basename(file);
    if (info.cssBundle) manifest[name.replace(".js", ".css")] = basename(info.cssBundle);
  } else if (file.endsWith(".woff2")) {
    manifest["inter.woff2"] = basename(file);
  }
}

const hash = (text) => createHash("sha256").update(text).digest("hex").slice(0, 8).toUpperCase();
const theme = readFileSync("frontend/theme.js", "utf8");
const themeFile = `theme-${hash(theme)}.js`;
writeFileSync(join(out, themeFile), theme);
manifest["theme.js"] = themeFile;
// What the emoji of each language are called.
for (const [language, source] of [["it", "it/cldr"], ["en", "en/emojibase"]]) {
  const names = readFileSync(`node_modules/emoji-picker-element-data/${source}/data.json`, "utf8");
  manifest[`emoji-${language}.json`] = `emoji-${language}-${hash(names)}.json`;
  writeFileSync(join(out, manifest[`emoji-${language}.json`]), names);
}
writeFileSync(join(out, "manifest.json"), JSON.stringify(manifest, null, 1));

// Every quoted word of a template or a module that is the name of an icon.
const files = (folder, ending) =>
  readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return name === "static" ? [] : files(path, ending);
    return ending.some((one) => name.endsWith(one)) ? [path] : [];
  });
const known = new Set(readdirSync("node_modules/lucide-static/icons").map((name) => name.replace(".svg", "")));
const used = new Set();
for (const path of files("app", [".html", ".py"])) {
  for (const [, word] of readFileSync(path, "utf8").matchAll(/["']([a-z][a-z0-9-]*)["']/g)) {
    if (known.has(word)) used.add(word);
  }
}
const icons = {};
for (const name of [...used].sort()) {
  icons[name] = readFileSync(`node_modules/lucide-static/icons/${name}.svg`, "utf8")
    .replace(/<!--[\s\S]*?-->/g, "")
    .replace(/^[\s\S]*?<svg[\s\S]*?>/, "")
    .replace("</svg>", "")
    .replace(/\s+/g, " ")
    .trim();
}
writeFileSync(join(out, "icons.json"), JSON.stringify(icons));
copyFileSync("frontend/favicon.svg", join(out, "favicon.svg"));
