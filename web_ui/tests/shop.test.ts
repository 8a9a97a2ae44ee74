import { describe, expect, it } from "vitest";
import {
  mayStart,
  NOTHING_YET,
  reduce,
  SALES_KEPT,
  sceneOf,
  signalFor,
  type Shop,
  type ShopEvent,
} from "../src/cashier/model/shop";
import type { Counter, Member, MemberCard, Sale, Status } from "../src/shared/api/types";

const member = (id = "M1"): Member => ({
  member_id: id,
  number: "1001",
  name: "张*",
  phone: "138****1234",
  category: null,
  status: "active",
  balance: { principal_fen: 10_000, bonus_fen: 1_000 },
  has_pin: true,
  cards: [],
});
const sale = (more: Partial<Sale> = {}): Sale => ({
  sale_id: "S1",
  amount_fen: 1850,
  status: "awaiting_card",
  reason: null,
  facts: {},
  member: null,
  technology: null,
  weak: false,
  taken: null,
  balance: null,
  receipt_id: null,
  receipt_number: null,
  created_ms: 1,
  settled_ms: null,
  voided: false,
  voidable: false,
  ...more,
});
const counter = (more: Partial<Counter> = {}): Counter => ({
  state: "idle",
  sale: null,
  card: null,
  refusal: null,
  ask: null,
  ...more,
});
const card = (id = "M1"): MemberCard => ({
  member: member(id),
  technology: "desfire",
  weak: false,
  status: "active",
});
const status = (more: Partial<Status> = {}): Status => ({
  device: { id: "D1", store: "总店", name: "1 号台", shop: "示例店" },
  ledger: { ok: true, stopped: null },
  readers: [{ name: "R1", state: "ready", card_present: false, problem: null }],
  printer: { reachable: true, online: true, cover_open: false, paper: "ok", problem: null, waiting: 0 },
  sync: { sealed: 0, receipted: 0, last_pull_ms: null },
  clock: { now_ms: 1, wall_ms: 1, problem: null },
  counter: counter(),
  last_run: null,
  demo: false,
  languages: ["zh-CN", "en"],
  ...more,
});

const run = (events: ShopEvent[], from: Shop = NOTHING_YET): Shop => events.reduce(reduce, from);
const live: ShopEvent[] = [
  { kind: "line", body: "live" },
  { kind: "snapshot", body: status() },
];
const approved = sale({ status: "approved", member: member(), receipt_id: "P1" });
const sold: ShopEvent[] = [
  ...live,
  { kind: "counter", body: counter({ state: "awaiting_card", sale: sale() }) },
  { kind: "counter", body: counter({ state: "authenticating", sale: sale() }) },
  { kind: "counter", body: counter({ state: "committed", sale: approved }) },
];

describe("the result", () => {
  it("comes with the sale and stays when the counter is idle again", () => {
    const shop = run([...sold, { kind: "counter", body: counter() }]);
    expect(shop.result).toEqual(approved);
    expect(sceneOf(shop)).toBe("approved");
  });

  it("stays when the card is taken away, and goes when it is laid down again", () => {
    const lifted = run([...sold, { kind: "counter", body: counter() }]);
    expect(sceneOf(lifted)).toBe("approved");
    const armed = reduce(lifted, { kind: "counter", body: counter({ state: "amount", card: card() }) });
    expect(sceneOf(armed)).toBe("card_ready");
  });

  it("goes with the next member's card", () => {
    const shop = run([
      ...sold,
      { kind: "counter", body: counter() },
      { kind: "counter", body: counter({ card: card("M2") }) },
    ]);
    expect(shop.result).toBeNull();
    expect(sceneOf(shop)).toBe("card_ready");
  });

  it("goes with the next sale and with the next amount", () => {
    const next = sale({ sale_id: "S2", created_ms: 2 });
    const shop = run([
      ...sold,
      { kind: "counter", body: counter({ state: "awaiting_card", sale: next }) },
    ]);
    expect(shop.result).toBeNull();
    expect(run([...sold, { kind: "dismissed" }]).result).toBeNull();
  });

  it("stays away once it was put away, whatever the printer tells", () => {
    const shop = run([
      ...sold,
      { kind: "dismissed" },
      { kind: "counter", body: counter({ state: "done", sale: approved }) },
    ]);
    expect([shop.result, sceneOf(shop)]).toEqual([null, "idle"]);
  });

  it("follows a void", () => {
    const shop = run([...sold, { kind: "sale", body: { ...approved, voided: true } }]);
    expect(sceneOf(shop)).toBe("voided");
    expect(shop.sales[0]?.voided).toBe(true);
  });

  it("is found when the sale ended while the line was away", () => {
    const shop = run([
      ...sold.slice(0, 3),
      { kind: "line", body: "lost" },
      { kind: "snapshot", body: status() },
      { kind: "settled_meanwhile", body: approved },
    ]);
    expect(sceneOf(shop)).toBe("approved");
  });
});

