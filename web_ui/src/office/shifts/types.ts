/** Shifts as the device tells them (GET /shifts). */

export interface CountAndFen {
  count: number;
  fen: number;
}

export interface Report {
  sales: CountAndFen;
  refunds: CountAndFen;
  voids: CountAndFen;
  fees: CountAndFen;
  recharges: CountAndFen;
  recharge_voids: CountAndFen;
  bonus_fen: number;
  balance_refunds: CountAndFen & { kept_fen: number };
  discount_fen: number;
  /** Reports of earlier releases have none. */
  overrides?: CountAndFen;
  tenders: { tender: string; taken_fen: number; paid_out_fen: number }[];
  points: { given: number; used: number };
  passes: { given: number; used: number };
  cash: {
    float_fen: number;
    taken_fen: number;
    paid_out_fen: number;
    in_fen: number;
    out_fen: number;
    found_fen: number;
    expected_fen: number;
    counted_fen: number | null;
    difference_fen: number | null;
  };
  cashiers: { number: string; sales: CountAndFen; refunds: CountAndFen; recharges: CountAndFen; cash_fen: number }[];
  hand_overs: { at_ms: number; from: string; to: string; counted_fen: number | ""; difference_fen: number }[];
}

export interface Shift {
  shift_id: string;
  number: number;
  opened_ms: number;
  opened_by: string;
  held_by: string;
  float_fen: number;
  closed_ms: number | null;
  closed_by: string | null;
  report: Report | null;
  counted: Record<string, number> | null;
  receipt_id: string | null;
}

export interface CurrentShift {
  shift: Shift | null;
  required: boolean;
  usual_float_fen: number;
  notes_fen: number[];
}
