// The desk: starts its three parts and watches whether each is there.

import { startCards } from "./cards.js";
import { startDisplay } from "./display.js";
import { startPrinter } from "./printer.js";
import { onLanguage, startLanguage, word } from "./words.js";

const WATCH_MS = 3000;
const TOAST_MS = 4000;

export const find = (id) => document.getElementById(id);

const lampStates = {};

function paintLamp(name) {
  const state = lampStates[name] ?? "off";
  const lamp = find(`lamp-${name}`);
  lamp.dataset.state = state;
  const said = word({ on: "lampOn", off: "lampOff", warn: "lampWarn" }[state]);
  lamp.querySelector("b").textContent = said;
  lamp.title = said;
}

function light(name, state) {
  if (lampStates[name] === state) return;
  lampStates[name] = state;
  paintLamp(name);
}

let toastEnds = 0;

function toast(text) {
  const element = find("toast");
  element.textContent = text;
  element.classList.add("shown");
  clearTimeout(toastEnds);
  toastEnds = setTimeout(() => element.classList.remove("shown"), TOAST_MS);
}

// Calls the desk's own server; throws an Error with words for the person.
async function call(path, method = "GET", body = undefined) {
  const answer = await fetch(path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  const parsed = text && answer.headers.get("Content-Type")?.includes("json") ? JSON.parse(text) : {};
  if (!answer.ok) throw new Error(parsed.error ?? answer.statusText);
  return parsed;
}

let shown = false;
let awayReason = "";

function paintAway() {
  find("away").hidden = shown;
  find("away-text").textContent = awayReason ? word(awayReason) : "";
}

async function watchCashier(url) {
  let up = false;
  let framed = true;
  try {
    ({ cashier_up: up, cashier_framed: framed } = await call("status.json"));
  } catch {
    up = false; // the desk's own server is gone: its lamps say so
  }
  light("cashier", up ? "on" : "off");
  const frame = find("cashier");
  if (up && framed && !shown) {
    shown = true;
    frame.src = url;
  } else if (!up || !framed) {
    shown = false;
    awayReason = up ? "cashierUnframed" : "cashierAway";
    if (frame.src) frame.removeAttribute("src");
  }
  frame.hidden = !shown;
  paintAway();
  setTimeout(() => watchCashier(url), WATCH_MS);
}

async function start() {
  onLanguage(() => {
    for (const name of ["cashier", "rack", "printer"]) paintLamp(name);
    paintAway();
  });
  startLanguage();
  const desk = { call, light, toast };
  startCards(desk);
  startPrinter(desk);
  const { cashier_url: url, display } = await call("config.json");
  if (display) startDisplay(desk);
  find("away-link").href = url;
  await watchCashier(url);
}

start();
