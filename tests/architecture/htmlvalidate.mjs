// What html-validate asks of rendered pages (test_html.py): all that it recommends, but for the rules named here.
export default {
  root: true,
  extends: ["html-validate:recommended"],
  rules: {
    // Several values of one name are how forms send a list: filters, roles, the stages in their new order.
    "form-dup-name": "off",
    // Widths of bars are data, and mails have no style sheet.
    "no-inline-style": "off",
    // Safari reads a list without markers as a list only when it is told so.
    "no-redundant-role": "off",
    // Buttons in our forms send them, inputs are of text: the standard's own defaults.
    "no-implicit-button-type": "off",
    "no-implicit-input-type": "off",
    // Said once by djLint for the templates; what a template leaves behind harms nobody.
    "no-trailing-whitespace": "off",
    // Comboboxes, areas that scroll by the keyboard, columns of cards, bars that take our colours.
    "prefer-native-element": ["error", { exclude: ["listbox", "region", "list", "listitem", "progressbar"] }],
    // The single field of a search is sent with Enter.
    "wcag/h32": "off",
  },
};