describe("scenes", () => {
  it.each([
    [counter(), "idle"],
    [counter({ card: card() }), "card_ready"],
    [counter({ state: "awaiting_card", sale: sale() }), "awaiting_card"],
    [counter({ state: "awaiting_pin", sale: sale({ status: "awaiting_pin" }) }), "awaiting_pin"],
    [counter({ state: "deciding", sale: sale() }), "working"],
    [counter({ state: "declined", sale: sale({ status: "declined" }) }), "declined"],
    [counter({ state: "cancelled", sale: sale({ status: "cancelled" }) }), "cancelled"],
    [counter({ state: "unknown", sale: sale({ status: "unknown" }), ask: "tap_again" }), "unknown"],
    [counter({ state: "awaiting_card", sale: sale(), ask: "tap_again" }), "lift_first"],
  ] as const)("of %j is %s", (now, scene) =>
    expect(sceneOf(run([...live, { kind: "counter", body: now as Counter }]))).toBe(scene),
  );
});

describe("a card is asked for again", () => {
  const asked = counter({ state: "awaiting_card", sale: sale(), ask: "tap_again" });
  it("as the same one, when contact was lost in the sale", () => {
    const shop = run([
      ...live,
      { kind: "counter", body: counter({ state: "awaiting_card", sale: sale() }) },
      { kind: "counter", body: asked },
    ]);
    expect(sceneOf(shop)).toBe("tap_again");
  });
  it("to be lifted first, when it lay there before the sale, also over a new line", () => {
    const shop = run([
      ...live,
      { kind: "counter", body: asked },
      { kind: "snapshot", body: status({ counter: asked }) },
    ]);
    expect(sceneOf(shop)).toBe("lift_first");
  });
});

describe("a new sale may start", () => {
  const after = (body: Counter): boolean => mayStart(run([...live, { kind: "counter", body }]));
  it("when idle, done, declined, or with a card laid down first", () => {
    expect(after(counter())).toBe(true);
    expect(after(counter({ card: card() }))).toBe(true);
    expect(after(counter({ state: "done", sale: approved }))).toBe(true);
    expect(after(counter({ state: "declined", sale: sale({ status: "declined" }) }))).toBe(true);
  });
  it("not while one is under way or its result is unknown", () => {
    expect(after(counter({ state: "awaiting_card", sale: sale() }))).toBe(false);
    expect(after(counter({ state: "deciding", sale: sale() }))).toBe(false);
    expect(after(counter({ state: "unknown", sale: sale({ status: "unknown" }) }))).toBe(false);
  });
  it("not without a line or a ledger", () => {
    expect(mayStart(NOTHING_YET)).toBe(false);
    expect(mayStart(run([...live, { kind: "line", body: "lost" }]))).toBe(false);
    const stopped = { ok: false, stopped: "ledger_full" };
    expect(mayStart(run([...live, { kind: "ledger", body: stopped }]))).toBe(false);
  });
});

describe("signals", () => {
  const signals = (events: ShopEvent[]): (string | null)[] => {
    let shop = NOTHING_YET;
    return events.map((event) => {
      const before = shop;
      shop = reduce(shop, event);
      return signalFor(before, shop);
    });
  };

  it("sounds once for a sale, not again for its print or its void", () => {
    const heard = signals([
      ...sold,
      { kind: "counter", body: counter({ state: "printing", sale: approved }) },
      { kind: "counter", body: counter({ state: "done", sale: approved }) },
      { kind: "sale", body: { ...approved, voided: true } },
      { kind: "counter", body: counter() },
    ]);
    expect(heard.filter((it) => it !== null)).toEqual(["approve"]);
  });

  it.each([
    ["declined", "declined", "decline"],
    ["unknown", "unknown", "unknown"],
    ["cancelled", "cancelled", "decline"],
  ] as const)("for %s", (state, end, signal) => {
    const body = counter({ state, sale: sale({ status: end, reason: "timed_out" }) });
    expect(signals([...live, { kind: "counter", body }]).at(-1)).toBe(signal);
  });

  it("is quiet about what the cashier cancelled", () => {
    const ended = sale({ status: "cancelled", reason: "cancelled_by_cashier" });
    const body = counter({ state: "cancelled", sale: ended });
    expect(signals([...live, { kind: "counter", body }]).at(-1)).toBeNull();
  });

  it("asks aloud when the same card is tapped twice", () => {
    const body = counter({ state: "deciding", sale: sale(), ask: "double_tap" });
    expect(signals([...live, { kind: "counter", body }]).at(-1)).toBe("ask");
  });

  it("is quiet about what was there before the page was", () => {
    const body = status({ counter: counter({ state: "done", sale: approved }) });
    expect(signals([{ kind: "snapshot", body }])).toEqual([null]);
  });
});

