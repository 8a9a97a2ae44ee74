// The receipt printer: its paper, its state, its faults.

import { onLanguage, timeOf, word } from "./words.js";

const RETRY_MS = 2000;
const PAPERS_SHOWN = 30;
const CUT_AFTER_BYTES = 400;
// Faults under which the printer still prints: shown as a warning, not as an error.
const PRINTS_ON = ["ok", "paper-near-end", "slow", "mute"];

const find = (id) => document.getElementById(id);
let desk;
let state = null;
let papers = [];
let newest = 0;

function paintState() {
  const away = state === null;
  const fault = state?.fault;
  const text = find("printer-state");
  const waiting = state?.buffered_bytes ? ` · ${word("buffered")} ${state.buffered_bytes} ${word("bytes")}` : "";
  text.textContent = away ? word("printerAway") : word(`printer_${fault.name}`) + waiting;
  const level = away ? "off" : fault.name === "ok" ? "on" : PRINTS_ON.includes(fault.name) ? "warn" : "bad";
  text.dataset.level = level;
  find("printer-dot").dataset.level = level;
  desk.light("printer", away ? "off" : level === "on" ? "on" : "warn");
  find("printer-drawer").textContent = `${state?.drawer_kicks ?? 0} ${word("times")}`;
  find("unknown-row").hidden = !state?.unknown_count;
  find("printer-unknown").textContent = state?.unknown_count ?? 0;
  find("mend").disabled = away || fault.name === "ok";
  const warning = find("printer-warning");
  warning.hidden = !state?.warnings?.length;
  warning.textContent = state?.warnings?.join("; ") ?? "";
  paintFaults();
}

function paintFaults() {
  const select = find("fault");
  const names = state?.faults ?? ["ok"];
  const key = JSON.stringify([names, word("fault")]);
  if (select.dataset.key !== key) {
    select.dataset.key = key;
    select.replaceChildren(...names.map((name) => new Option(word(`printer_${name}`), name)));
  }
  select.disabled = state === null;
  if (state && document.activeElement !== select) select.value = state.fault.name;
}

// An answer may come after an event that saw the printer later.
function take(seen) {
  if (state && seen.sequence < state.sequence) return;
  state = seen;
  paintState();
}

async function setFault(name) {
  const body = { fault: name };
  if (name === "cut-connection") body.after_bytes = CUT_AFTER_BYTES;
  try {
    take(await desk.call("printer/api/printer/fault", "POST", body));
  } catch (error) {
    desk.toast(word("failed") + error.message);
  }
  find("fault").blur();
  paintState();
}

function paperItem(paper) {
  const item = document.createElement("li");
  item.dataset.n = paper.n;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "sheet";
  const image = document.createElement("img");
  image.src = `printer${paper.url}`;
  image.width = paper.width;
  image.height = paper.height;
  image.alt = "";
  button.append(image);
  button.addEventListener("click", () => enlarge(paper));
  const caption = document.createElement("p");
  item.append(button, caption);
  nameItem(item, paper);
  return item;
}

function nameItem(item, paper) {
  const first = paper.text_preview.split("\n")[0].slice(0, 60);
  item.querySelector("button").setAttribute("aria-label", `${word("enlarge")} ${paper.n}. ${first}`);
  const ended = paper.ended === "cut" ? "" : ` · ${word(`ended_${paper.ended}`)}`;
  const notes = paper.notes.length ? ` · ${word("notes")}: ${paper.notes.join("; ")}` : "";
  item.querySelector("p").textContent = `#${paper.n}  ${timeOf(paper.at)}${ended}${notes}`;
}

function addPaper(paper, fresh) {
  if (paper.n <= newest) return;
  newest = paper.n;
  papers.unshift(paper);
  const list = find("papers");
  const item = paperItem(paper);
  list.prepend(item);
  find("no-paper").hidden = true;
  while (list.children.length > PAPERS_SHOWN) {
    list.lastElementChild.remove();
    papers.pop();
  }
  if (fresh) slideOut(item);
}

// The paper grows out of the slot: its clipped window opens while it moves down.
function slideOut(item) {
  find("roll").scrollTo({ top: 0 });
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const height = item.offsetHeight;
  const duration_ms = Math.min(2200, 500 + height * 2);
  const sheet = item.firstElementChild;
  item.style.overflow = "hidden";
  item.animate([{ height: "0" }, { height: `${height}px` }], { duration: duration_ms, easing: "linear" });
  const moved = sheet.animate(
    [{ transform: `translateY(-${height}px)` }, { transform: "none" }],
    { duration: duration_ms, easing: "linear" },
  );
  moved.finished.finally(() => { item.style.overflow = ""; });
}

async function enlarge(paper) {
  find("paper-dialog-title").textContent = `${word("paperNumber")} #${paper.n} · ${timeOf(paper.at)}`;
  find("paper-image").src = `printer${paper.url}`;
  find("paper-image").alt = paper.text_preview;
  find("paper-text").textContent = "";
  find("paper-dialog").showModal();
  try {
    const answer = await fetch(`printer/api/papers/${paper.n}.txt`);
    find("paper-text").textContent = answer.ok ? await answer.text() : paper.text_preview;
  } catch {
    find("paper-text").textContent = paper.text_preview;
  }
}

// The printer has another memory than before: it was started with another folder.
function startAfresh() {
  newest = 0;
  papers = [];
  find("papers").replaceChildren();
  find("no-paper").hidden = false;
}

async function listen() {
  try {
    const first = newest === 0;
    const listed = await desk.call("printer/api/papers");
    if (listed.length === 0 || listed.at(-1).n < newest) startAfresh();
    for (const paper of listed.slice(-PAPERS_SHOWN)) addPaper(paper, !first);
  } catch {
    state = null;
    paintState();
    setTimeout(listen, RETRY_MS);
    return;
  }
  const events = new EventSource("printer/api/papers/events");
  events.addEventListener("paper", (event) => addPaper(JSON.parse(event.data), true));
  events.addEventListener("printer", (event) => take(JSON.parse(event.data)));
  events.addEventListener("error", () => {
    events.close();
    state = null;
    paintState();
    setTimeout(listen, RETRY_MS);
  });
}

export function startPrinter(given) {
  desk = given;
  find("fault").addEventListener("change", (event) => setFault(event.target.value));
  find("mend").addEventListener("click", () => setFault("ok"));
  onLanguage(() => {
    paintState();
    for (const item of find("papers").children) {
      nameItem(item, papers.find((paper) => String(paper.n) === item.dataset.n));
    }
  });
  listen();
}
