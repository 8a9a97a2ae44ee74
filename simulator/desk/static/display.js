// The customer's display: its two lines as they stand on the glass.

import { onLanguage, word } from "./words.js";

const LOOK_MS = 600;

const glass = document.getElementById("glass");

// A cell for each column, two for a Chinese character, whatever the page's font is.
function cell(letter) {
  const element = document.createElement("i");
  element.textContent = letter;
  if (letter.charCodeAt(0) > 0xff) element.className = "wide";
  return element;
}

function paint(lines) {
  const rows = glass.querySelectorAll("b");
  lines.forEach((line, at) => {
    if (rows[at].textContent !== line) rows[at].replaceChildren(...Array.from(line, cell));
  });
  glass.setAttribute("aria-label", `${word("glass")}: ${lines.map((line) => line.trim()).join(", ")}`);
}

async function look(call) {
  try {
    const seen = await call("display/api/display");
    paint(seen.fault === "unplugged" ? ["", ""] : seen.lines);
  } catch {
    paint(["", ""]);
  }
  setTimeout(() => look(call), LOOK_MS);
}

export function startDisplay({ call }) {
  glass.hidden = false;
  onLanguage(() => paint([...glass.querySelectorAll("b")].map((row) => row.textContent)));
  look(call);
}
