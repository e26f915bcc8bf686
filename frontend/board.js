// The pipeline board: mouse, touch, keyboard and menu do the same move; other people's boards follow.
import { $, $$, fill, fragment, money, number, openDialog, send, texts, toast } from "./lib.js";
import { on } from "./live.js";
import { board, cardById, cardKeys, cardMenu, cardsOf, columns, draggable, isSame, put, refused, say, where } from "./cards.js";

const { query, order, currency } = board.dataset;
const writable = board.dataset.writable === "1";
const column = (id) => $(`[data-column="${id}"]`, board);
const suffix = query ? `?${query}` : "";
let undo = null;
// The newest versions that this page knows of, and changes of others that wait while a card is in the hand.
const own = new Map();
const held = new Map();
const hold = (id) => { if (!held.has(id)) held.set(id, []); };
const release = (id) => {
  const waiting = (held.get(id) ?? []).filter((one) => !(one.version <= own.get(id)));
  held.delete(id);
  if (waiting.length) refresh(id, waiting.flatMap((one) => [one.from, one.to]));
};

function totals() {
  let sum = 0, weighted = 0;
  for (const one of columns()) { sum += Number(one.dataset.amount); weighted += Number(one.dataset.weighted); }
  $("[data-total]").textContent = money(sum, currency);
  $("[data-total-weighted]").textContent = money(weighted, currency);
}

function applySums(found) {
  for (const [id, sums] of Object.entries(found ?? {})) {
    const one = column(id);
    if (!one) continue;
    const count = $("[data-count]", one);
    count.dataset.count = sums.count;
    count.textContent = number(sums.count);
    $("[data-sum]", one).textContent = sums.sum;
    $("[data-weighted-sum]", one).textContent = sums.weighted;
    one.dataset.amount = sums.amount;
    one.dataset.weighted = sums.weighted_amount;
    $(".sk-none", one).hidden = sums.count > 0;
    $("[data-more]", one).hidden = cardsOf(one).children.length >= sums.count;
  }
  totals();
}

/** Sends a move that the page already shows; puts the card back when the server refuses. */
async function save(card, from, { undoable = true } = {}) {
  const to = where(card);
  const id = card.dataset.card;
  card.classList.add("saving");
  hold(id);
  try {
    const answer = await send(`/sales/opportunities/${id}/move${suffix}`, {
      json: { stage: to.stage, after: to.after, before: to.before, version: Number(card.dataset.version), from: from.stage },
    });
    card.dataset.version = answer.version;
    card.dataset.stage = answer.stage;
    own.set(id, answer.version);
    applySums(answer.columns);
    const name = column(to.stage).dataset.name;
    say(fill(texts.moved, { title: card.dataset.title, column: name }));
    if (undoable) {
      undo = () => {
        const now = cardById(id);
        if (!now) return;
        const back = where(now);
        put(now, from);
        save(now, back, { undoable: false });
      };
      if (to.stage !== from.stage) toast(fill(texts.moved, { title: card.dataset.title, column: name }), { action: { label: texts.undo, run: () => { undo?.(); undo = null; } } });
    }
  } catch (error) {
    put(card, from);
    refused(card.dataset.title, error, error.status === 409 ? texts.conflict : error.message);
    if (error.status === 409 || error.status === 404) { own.delete(id); await refresh(id, [to.stage]); }
  } finally {
    card.classList.remove("saving");
    release(id);
    for (const one of columns()) $(".sk-none", one).hidden = cardsOf(one).children.length > 0;
  }
}

/** Draws a card anew as the server has it: after somebody else's change, or a lost race. */
async function refresh(id, stages = []) {
  const pairs = [...new Set([cardById(id)?.closest("[data-column]").dataset.column, ...stages])].filter((one) => one && column(one));
  let found;
  try {
    found = await send(`/sales/pipeline/card/${id}?${[query, ...pairs.map((one) => `stage=${one}`)].filter(Boolean).join("&")}`, { method: "GET" });
  } catch (error) {
    if (error.status === 404) cardById(id)?.remove();
    return;
  }
  // Another answer may have come in meanwhile: the newest one counts, and a card is there once.
  const known = cardById(id);
  if (found.version < own.get(id)) return;
  own.set(id, found.version);
  const holder = document.createElement("div");
  holder.innerHTML = found.html.trim();
  const fresh = holder.firstElementChild;
  if (!found.open || !column(found.stage)) { known?.remove(); applySums(found.columns); return; }
  const focused = known && document.activeElement === known;
  if (known && known.dataset.stage === found.stage) known.replaceWith(fresh);
  else { known?.remove(); cardsOf(column(found.stage)).prepend(fresh); }
  fresh.classList.add("arrived");
  if (focused) fresh.focus();
  applySums(found.columns);
}

