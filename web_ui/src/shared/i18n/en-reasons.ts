import type { ReasonKey, ReasonText } from "./reason-keys";

export const enReasons: Record<ReasonKey, ReasonText> = {
  insufficient_funds: {
    title: "Not enough money: {short_fen} short",
    advice: "{available_fen} is available. Recharge (F4) or take another payment.",
  },
  card_unknown: {
    title: "This card is not known",
    advice: "Check that it is a card of this shop. To issue one, find the member (F9).",
  },
  card_lost: {
    title: "This card was reported lost",
    advice: "Nothing was taken. Check who the member is; if it was found, lift the report (F9).",
  },
  card_locked: {
    title: "This card is locked",
    advice: "Nothing was taken. Check who the member is; the manager can unlock it (F9).",
  },
  card_returned: {
    title: "This card was returned",
    advice: "It cannot be used again. Ask for another card, or issue a new one.",
  },
  card_forged: {
    title: "The card is not genuine",
    advice: "Nothing was taken. Do not try again; keep an eye on it and call the manager.",
  },
  card_rolled_back: {
    title: "The card's counter went back: an old copy?",
    advice: "Nothing was taken. Lock the card (F9), check the member, issue a new card.",
  },
  card_counter_ahead: {
    title: "The card's counter is ahead: a clone?",
    advice: "Nothing was taken. Lock the card (F9), check the member, issue a new card.",
  },
  card_gone: {
    title: "The card left too early, nothing was taken",
    advice: "Charge again and leave the card on the reader until the tone.",
  },
  card_silent: {
    title: "The card does not answer, nothing was taken",
    advice: "Lay it flat on the middle of the reader and tap again, or use another card.",
  },
  card_garbled: {
    title: "The card answered wrongly, nothing was taken",
    advice: "Move other cards and phones away and tap again, or use another card.",
  },
  card_torn: {
    title: "The tap was cut off: result unknown",
    advice: "Tap the same card again. It will be settled and never charged twice.",
  },
  card_blank: {
    title: "This card is blank",
    advice: "It belongs to nobody yet. Find the member (F9) and choose Issue card.",
  },
  member_frozen: {
    title: "The member's account is frozen",
    advice: "Nothing was taken. Ask the member to speak to the manager.",
  },
  pin_required_but_unset: {
    title: "This card needs a PIN and none is set",
    advice: "Find the member (F9), let them set a PIN, then charge again.",
  },
  pin_wrong: {
    title: "Wrong PIN, {left} tries left",
    advice: "Ask the member to type it again.",
  },
  pin_locked: {
    title: "Too many wrong PINs: paused",
    advice: "Try again in {seconds}, or take another payment.",
  },
  day_limit: {
    title: "Over this card's daily limit of {limit_fen}",
    advice: "{left_fen} is left today. Charge less, or take another payment.",
  },
  timed_out: {
    title: "Waited too long, nothing was taken",
    advice: "Charge again and ask the member to tap soon.",
  },
  cancelled_by_cashier: {
    title: "Cancelled, nothing was taken",
    advice: "Ready for the next sale.",
  },
  ledger_stopped: {
    title: "The ledger has stopped: no sales",
    advice: "Do not tap cards. Take cash, note it on paper, and call store IT now.",
  },
  ledger_full: {
    title: "The storage is full: no sales",
    advice: "Nothing was taken. Ask store IT to make room, then charge again.",
  },
  ledger_failed: {
    title: "The ledger could not be written, nothing was taken",
    advice: "Stop taking cards and call store IT now.",
  },
  reader_absent: {
    title: "There is no card reader",
    advice: "Check the reader's cable; charge again when its light is on.",
  },
  restarted: {
    title: "The device restarted before the tap, nothing was taken",
    advice: "Charge again.",
  },
  two_cards: {
    title: "More than one card is on the reader",
    advice: "Nothing was taken. Leave just one card and tap again.",
  },
  not_signed_in: { title: "You are signed out", advice: "Please sign in again." },
  sign_in_failed: { title: "Wrong number or PIN", advice: "{left} tries left." },
  sign_in_locked: { title: "Too many tries: sign-in is paused", advice: "Try again in {seconds}." },
  idempotency_key_reused: {
    title: "This request differs from an earlier one",
    advice: "It was not done. Check the sales list, then start again.",
  },
  request_invalid: { title: "Something is filled in wrongly", advice: "Check it and try again." },
  counter_busy: {
    title: "Another sale is still open",
    advice: "Finish, park (F8) or cancel (Esc) it first.",
  },
  already_voided: { title: "Already voided", advice: "Nothing more to do; see the sales list." },
  void_not_allowed: {
    title: "This sale cannot be voided here",
    advice: "It is too old, or not yours. Call the manager.",
  },
  no_answer: {
    title: "No answer from the device: result unknown",
    advice: "It is looked up when the line is back, and never done twice. Please wait.",
  },
};
