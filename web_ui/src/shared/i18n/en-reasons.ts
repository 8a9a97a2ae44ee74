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
    advice: "Nothing was taken; the card is locked. Check the member, reissue (F9).",
  },
  card_counter_ahead: {
    title: "The card's counter is ahead: a clone?",
    advice: "Nothing was taken; the card is locked. Check the member, reissue (F9).",
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
  session_over: { title: "The session has ended", advice: "Please sign in again." },
  too_many_requests: { title: "Too much at once", advice: "Try again in {seconds}." },
  host_refused: {
    title: "The page was opened under a wrong address",
    advice: "Open it by the address on the device's label.",
  },
  origin_refused: {
    title: "The request came from another page and was not done",
    advice: "Close other pages and open the checkout anew.",
  },
  sale_not_current: {
    title: "This sale is not the current one any more",
    advice: "See the result on the screen, or the sales list.",
  },
  sale_not_parked: { title: "This sale is not parked any more", advice: "See the sales list." },
  nothing_to_confirm: {
    title: "There is nothing to confirm any more",
    advice: "See the result on the screen.",
  },
  pin_not_asked: { title: "No PIN is asked for now", advice: "See what the screen says." },
  pin_malformed: { title: "A PIN is 4 to 8 digits", advice: "Please type it again." },
  amount_not_positive: {
    title: "The amount must be above zero",
    advice: "Type the amount again.",
  },
  amount_too_large: {
    title: "The amount is above the shop's limit",
    advice: "Check it, or charge it in parts.",
  },
  not_voidable: {
    title: "Only an approved sale can be voided",
    advice: "Where nothing was taken there is nothing to void.",
  },
  balance_ceiling: {
    title: "The balance would go above the legal ceiling",
    advice: "At most {room_fen} more can be recharged.",
  },
  recharge_spent: {
    title: "Part of this recharge was spent: it cannot be voided",
    advice: "Ask the manager for a refund.",
  },
  tender_unknown: { title: "This way to pay is not known", advice: "Choose another one." },
  name_malformed: { title: "The name is not valid", advice: "A name is 1 to 60 characters." },
  phone_malformed: { title: "The phone number is not valid", advice: "It is 5 to 15 digits." },
  number_malformed: {
    title: "The member number is not valid",
    advice: "It is 1 to 20 letters and digits.",
  },
  member_number_taken: {
    title: "Another member has this number",
    advice: "Choose another, or leave it empty.",
  },
  card_status_unknown: {
    title: "The card cannot be changed like that",
    advice: "Look the member up again and retry.",
  },
  card_already_issued: {
    title: "This card belongs to a member already",
    advice: "Use a new card.",
  },
  card_key_missing: {
    title: "The device lacks the key of this card",
    advice: "Nothing was taken. Call store IT.",
  },
  card_full: { title: "There is no room left on the card", advice: "Use a new card." },
  sale_unknown: { title: "There is no such sale", advice: "See the sales list." },
  recharge_unknown: {
    title: "There is no such recharge",
    advice: "Find the member and check the balance (F9).",
  },
  member_unknown: { title: "There is no such member", advice: "Search again (F9)." },
  issue_unknown: { title: "This card issue is over", advice: "Start it again." },
  receipt_unknown: { title: "There is no such receipt", advice: "See the sales list." },
  receipt_malformed: { title: "The receipt cannot be read", advice: "Call store IT." },
  reader_busy: { title: "The reader is used by another program", advice: "Call store IT." },
  reader_stuck: { title: "The reader does not answer", advice: "Unplug it and plug it in again." },
  reader_service_down: {
    title: "The reader service is down",
    advice: "It is being restarted; after a minute call store IT.",
  },
  reader_driver_missing: { title: "The reader has no driver", advice: "Call store IT." },
  reader_access_denied: { title: "The reader may not be used", advice: "Call store IT." },
  ledger_read_only: {
    title: "The storage cannot be written: no sales",
    advice: "Stop taking cards and call store IT now.",
  },
  ledger_corrupt: {
    title: "The ledger does not read back: no sales",
    advice: "Stop taking cards and call store IT now.",
  },
  rules_invalid: {
    title: "{mistakes} things do not fit; nothing was saved",
    advice: "Mend them where they are marked.",
  },
  rules_changed_meanwhile: {
    title: "Somebody has just changed this (version {version})",
    advice: "See what was changed, then save your own change.",
  },
  section_unknown: { title: "There are no such settings", advice: "Load the page again." },
  version_unknown: { title: "There is no such version", advice: "Load the page again." },
  sample_unknown: { title: "There is no such sample shop", advice: "Load the page again." },
  step_unknown: { title: "There is no such step", advice: "Load the page again." },
  shop_has_sold: {
    title: "The shop has sold already: a sample cannot be taken any more",
    advice: "Change the settings one by one.",
  },
  note_malformed: { title: "The note does not fit", advice: "At most 200 characters on one line." },
  permission_needed: { title: "You may not do this", advice: "Ask a manager to approve, or somebody who may." },
  approval_unknown: { title: "This approval is not for this", advice: "Ask the manager to approve again." },
  approval_over: { title: "The approval is over", advice: "Ask the manager to approve again." },
  approval_refused: { title: "The manager's number or PIN is wrong", advice: "{left} more tries." },
  approval_locked: { title: "Too many wrong tries", advice: "Try again after {seconds}." },
  approver_may_not: { title: "They may not do this either", advice: "Ask somebody who may." },
  old_pin_wrong: { title: "The old PIN is wrong", advice: "{left} more tries." },
  old_pin_locked: { title: "Too many wrong tries", advice: "Try again after {seconds}." },
  pin_unchanged: { title: "The new PIN is the old one", advice: "Choose another." },
  take_over_refused: { title: "Number or PIN of who takes over is wrong", advice: "{left} more tries." },
  take_over_locked: { title: "Too many wrong tries", advice: "Try again after {seconds}." },
  taker_may_not: { title: "They may not hold a shift", advice: "Choose somebody else." },
  employee_malformed: { title: "The employee's details do not fit", advice: "The number is 1 to 20 letters and digits, the name 1 to 60 characters." },
  role_unknown: { title: "There is no such role", advice: "See the roles in the settings." },
  employee_number_taken: { title: "Another employee has this number", advice: "Choose another." },
  employee_unknown: { title: "There is no such employee", advice: "Load the page again." },
  last_keeper: { title: "Somebody must be left who may change staff and settings", advice: "Give somebody else that role first." },
  shift_open: { title: "A shift is open already", advice: "Close it first." },
  shift_not_open: { title: "No shift is open", advice: "Open a shift first." },
  shift_held_already: { title: "They hold the shift already", advice: "Choose somebody else." },
  shift_unknown: { title: "There is no such shift", advice: "Load the page again." },
  note_unknown: { title: "There is no such note or coin", advice: "Count the ones that are listed." },
  note_twice: { title: "A note is counted twice", advice: "Put them together." },
  note_count_malformed: { title: "The count is not possible", advice: "Count again." },
  reason_missing: { title: "A reason is needed", advice: "1 to 60 characters." },
  too_many_rows: { title: "More than {most} rows", advice: "Choose a shorter period." },
  kind_unknown: { title: "There is no such kind", advice: "Load the page again." },
  day_malformed: { title: "The day is not possible", advice: "Choose again." },
  cursor_malformed: { title: "It cannot go on from here", advice: "Load the page again." },
};