on("opportunity:changed", (change) => {
  if (change.version <= own.get(change.id)) return;
  if (held.has(change.id)) return void held.get(change.id).push(change);
  const card = cardById(change.id);
  if (change.pipeline && change.pipeline !== board.dataset.pipeline && !card) return;
  // All open boards hear of a move at the same moment; those that show it already need not ask for the rest
  // of it (sums, age, next activity) at the same moment too.
  setTimeout(() => refresh(change.id, [change.from, change.to]), follow(card, change) ? Math.random() * 800 : 0);
});

/** Moves a card that this page shows to where somebody else put it; whether it did. */
function follow(card, { change, to, after, before }) {
  const target = change === "moved" && order === "rank" && card && column(to);
  if (!target) return false;
  const near = [after, before].some((id) => id && cardById(id)?.closest("[data-column]") === target);
  if (!near && (after || before)) return false;
  put(card, { stage: to, after, before });
  card.dataset.stage = to;
  card.classList.add("arrived");
  return true;
}
document.addEventListener("live:missed", ({ detail }) => { if (detail.kind === "opportunity") refresh(detail.id); });
document.addEventListener("live:reload", () => location.reload());

// ── more cards ──
board.addEventListener("click", async (event) => {
  const more = event.target.closest("[data-more]");
  if (!more) return;
  const one = more.closest("[data-column]");
  more.disabled = true;
  try {
    const html = await fragment(`/sales/pipeline/column/${one.dataset.column}?${[query, `order=${order}`, `offset=${cardsOf(one).children.length}`].filter(Boolean).join("&")}`);
    const holder = document.createElement("div");
    holder.innerHTML = html;
    for (const card of [...holder.children]) if (!cardById(card.dataset.card)) cardsOf(one).append(card);
    more.hidden = cardsOf(one).children.length >= Number($("[data-count]", one).dataset.count);
  } catch (error) { toast(error.message, { kind: "error" }); }
  more.disabled = false;
});

