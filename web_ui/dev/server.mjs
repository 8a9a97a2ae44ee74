// Serves the built page and the contract of /api/v1 over the little shop, with the same strict
// content policy as the device. `/dev/...` moves the scenery. For development only.
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { Shop, newId } from "./shop.mjs";

const STATIC = fileURLToPath(new URL("../../daemon/web/static/", import.meta.url));
const PAPER = readFileSync(new URL("receipt.png", import.meta.url));
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json" };
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

class Refused extends Error {
  constructor(status, key, facts = {}) {
    super(key);
    Object.assign(this, { status, key, facts });
  }
}

const listeners = new Set();
const ring = [];
let boot = newId();
let sequence = 0;
let shop = new Shop(publish);
let signedIn = false;
let mute = 0;

function publish(kind, body) {
  const frame = `id: ${boot}-${++sequence}\nevent: ${kind}\ndata: ${JSON.stringify(body)}\n\n`;
  ring.push(frame);
  for (const listener of listeners) listener.write(frame);
}

function events(request, response, query) {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  response.write("retry: 1000\n\n");
  const after = request.headers["last-event-id"] ?? query.get("after") ?? "";
  const [seenBoot, seen] = after.split("-");
  if (seenBoot === boot) for (const frame of ring.slice(Number(seen))) response.write(frame);
  else response.write(`id: ${boot}-${sequence}\nevent: snapshot\ndata: ${JSON.stringify(shop.status())}\n\n`);
  listeners.add(response);
  request.on("close", () => listeners.delete(response));
}

const EMPLOYEE = { employee: { id: "E1", number: "101", name: "陈静", role: "cashier" }, expires_ms: Date.now() + 28_800_000 };

function signIn({ employee, pin }) {
  if (shop.failures >= 5) throw new Refused(429, "sign_in_locked", { seconds: 58 });
  if (employee !== "101" || pin !== "246810") {
    shop.failures += 1;
    throw new Refused(401, "sign_in_failed", { left: 5 - shop.failures });
  }
  signedIn = true;
  return { ...EMPLOYEE, token: "dev" };
}

function saleOf(id) {
  const sale = shop.sales.find((it) => it.sale_id === id);
  if (!sale) throw new Refused(404, "sale_unknown");
  return sale;
}

function pin(sale, { pin: typed }) {
  if (typed === "1234") {
    shop.pinFailures = 0;
    shop.approve(shop.member(sale.member.member_id));
    return sale;
  }
  shop.pinFailures += 1;
  if (shop.pinFailures >= 3) {
    shop.end("declined", "pin_locked", { seconds: 300 });
    throw new Refused(429, "pin_locked", { seconds: 300 });
  }
  throw new Refused(403, "pin_wrong", { left: 3 - shop.pinFailures });
}

const SALE_VERBS = {
  pin,
  confirm: (sale) => (shop.approve(shop.byNumber("1001")), sale),
  cancel(sale) {
    if (shop.current === sale) shop.end("cancelled", "cancelled_by_cashier");
    else Object.assign(sale, { status: "cancelled", reason: "cancelled_by_cashier" });
    publish("sale", sale);
    return sale;
  },
  park(sale) {
    sale.status = "parked";
    shop.current = null;
    publish("sale", sale);
    shop.tell("idle");
    return sale;
  },
  resume(sale) {
    if (shop.busy) throw new Refused(409, "counter_busy");
    sale.status = "awaiting_card";
    shop.current = sale;
    shop.tell("awaiting_card");
    return sale;
  },
  void: (sale) => shop.voidSale(sale),
};

