-- Version 6: printers beside the customer's, electronic purses.

-- Which receipt the printer of a role is through with ('' before the first); `attempts` are of the
-- one after it. Receipts are in the order in which they were kept.
CREATE TABLE print_place (
    role     TEXT PRIMARY KEY CHECK (length(role) > 0),
    through  TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    problem  TEXT
) STRICT, WITHOUT ROWID;

-- A debit or a load of a card's purse, durable before it is sent (daemon.core.purse.PurseDeed).
-- `kind` is the standard's type byte: 2 a load, 6 a purchase. `number` is this till's own number of
-- a purchase, never used twice. `at` is the shop's time with its zone.
CREATE TABLE purse_deed (
    deed_id     TEXT PRIMARY KEY,
    card_id     TEXT NOT NULL,
    op_id       TEXT NOT NULL,
    kind        INTEGER NOT NULL CHECK (kind IN (2, 6)),
    factor      BLOB NOT NULL CHECK (length(factor) = 8),
    key_index   INTEGER NOT NULL,
    amount_fen  INTEGER NOT NULL CHECK (amount_fen > 0),
    terminal    BLOB NOT NULL CHECK (length(terminal) = 6),
    at          TEXT NOT NULL,
    card_random BLOB NOT NULL CHECK (length(card_random) = 4),
    sequence    INTEGER NOT NULL CHECK (sequence BETWEEN 0 AND 65535),
    balance_fen INTEGER NOT NULL CHECK (balance_fen >= 0),
    number      INTEGER NOT NULL CHECK (number >= 0),
    state       TEXT NOT NULL CHECK (state IN ('intent', 'unknown', 'not_done', 'done')),
    written_ms  INTEGER NOT NULL,
    tac         BLOB CHECK (length(tac) = 4),
    why         TEXT,
    decided_by  TEXT CHECK (decided_by IN ('card', 'office')),
    settled_ms  INTEGER,
    CHECK ((decided_by IS NULL) = (state IN ('intent', 'unknown')))
) STRICT, WITHOUT ROWID;
-- A (card, sequence) counts once: a clone that repeats one is refused by the books themselves.
CREATE UNIQUE INDEX purse_done ON purse_deed (card_id, kind, sequence)
    WHERE state = 'done' AND decided_by = 'card';
-- What a card must be asked at its next tap, and what the office sees.
CREATE INDEX purse_open ON purse_deed (card_id)
    WHERE state IN ('intent', 'unknown') OR decided_by = 'office';
CREATE INDEX purse_number ON purse_deed (number);
CREATE INDEX purse_of_operation ON purse_deed (op_id);
CREATE INDEX purse_of_card ON purse_deed (card_id, deed_id);
