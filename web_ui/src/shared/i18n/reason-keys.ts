/** Keys that the device gives for a sale that was not made, or a request that it refused. */

export interface ReasonText {
  /** What is wrong. */
  title: string;
  /** What to do. */
  advice: string;
}

export const DECLINE_KEYS = [
  "insufficient_funds",
  "card_unknown",
  "card_lost",
  "card_locked",
  "card_returned",
  "card_forged",
  "card_rolled_back",
  "card_counter_ahead",
  "card_gone",
  "card_silent",
  "card_garbled",
  "card_torn",
  "card_blank",
  "member_frozen",
  "pin_required_but_unset",
  "pin_wrong",
  "pin_locked",
  "day_limit",
  "timed_out",
  "cancelled_by_cashier",
  "ledger_stopped",
  "ledger_full",
  "ledger_failed",
  "reader_absent",
  "restarted",
  "two_cards",
] as const;

export const PROBLEM_KEYS = [
  "not_signed_in",
  "sign_in_failed",
  "sign_in_locked",
  "idempotency_key_reused",
  "request_invalid",
  "counter_busy",
  "already_voided",
  "void_not_allowed",
  "no_answer",
] as const;

export type ReasonKey = (typeof DECLINE_KEYS)[number] | (typeof PROBLEM_KEYS)[number];