describe("the device", () => {
  it("is kept up to date part by part", () => {
    const shop = run([
      ...live,
      { kind: "reader", body: { name: "R1", state: "absent", card_present: false, problem: null } },
      { kind: "reader", body: { name: "R2", state: "ready", card_present: true, problem: null } },
      { kind: "printer", body: { ...status().printer, paper: "out", waiting: 2 } },
      { kind: "sync", body: { sealed: 4, receipted: 1, last_pull_ms: 5 } },
      { kind: "receipt", body: { receipt_id: "P1", state: "printed" } },
    ]);
    expect(shop.status?.readers.map((it) => it.state)).toEqual(["absent", "ready"]);
    expect(shop.status?.printer).toMatchObject({ paper: "out", waiting: 2 });
    expect(shop.status?.sync.sealed).toBe(4);
    expect(shop.receipts).toEqual({ P1: "printed" });
  });

  it("changes nothing before the first snapshot", () => {
    const shop = reduce(NOTHING_YET, { kind: "ledger", body: { ok: false, stopped: "x" } });
    expect(shop.status).toBeNull();
  });

  it("does not change the value it was given", () => {
    const frozen = Object.freeze(run(live));
    reduce(frozen, { kind: "sale", body: approved });
    expect(frozen.sales).toEqual([]);
  });
});

describe("the list of sales", () => {
  it("is newest first, without doubles, and bounded", () => {
    const many = Array.from({ length: 50 }, (_, at) =>
      sale({ sale_id: `S${at}`, created_ms: at, status: "approved" }),
    );
    const shop = run([
      { kind: "sales_loaded", body: many },
      ...many.map((body) => ({ kind: "sale", body }) as const),
    ]);
    expect(shop.sales).toHaveLength(SALES_KEPT);
    const times = shop.sales.map((it) => it.created_ms);
    expect(times).toEqual([...times].sort((a, b) => b - a));
    expect(new Set(shop.sales.map((it) => it.sale_id)).size).toBe(SALES_KEPT);
  });
});

describe("after a restart", () => {
  it("tells the sales that it ended until they are seen", () => {
    const body = { sales: [sale({ status: "declined", reason: "restarted" })], receipts_waiting: 1 };
    const told = run([...live, { kind: "last_run", body }]);
    expect(told.lastRun).toEqual(body);
    expect(reduce(told, { kind: "last_run_seen" }).lastRun).toBeNull();
  });
});

describe("a card that cannot pay, laid down without a sale", () => {
  const refused = (reason: string): ShopEvent => ({
    kind: "counter",
    body: counter({ state: "declined", refusal: { reason, facts: {} } }),
  });

  it("is told, and heard each time", () => {
    const once = run([...live, refused("card_lost")]);
    expect([sceneOf(once), once.refusal?.reason, once.counter.card]).toEqual([
      "declined",
      "card_lost",
      null,
    ]);
    const twice = reduce(once, refused("card_lost"));
    expect(signalFor(once, twice)).toBe("decline");
    expect(mayStart(twice)).toBe(true);
  });

  it("goes with the next amount, the next card and the next sale", () => {
    const told = run([...live, refused("card_unknown")]);
    expect(sceneOf(reduce(told, { kind: "dismissed" }))).toBe("idle");
    const laid = { kind: "counter", body: counter({ state: "amount", card: card() }) } as const;
    expect(sceneOf(reduce(told, laid))).toBe("card_ready");
    const next = { kind: "counter", body: counter({ state: "awaiting_card", sale: sale() }) } as const;
    expect(sceneOf(reduce(told, next))).toBe("awaiting_card");
  });

  it("is not news when the line comes back", () => {
    const told = run([...live, refused("card_unknown")]);
    const body = status({
      counter: counter({ state: "declined", refusal: { reason: "card_unknown", facts: {} } }),
    });
    expect(signalFor(told, reduce(told, { kind: "snapshot", body }))).toBeNull();
  });
});
