// The far side of the page for development: a small shop that follows the counter's contract.
// Not shipped, and no part of the appliance.

const MEMBERS = [
  ["1001", "张*", "138****1234", 61_850, 6_200, true],
  ["1002", "欧阳**", "139****5678", 1_200, 150, true],
  ["1003", "李*", "136****0042", 1_258_000, 120_000, false],
  ["1004", "王**", "137****8899", 8_800, 0, true],
];

let serial = 0;
export const newId = () => `01J${String(++serial).padStart(23, "0")}`;

const copy = (value) => structuredClone(value);

export class Shop {
  constructor(publish) {
    this.publish = publish;
    this.keys = new Map();
    this.sales = [];
    this.receipts = [];
    this.recharges = [];
    this.issues = [];
    this.failures = 0;
    this.pinFailures = 0;
    this.members = MEMBERS.map(([number, name, phone, principal_fen, bonus_fen, has_pin]) => ({
      member_id: newId(),
      number,
      name,
      phone,
      category: "standard",
      status: "active",
      balance: { principal_fen, bonus_fen },
      has_pin,
      cards: [
        {
          card_id: newId(),
          technology: number === "1002" ? "uid" : "desfire",
          status: "active",
          issued_ms: Date.now() - 86_400_000 * 30,
        },
      ],
    }));
    this.device = {
      device: { id: newId(), store: "S01", name: "1 号收银台", shop: "梧桐路总店" },
      ledger: { ok: true, stopped: null },
      readers: [{ name: "Virtual PCD 00 00", state: "ready", card_present: false, problem: null }],
      printer: {
        reachable: true,
        online: true,
        cover_open: false,
        paper: "ok",
        problem: null,
        waiting: 0,
      },
      sync: { sealed: 12, receipted: 12, last_pull_ms: Date.now() - 180_000 },
      demo: true,
      languages: ["zh-CN", "en"],
    };
    this.state = "idle";
    this.current = null;
    this.card = null;
    this.refusal = null;
    this.ask = null;
    this.lastRun = null;
  }

  counter() {
    const { state, refusal, ask } = this;
    return { state, sale: copy(this.current), card: copy(this.card), refusal, ask };
  }

  status() {
    return { ...copy(this.device), counter: this.counter(), last_run: this.lastRun };
  }

  tell(state, ask = null) {
    this.state = state;
    this.ask = ask;
    this.publish("counter", this.counter());
    if (this.current !== null) this.publish("sale", copy(this.current));
  }

  set(part, value) {
    if (part === "reader") {
      Object.assign(this.device.readers[0], value);
      this.publish("reader", copy(this.device.readers[0]));
      return;
    }
    Object.assign(this.device[part], value);
    this.publish(part, copy(this.device[part]));
  }

  get busy() {
    return ["awaiting_card", "awaiting_pin", "authenticating", "deciding", "unknown"].includes(this.state);
  }

  member(member_id) {
    return this.members.find((it) => it.member_id === member_id);
  }

  byNumber(number) {
    return this.members.find((it) => it.number === number);
  }

  begin(amount_fen) {
    const sale = {
      sale_id: newId(),
      amount_fen,
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
      created_ms: Date.now(),
      settled_ms: null,
      voided: false,
      voidable: false,
    };
    this.sales.unshift(sale);
    this.current = sale;
    const shown = this.card;
    this.card = this.refusal = this.lastRun = null;
    this.tell("awaiting_card");
    if (shown?.member) this.approve(this.member(shown.member.member_id));
    return copy(sale);
  }

  end(status, reason, facts = {}) {
    Object.assign(this.current, { status, reason, facts, settled_ms: Date.now() });
    this.tell(status);
  }

  known(member) {
    const technology = member.cards[0]?.technology ?? "desfire";
    Object.assign(this.current, { member: copy(member), technology, weak: technology === "uid" });
  }

  approve(member, { late = false } = {}) {
    const sale = this.current;
    this.known(member);
    const { balance } = member;
    const available_fen = balance.principal_fen + balance.bonus_fen;
    if (available_fen < sale.amount_fen) {
      const short_fen = sale.amount_fen - available_fen;
      this.end("declined", "insufficient_funds", { short_fen, available_fen });
      return;
    }
    const bonus_fen = Math.min(balance.bonus_fen, Math.floor(sale.amount_fen / 10));
    const taken = { principal_fen: sale.amount_fen - bonus_fen, bonus_fen };
    balance.principal_fen -= taken.principal_fen;
    balance.bonus_fen -= taken.bonus_fen;
    const receipt = this.spool({ sale_id: sale.sale_id });
    Object.assign(sale, {
      status: "approved",
      reason: null,
      facts: {},
      member: copy(member),
      taken,
      balance: copy(balance),
      receipt_id: receipt.receipt_id,
      receipt_number: receipt.number,
      settled_ms: Date.now(),
      voidable: true,
      voidable_until_ms: Date.now() + 300_000,
    });
    if (late) return;
    this.tell("committed");
    this.state = "printing";
    if (this.device.printer.paper === "out") {
      this.set("printer", { waiting: this.device.printer.waiting + 1 });
      return;
    }
    receipt.state = "printed";
    this.publish("receipt", { receipt_id: receipt.receipt_id, state: "printed" });
    this.tell("done");
  }

  spool(of) {
    const receipt = {
      receipt_id: newId(),
      number: `0001-1-${String(this.receipts.length + 1).padStart(6, "0")}`,
      created_ms: Date.now(),
      state: "waiting",
      prints: 1,
      ...of,
    };
    this.receipts.unshift(receipt);
    return receipt;
  }

  show(number) {
    const member = this.byNumber(number);
    const technology = member.cards[0].technology;
    this.card = { member: copy(member), technology, weak: technology === "uid", status: "active" };
    this.current = this.refusal = null;
    this.tell("amount");
  }

  lift() {
    this.card = null;
    this.tell("idle");
  }

  refuse(reason, facts = {}) {
    this.current = null;
    this.card = null;
    this.refusal = { reason, facts };
    this.tell("declined");
  }

  voidSale(sale) {
    const member = this.member(sale.member.member_id);
    member.balance.principal_fen += sale.taken.principal_fen;
    member.balance.bonus_fen += sale.taken.bonus_fen;
    Object.assign(sale, { voided: true, voidable: false, member: copy(member), balance: copy(member.balance) });
    this.publish("sale", copy(sale));
    return copy(sale);
  }

  recharge({ member_id, amount_fen, tender }) {
    const member = this.member(member_id);
    const bonus_fen = amount_fen >= 50_000 ? amount_fen / 10 : amount_fen >= 20_000 ? amount_fen / 20 : 0;
    member.balance.principal_fen += amount_fen;
    member.balance.bonus_fen += bonus_fen;
    const made = {
      recharge_id: newId(),
      member: copy(member),
      amount_fen,
      bonus_fen,
      tender,
      balance: copy(member.balance),
      receipt_id: this.spool({}).receipt_id,
      created_ms: Date.now(),
      voided: false,
    };
    this.recharges.push(made);
    this.publish("recharge", made);
    return copy(made);
  }
}
