// The card tray and the reader.

import { bothWords, labelOf, onLanguage, word } from "./words.js";

const LOOK_MS = 700;
const LOOK_AWAY_MS = 2500;
const PALETTES = 6;

// Faults of the rack, by the name of their words. INS C7 is CommitTransaction.
const FAULTS = [
  ["plain", null],
  ["tear", { mode: "remove", at: 3 }, "fault_note_tear"],
  ["tearBefore", { mode: "remove", ins: "c7", when: "before" }, "fault_note_commit"],
  ["tearAfter", { mode: "remove", ins: "c7", when: "after" }, "fault_note_commit"],
  ["silent", { mode: "silence" }],
  ["slow", { delay_ms: 1500 }],
  ["length", { mode: "wrong_length" }],
  ["mac", { mode: "wrong_mac" }],
  ["endless", { mode: "endless_af" }],
  ["status", { mode: "garbage_status" }],
];
const COPIES = [["snapshot", "copy_note_snapshot"], ["replay", "copy_note_replay"]];
const FORGED = /^(copy|clone)-/;

const find = (id) => document.getElementById(id);
let desk;
let cards = [];
let reachable = true;
let moving = "";
let next = null;

function element(tag, classes = "", text = "") {
  const made = document.createElement(tag);
  made.className = classes;
  made.textContent = text;
  return made;
}

function drawing(name, classes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  made.setAttribute("class", classes);
  made.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#${name}`);
  made.append(use);
  return made;
}

// By the UID: a copied card looks like its original.
function paletteOf(card) {
  let sum = 0;
  for (const letter of card.uid || card.id) sum = (sum * 31 + letter.codePointAt(0)) >>> 0;
  return sum % PALETTES;
}

// The face of a card: on the reader with its whole UID, in the tray with its end.
function face(card, small = false) {
  const made = element("span", `face kind-${card.kind} palette-${paletteOf(card)}`);
  const top = element("span", "face-top");
  top.append(element("span", "face-kind", word(`kind_${card.kind}`)), drawing("waves", "face-waves"));
  const digits = String(card.uid ?? "").toUpperCase();
  const shown = small && digits.length > 8 ? digits.slice(-6) : digits;
  const uid = (shown === digits ? "" : "… ") + shown.replace(/(..)(?=.)/g, "$1 ");
  made.append(top);
  if (card.kind !== "uid") made.append(drawing("chip", "face-chip"));
  made.append(element("span", "face-label", labelOf(card)), element("span", "face-uid", uid));
  return made;
}

function trayItem(card, index) {
  const item = element("li", card.inserted ? "place taken" : "place");
  const button = element("button", "card");
  button.type = "button";
  button.dataset.card = card.id;
  button.setAttribute("aria-pressed", String(card.inserted));
  button.append(face(card, true), element("span", "sr", `. ${word(card.inserted ? "take" : "put")}`));
  if (card.inserted) button.append(element("span", "taken-text", word("onReader")));
  button.addEventListener("click", () => toggle(card.id));
  const more = element("button", "more");
  more.type = "button";
  more.dataset.more = card.id;
  more.setAttribute("aria-label", `${labelOf(card)}: ${word("more")}`);
  more.setAttribute("aria-haspopup", "dialog");
  more.append(drawing("dots", ""));
  more.addEventListener("click", () => openChoices(card));
  item.append(button, more);
  if (index < 9) item.append(element("kbd", "", String(index + 1)));
  return item;
}

function paint() {
  const focused = document.activeElement;
  const wanted = focused?.dataset?.card ? `[data-card="${CSS.escape(focused.dataset.card)}"]`
    : focused?.dataset?.more ? `[data-more="${CSS.escape(focused.dataset.more)}"]` : "";
  find("tray").replaceChildren(...cards.map(trayItem));
  if (wanted) find("tray").querySelector(wanted)?.focus();
  const inserted = cards.find((card) => card.inserted);
  const place = find("on-reader");
  if (place.dataset.shown !== (inserted?.id ?? "") || place.dataset.name !== (inserted && labelOf(inserted))) {
    place.replaceChildren(...(inserted ? [face(inserted)] : []));
    place.dataset.shown = inserted?.id ?? "";
    if (inserted) place.dataset.name = labelOf(inserted);
  }
  find("reader").classList.toggle("busy", Boolean(inserted));
  find("eject").disabled = !inserted;
  find("tray-hint").textContent = !reachable ? word("rackAway") : cards.length ? word("trayHint") : word("noCards");
  document.body.classList.toggle("moving", moving !== "");
}

