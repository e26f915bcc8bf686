// Mistakes in our scripts and styles; `make lint` runs it.
import css from "@eslint/css";
import js from "@eslint/js";
import globals from "globals";

const scripts = ["frontend/**/*.js", "frontend/**/*.mjs", "eslint.config.js"];

export default [
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  { files: scripts, ...js.configs.recommended },
  { files: ["frontend/**/*.js"], languageOptions: { globals: globals.browser } },
  { files: ["frontend/**/*.mjs"], languageOptions: { globals: globals.node } },
  {
    files: scripts,
    rules: {
      "array-callback-return": "error",
      "default-case-last": "error",
      eqeqeq: ["error", "smart"],
      "no-alert": "error",
      "no-console": "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-self-compare": "error",
      "no-sequences": "error",
      "no-shadow": "error",
      "no-template-curly-in-string": "error",
      "no-throw-literal": "error",
      "no-unmodified-loop-condition": "error",
      "no-use-before-define": ["error", { functions: false, variables: false }],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "prefer-promise-reject-errors": "error",
    },
  },
  {
    files: ["frontend/**/*.css"],
    plugins: { css },
    language: "css/css",
    rules: {
      ...css.configs.recommended.rules,
      // Our rules override Basecoat's, whose selectors are longer, and [hidden] must win over any display.
      "css/no-important": "off",
      // The variables stand in other files (Basecoat's, tokens.css) or come from the server (branding).
      "css/no-invalid-properties": ["error", { allowUnknownVariables: true }],
      // Whatever every current browser knows; text areas that cannot be resized there are as good.
      "css/use-baseline": ["error", { available: "newly", allowProperties: ["resize"] }],
    },
  },
];