// [method, path pattern, work(parts, body, query), status]
const ROUTES = [
  ["GET", /^status$/, () => shop.status()],
  ["POST", /^sales$/, (_, body) => {
    if (shop.busy) throw new Refused(409, "counter_busy");
    return shop.begin(body.amount_fen);
  }, 202],
  ["GET", /^sales$/, (_, __, query) => ({
    sales: shop.sales.filter((it) => !query.get("status") || it.status === query.get("status")).slice(0, 20),
  })],
  ["GET", /^sales\/(\w+)$/, ([id]) => saleOf(id)],
  ["POST", /^sales\/(\w+)\/(\w+)$/, ([id, verb], body) => SALE_VERBS[verb](saleOf(id), body)],
  ["POST", /^recharges$/, (_, body) => shop.recharge(body)],
  ["POST", /^recharges\/(\w+)\/void$/, ([id]) => {
    const made = shop.recharges.find((it) => it.recharge_id === id);
    made.voided = true;
    return made;
  }],
  ["GET", /^recharge-rules$/, () => ({ tiers: [{ from_fen: 20_000, bonus_bp: 500 }, { from_fen: 50_000, bonus_bp: 1_000 }] })],
  ["GET", /^members$/, (_, __, query) => {
    const q = query.get("q") ?? "";
    return { members: shop.members.filter((it) => `${it.number} ${it.name} ${it.phone}`.includes(q)) };
  }],
  ["POST", /^members$/, (_, body) => {
    const number = body.number ?? String(1001 + shop.members.length);
    const member = { member_id: newId(), number, name: `${body.name[0]}*`, phone: `${body.phone.slice(0, 3)}****${body.phone.slice(-4)}`, category: "standard", status: "active", balance: { principal_fen: 0, bonus_fen: 0 }, has_pin: false, cards: [] };
    shop.members.push(member);
    return member;
  }, 201],
  ["PUT", /^members\/(\w+)\/pin$/, ([id]) => void (shop.member(id).has_pin = true), 204],
  ["POST", /^card-issues$/, (_, body) => {
    const issue = { issue_id: newId(), member_id: body.member_id, status: "awaiting_card", reason: null, card: null };
    shop.issues.push(issue);
    return issue;
  }, 202],
  ["GET", /^card-issues\/(\w+)$/, ([id]) => shop.issues.find((it) => it.issue_id === id)],
  ["DELETE", /^card-issues\/(\w+)$/, () => undefined, 204],
  ["POST", /^cards\/(\w+)\/status$/, ([id], body) => {
    const member = shop.members.find((it) => it.cards.some((card) => card.card_id === id));
    member.cards.find((card) => card.card_id === id).status = body.status;
    return member;
  }],
  ["GET", /^receipts$/, () => ({ receipts: shop.receipts })],
  ["POST", /^receipts\/(\w+)\/reprint$/, ([id]) => (publish("receipt", { receipt_id: id, state: "printed" }), {}), 202],
  // The scenery.
  ["POST", /^dev\/reset$/, () => {
    boot = newId();
    ring.length = sequence = 0;
    signedIn = false;
    shop = new Shop(publish);
    for (const listener of listeners) listener.end();
    return {};
  }],
  ["POST", /^dev\/approve$/, (_, body) => (shop.approve(shop.byNumber(body.number)), {})],
  ["POST", /^dev\/working$/, (_, body) => (shop.known(shop.byNumber(body.number)), shop.tell("deciding"), {})],
  ["POST", /^dev\/pin$/, (_, body) => {
    shop.known(shop.byNumber(body.number));
    shop.current.status = "awaiting_pin";
    shop.tell("awaiting_pin");
    return {};
  }],
  ["POST", /^dev\/ask$/, (_, body) => {
    shop.known(shop.byNumber("1001"));
    shop.tell("awaiting_card", body.ask);
    return {};
  }],
  ["POST", /^dev\/torn$/, (_, body) => {
    shop.known(shop.byNumber(body.number));
    Object.assign(shop.current, { status: "unknown", reason: "card_torn" });
    shop.tell("unknown", body.ask ?? "tap_again");
    return {};
  }],
  ["POST", /^dev\/decline$/, (_, body) => {
    if (body.number) shop.known(shop.byNumber(body.number));
    shop.end(body.status ?? "declined", body.reason, body.facts);
    return {};
  }],
  ["POST", /^dev\/show$/, (_, body) => (shop.show(body.number), {})],
  ["POST", /^dev\/lift$/, () => (shop.lift(), {})],
  ["POST", /^dev\/refuse$/, (_, body) => (shop.refuse(body.reason, body.facts), {})],
  ["POST", /^dev\/set$/, (_, body) => (shop.set(body.part, body.value), {})],
  ["POST", /^dev\/issue$/, (_, body) => Object.assign(shop.issues.at(-1), body)],
  ["POST", /^dev\/mute$/, (_, body) => void (mute = body.answers), 204],
  ["POST", /^dev\/cut$/, () => {
    for (const listener of listeners) listener.destroy();
    return {};
  }],
  ["POST", /^dev\/restart$/, () => {
    const ended = { ...shop.sales[0], sale_id: newId(), status: "declined", reason: "restarted", receipt_id: null, voidable: false, created_ms: Date.now(), settled_ms: Date.now() };
    shop.sales.unshift(ended);
    shop.lastRun = { sales: [ended], receipts_waiting: 1 };
    boot = newId();
    ring.length = sequence = 0;
    for (const listener of listeners) listener.destroy();
    return {};
  }],
];