let lastPainted = "";

async function look() {
  try {
    cards = await desk.call("rack/api/cards");
    reachable = true;
  } catch {
    cards = [];
    reachable = false;
  }
  desk.light("rack", reachable ? "on" : "off");
  const seen = JSON.stringify([cards, reachable, moving]);
  if (seen !== lastPainted) {
    lastPainted = seen;
    paint();
  }
}

// One move at a time: the rack waits until the reader has seen the former card leave. What the
// person asked for last, meanwhile, comes next.
async function move(id, work) {
  if (moving) {
    next = [id, work];
    return;
  }
  moving = id;
  desk.toast(word("moving"));
  document.body.classList.add("moving");
  try {
    await work();
    desk.toast("");
  } catch (error) {
    desk.toast(word("failed") + error.message);
  } finally {
    moving = "";
    lastPainted = "";
    await look();
  }
  if (next && !moving) {
    const [nextId, nextWork] = next;
    next = null;
    await move(nextId, nextWork);
  }
}

const path = (id, verb) => `rack/api/cards/${encodeURIComponent(id)}/${verb}`;

function insert(id, fault) {
  return move(id, () => desk.call(path(id, "insert"), "POST", fault ? { fault } : {}));
}

function eject() {
  return move("eject", () => desk.call("rack/api/cards/eject", "POST"));
}

function toggle(id) {
  const card = cards.find((each) => each.id === id);
  if (!card) return undefined;
  return card.inserted ? eject() : insert(id, null);
}

async function forge(card, how) {
  const stamp = Date.now().toString(36).slice(-5);
  const prefix = bothWords(how === "snapshot" ? "copyPrefix" : "replayPrefix");
  const body = {
    as: `${how === "snapshot" ? "copy" : "clone"}-${stamp}`,
    label: { zh: prefix.zh + (card.label?.zh ?? card.id), en: prefix.en + (card.label?.en ?? card.id) },
    ...(how === "replay" ? { from: "next" } : {}),
  };
  try {
    await desk.call(path(card.id, how), "POST", body);
    desk.toast(word(how === "snapshot" ? "copied" : "recording"));
  } catch (error) {
    desk.toast(word("failed") + error.message);
  }
  await look();
}

function choice(text, note, act) {
  const button = element("button", "choice");
  button.append(element("span", "", text));
  if (note) button.append(element("small", "", note));
  button.addEventListener("click", act);
  return button;
}

function openChoices(card) {
  find("card-dialog-title").textContent = labelOf(card);
  const forgeries = COPIES.filter(([how]) => card.kind !== "replay" && (how !== "replay" || card.kind === "desfire"));
  const parts = [element("h3", "", word("putWith"))];
  for (const [name, fault, note] of FAULTS) {
    parts.push(choice(word(`fault_${name}`), note && word(note), () => insert(card.id, fault)));
  }
  if (forgeries.length) parts.push(element("h3", "", word("copyHeading")));
  for (const [how, note] of forgeries) {
    parts.push(choice(word(`copy_${how}`), word(note), () => forge(card, how)));
  }
  if (FORGED.test(card.id)) {
    parts.push(choice(word("remove"), "", async () => {
      await move(card.id, () => desk.call(`rack/api/cards/${encodeURIComponent(card.id)}`, "DELETE"));
    }));
  }
  find("card-choices").replaceChildren(...parts);
  find("card-dialog").showModal();
}

function pressed(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  if (document.querySelector("dialog[open]") || event.target.closest("input, select, textarea")) return;
  if (event.key === "0") eject();
  const index = "123456789".indexOf(event.key);
  if (event.key.length === 1 && index >= 0 && cards[index]) toggle(cards[index].id);
}

async function watch() {
  await look();
  setTimeout(watch, document.hidden ? LOOK_AWAY_MS : LOOK_MS);
}

export function startCards(given) {
  desk = given;
  find("eject").addEventListener("click", eject);
  document.addEventListener("keydown", pressed);
  onLanguage(paint);
  watch();
}