if (writable) {
  // ── mouse and touch ──
  const zones = $("[data-zones]");
  let pointer = null;
  document.addEventListener("pointermove", (event) => { pointer = event; if (!zones.hidden) light(event); });
  document.addEventListener("touchmove", (event) => { pointer = event.touches[0]; if (!zones.hidden) light(pointer); }, { passive: true });
  const zoneAt = (event) => event && $$("[data-zone]", zones).find((one) => {
    const box = one.getBoundingClientRect();
    return event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
  });
  const light = (event) => { const hit = zoneAt(event); for (const one of $$("[data-zone]", zones)) one.classList.toggle("hit", one === hit); };
  for (const one of columns()) {
    draggable(one, {
      start: (item) => { hold(item.dataset.card); zones.hidden = false; },
      back: (item) => { zones.hidden = true; release(item.dataset.card); },
      end: (item, from) => {
        const zone = zoneAt(pointer);
        zones.hidden = true;
        if (zone) { put(item, from); openClosing(item, zone.dataset.zone); }
        else if (!isSame(where(item), from)) return void save(item, from);
        return void release(item.dataset.card);
      },
    });
  }

  // ── keyboard ──
  cardKeys({
    writable, save, add: quickAdd,
    hold: (card) => hold(card.dataset.card),
    release: (card) => release(card.dataset.card),
    open: (card) => location.assign($("h3 a", card).href),
  });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "z" && undo && !event.target.closest("input, textarea")) { event.preventDefault(); const run = undo; undo = null; run(); }
  });

  // ── menu of a card ──
  const menu = $("#card-menu");
  const chosen = cardMenu(menu, (card) => {
    $("[data-act=open]", menu).href = `/sales/opportunities/show/${card.dataset.card}`;
    $("[data-act=edit]", menu).href = `/sales/opportunities/edit/${card.dataset.card}`;
    for (const one of $$("[data-move]", menu)) one.disabled = one.dataset.move === card.dataset.stage;
  });
  document.addEventListener("click", (event) => {
    const move = event.target.closest("#card-menu [data-move]");
    if (move) {
      const card = chosen(), before = where(card);
      menu.hidePopover();
      cardsOf(column(move.dataset.move)).prepend(card);
      card.focus();
      save(card, before);
    }
    const act = event.target.closest("#card-menu [data-act]")?.dataset.act;
    if (act === "won" || act === "lost") { menu.hidePopover(); openClosing(chosen(), act); }
  });

  // ── won and lost ──
  function openClosing(card, kind) {
    const { card: id, stage } = card.dataset;
    const dialog = $(kind === "won" ? "#won-dialog" : "#lost-dialog");
    $("[data-deal-title]", dialog).textContent = card.dataset.title;
    const form = $("form", dialog);
    form.reset();
    form.version.value = card.dataset.version;
    if (form.amount) form.amount.value = card.dataset.amount.replace(".", document.documentElement.lang === "it" ? "," : ".");
    $("[data-errors]", dialog).hidden = true;
    form.onsubmit = async (event) => {
      event.preventDefault();
      try {
        const answer = await send(`/sales/opportunities/${id}/${form.dataset.closing}`, { form: new FormData(form) });
        own.set(id, answer.version);
        dialog.close();
        cardById(id)?.remove();
        refresh(id, [stage]);
        toast(answer.message, { action: { label: texts.undo, run: async () => {
          const data = new FormData();
          data.append("version", answer.version);
          try { await send(`/sales/opportunities/${id}/reopen`, { form: data }); refresh(id, [stage]); }
          catch (error) { toast(error.message, { kind: "error" }); }
        } } });
      } catch (error) {
        const box = $("[data-errors]", dialog);
        box.textContent = [error.message, ...Object.values(error.errors ?? {}).flat()].join(" ");
        box.hidden = false;
        if (error.status === 409) refresh(id);
      }
    };
    openDialog(dialog);
  }
  // ── quick add ──
  function quickAdd(one) {
    $(".sk-quick", board)?.remove();
    const form = document.createElement("form");
    form.className = "sk-quick";
    form.innerHTML = `<input class="input" name="title" maxlength="200" required><input class="input" name="amount" inputmode="decimal">`;
    form.elements.title.placeholder = texts.dealTitle;
    form.elements.title.setAttribute("aria-label", texts.dealTitle);
    form.elements.amount.placeholder = texts.amount;
    form.elements.amount.setAttribute("aria-label", texts.amount);
    const submit = document.createElement("button");
    submit.className = "btn";
    submit.dataset.size = "sm";
    submit.textContent = texts.add;
    form.append(submit);
    cardsOf(one).before(form);
    form.elements.title.focus();
    form.addEventListener("keydown", (event) => { if (event.key === "Escape") { form.remove(); $("[data-quick-add]", one).focus(); } });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const data = new FormData(form);
      data.append("stage", one.dataset.column);
      // The next one may be written while this one is on its way; what did not arrive comes back, where there is room.
      form.reset();
      form.elements.title.focus();
      try {
        const answer = await send(`/sales/opportunities/quick${suffix}`, { form: data });
        own.set(answer.id, 1);
        const holder = document.createElement("div");
        holder.innerHTML = answer.html.trim();
        cardById(answer.id)?.remove();
        cardsOf(one).prepend(holder.firstElementChild);
        applySums(answer.columns);
      } catch (error) {
        if (!form.elements.title.value) for (const key of ["title", "amount"]) form.elements[key].value = data.get(key);
        toast(error.message, { kind: "error", detail: Object.values(error.errors ?? {}).flat().join(" ") });
      }
    });
  }
  board.addEventListener("click", (event) => { const add = event.target.closest("[data-quick-add]"); if (add) quickAdd(add.closest("[data-column]")); });
}