function send(response, status, type, body, more = {}) {
  response.writeHead(status, { "Content-Type": type, "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", ...more });
  response.end(body);
}

function file(response, path) {
  const name = path === "/" ? "index.html" : path.slice(1);
  if (!/^[\w./-]+$/.test(name) || name.includes("..") || !existsSync(STATIC + name)) return send(response, 404, "text/plain", "");
  send(response, 200, TYPES[extname(name)] ?? "application/octet-stream", readFileSync(STATIC + name));
}

async function bodyOf(request) {
  let text = "";
  for await (const part of request) text += part;
  return text === "" ? {} : JSON.parse(text);
}

async function handle(request, response) {
  const url = new URL(request.url, "http://localhost");
  if (url.pathname === "/healthz") return send(response, 200, "application/json", "{}");
  const path = url.pathname.replace(/^\/(api\/v1\/)?/, "");
  const scenery = path.startsWith("dev/");
  if (!url.pathname.startsWith("/api/v1/") && !scenery) return file(response, url.pathname);
  const body = await bodyOf(request);
  if (path === "session") {
    if (request.method === "POST") return send(response, 200, "application/json", JSON.stringify(signIn(body)));
    if (request.method === "DELETE") signedIn = false;
    if (!signedIn && request.method === "GET") throw new Refused(401, "not_signed_in");
    return send(response, request.method === "DELETE" ? 204 : 200, "application/json", request.method === "DELETE" ? undefined : JSON.stringify(EMPLOYEE));
  }
  if (!signedIn && !scenery) throw new Refused(401, "not_signed_in");
  if (path === "events") return events(request, response, url.searchParams);
  if (path.endsWith(".png")) return send(response, 200, "image/png", PAPER);
  const key = request.headers["idempotency-key"];
  const kept = key && shop.keys.get(key);
  let answer = kept;
  if (!kept) {
    for (const [method, pattern, work, status = 200] of ROUTES) {
      const match = method === request.method && pattern.exec(path);
      if (!match) continue;
      const made = work(match.slice(1), body, url.searchParams);
      answer = { status, text: status === 204 ? undefined : JSON.stringify(made) };
      break;
    }
    if (!answer) throw new Refused(404, "not_found");
    if (key) shop.keys.set(key, answer);
  }
  // The answer gets lost on its way, though the work was done.
  if (key && mute > 0 && mute--) return void request.socket.destroy();
  send(response, answer.status, "application/json", answer.text);
}

export function startServer(port) {
  const server = createServer((request, response) => {
    handle(request, response).catch((error) => {
      const { status = 500, key = "internal", facts = {} } = error;
      if (status === 500) console.error(error);
      send(response, status, "application/problem+json", JSON.stringify({ type: key, title: key, status, key, facts }));
    });
  });
  server.listen(port, "127.0.0.1");
  return new Promise((resolve) => server.once("listening", () => resolve(server)));
}
