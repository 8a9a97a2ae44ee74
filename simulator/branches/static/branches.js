// The page of two branches: counters in frames, cables, cards, and the cloud's books.

import { labelOf, onLanguage, startLanguage, word } from "./words.js";

const LOOK_MS = 800;
const WATCH_MS = 2500;
const TOAST_MS = 4000;
const find = (id) => document.getElementById(id);

const branches = [];
let cards = [];
let books = null;
let moving = false;
let toastEnds = 0;

function toast(text) {
  const element = find("toast");
  element.textContent = text;
  element.classList.add("shown");
  clearTimeout(toastEnds);
  toastEnds = setTimeout(() => element.classList.remove("shown"), TOAST_MS);
}

async function call(path, method = "GET", body = undefined) {
  const answer = await fetch(path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  const parsed = text && answer.headers.get("Content-Type")?.includes("json") ? JSON.parse(text) : {};
  if (!answer.ok) throw new Error(parsed.error ?? parsed.title ?? answer.statusText);
  return parsed;
}

async function tried(work) {
  try {
    await work();
  } catch (error) {
    toast(word("failed") + error.message);
  }
}

function element(tag, text = "", classes = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = classes;
  return made;
}

// -- branches and cables --------------------------------------------------------------------------

function addBranch({ name, cashier_url: url }) {
  const section = find("branch").content.firstElementChild.cloneNode(true);
  const branch = { name, url, section, mode: "joined", up: false };
  section.querySelector(".cable").addEventListener("click", () => tried(() => toggleCable(branch)));
  branches.push(branch);
  find("branches").append(section);
}

async function toggleCable(branch) {
  const mode = branch.mode === "joined" ? "refused" : "joined";
  ({ mode: branch.mode } = await call(`network/api/cables/${branch.name}`, "POST", { mode }));
  paintBranch(branch);
}

function paintBranch(branch) {
  const { section, name } = branch;
  const cut = branch.mode !== "joined";
  section.dataset.mode = branch.mode;
  section.querySelector("h2").textContent = `${word("branch")} ${name}`;
  section.querySelector(".state").textContent = word(cut ? "cut" : "joined");
  const button = section.querySelector(".cable");
  button.textContent = word(cut ? "joinIt" : "cutIt");
  button.setAttribute("aria-pressed", String(cut));
  const frame = section.querySelector("iframe");
  frame.title = `${word("branch")} ${name}`;
  if (branch.up && !frame.src) frame.src = branch.url;
  if (!branch.up && frame.src) frame.removeAttribute("src");
  frame.hidden = !branch.up;
  const away = section.querySelector(".away");
  away.hidden = branch.up;
  away.textContent = word("away");
}

// -- cards ----------------------------------------------------------------------------------------

function trayItem(card) {
  const item = element("li", "", card.inserted ? "taken" : "");
  item.append(element("span", labelOf(card), "name"));
  branches.forEach((branch, reader) => {
    const button = element("button", `${word("layOn")} ${branch.name}`);
    button.type = "button";
    const lies = card.inserted && card.reader === reader;
    button.setAttribute("aria-pressed", String(lies));
    button.setAttribute("aria-label", `${labelOf(card)}: ${word("layOn")} ${branch.name}`);
    button.dataset.card = `${card.id}:${reader}`;
    button.addEventListener("click", () => tried(() => lay(card, reader)));
    item.append(button);
  });
  return item;
}

async function lay(card, reader) {
  if (moving) return;
  moving = true;
  try {
    await call(`rack/api/cards/${card.id}/insert`, "POST", { reader });
  } finally {
    moving = false;
  }
  await lookAtCards();
}

function paintCards() {
  const kept = document.activeElement?.dataset?.card;
  const items = cards.length ? cards.map(trayItem) : [element("li", word("noCards"))];
  find("tray").replaceChildren(...items);
  if (kept) find("tray").querySelector(`[data-card="${CSS.escape(kept)}"]`)?.focus();
  find("eject").disabled = !cards.some((card) => card.inserted);
}

async function lookAtCards() {
  const seen = JSON.stringify(cards);
  cards = await call("rack/api/cards");
  if (JSON.stringify(cards) !== seen) paintCards();
}

// -- the cloud's books ----------------------------------------------------------------------------

const yuan = (fen) => (fen / 100).toFixed(2);

function table(caption, heads, rows) {
  const made = element("table");
  made.append(element("caption", word(caption)));
  const head = element("tr");
  for (const name of heads) {
    const cell = element("th", word(name));
    cell.scope = "col";
    head.append(cell);
  }
  made.append(head);
  for (const row of rows) {
    const line = element("tr");
    for (const text of row) line.append(element("td", text));
    made.append(line);
  }
  if (!rows.length) {
    const line = element("tr");
    line.append(element("td", word("nothing")));
    made.append(line);
  }
  return made;
}

function paintBooks() {
  find("cloud-away").hidden = books !== null;
  if (books === null) return;
  const time = (ms) => (ms ? new Date(ms).toLocaleTimeString() : "–");
  find("books").replaceChildren(
    table("accounts", ["member", "funded", "reserve", "held", "settled", "over", "atRisk"], books.accounts.map((each) => [
      each.member, ...["funded_fen", "reserve_fen", "held_fen", "settled_fen", "overspent_fen", "at_risk_fen"].map((name) => yuan(each[name])),
    ])),
    table("settlement", ["sold", "topped", "amount"], books.settlement.map((each) => [
      each.sold_at, each.funded_at, yuan(each.amount_fen),
    ])),
    table("devices", ["device", "lastSeen", "cursor", "held"], books.devices.map((each) => [
      each.device, time(each.seen_ms), String(each.bseq), yuan(each.held_fen),
    ])),
  );
}

async function lookAtBooks() {
  try {
    books = await call("books.json");
  } catch {
    books = null;
  }
  paintBooks();
}

// -- the page -------------------------------------------------------------------------------------

function paintAll() {
  branches.forEach(paintBranch);
  paintCards();
  paintBooks();
}

function again(work, pause) {
  const turn = async () => {
    try {
      await work();
    } catch {
      // What does not answer is asked again; its place on the page says so.
    }
    setTimeout(turn, pause);
  };
  return turn();
}

async function lookAtBranches() {
  const up = await call("status.json");
  const cables = await call("network/api/cables");
  for (const branch of branches) {
    branch.up = up[branch.name] ?? false;
    branch.mode = cables.find((cable) => cable.name === branch.name)?.mode ?? branch.mode;
    paintBranch(branch);
  }
}

async function start() {
  const config = await call("config.json");
  config.branches.forEach(addBranch);
  onLanguage(paintAll);
  startLanguage();
  find("eject").addEventListener("click", () => tried(async () => {
    await call("rack/api/cards/eject", "POST", {});
    await lookAtCards();
  }));
  again(lookAtBranches, WATCH_MS);
  again(lookAtCards, LOOK_MS);
  again(lookAtBooks, WATCH_MS);
}

start();
