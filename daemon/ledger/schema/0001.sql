-- Version 1: the books. Money is integer fen; times are Unix milliseconds; ids are 26-character
-- texts in time order (daemon.core.ids), so that new rows go to the last page of each tree.
-- Every index is a page written to the SD card on each sale: there are few, and each says why.

CREATE TABLE setting (
    name  TEXT PRIMARY KEY CHECK (name <> ''),
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row for each life of this ledger on this device. A restore from a backup begins a new epoch.
CREATE TABLE epoch (
    epoch      INTEGER PRIMARY KEY CHECK (epoch > 0),
    first_dseq INTEGER NOT NULL CHECK (first_dseq > 0),
    started_ms INTEGER NOT NULL CHECK (started_ms >= 0),
    reason     TEXT NOT NULL
) STRICT;

-- What was asked, durable before it is tried. client_key: who asked and their Idempotency-Key.
CREATE TABLE operation (
    op_id      TEXT PRIMARY KEY CHECK (length(op_id) BETWEEN 1 AND 64),
    kind       TEXT NOT NULL,
    state      TEXT NOT NULL
        CHECK (state IN ('open', 'parked', 'unknown', 'approved', 'declined', 'cancelled')),
    actor      TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    request    TEXT NOT NULL,
    client_key TEXT,
    reason     TEXT,
    answer     TEXT NOT NULL DEFAULT '{}',
    settled_ms INTEGER,
    dseq       INTEGER REFERENCES journal (dseq)
) STRICT, WITHOUT ROWID;
-- A retry finds its first answer.
CREATE UNIQUE INDEX operation_client_key ON operation (client_key) WHERE client_key IS NOT NULL;
-- A restart finds what was under way without reading years of sales.
CREATE INDEX operation_unsettled ON operation (op_id)
    WHERE state IN ('open', 'parked', 'unknown');

-- The journal: append-only, hash-chained. leaf is the canonical entry, chain the hash up to it;
-- the other columns repeat the leaf for queries.
CREATE TABLE journal (
    dseq      INTEGER PRIMARY KEY CHECK (dseq > 0),
    op_id     TEXT NOT NULL UNIQUE,
    kind      INTEGER NOT NULL,
    at_ms     INTEGER NOT NULL CHECK (at_ms >= 0),
    member_id TEXT,
    card_id   TEXT,
    refers_to TEXT,
    leaf      BLOB NOT NULL,
    chain     BLOB NOT NULL CHECK (length(chain) = 32)
) STRICT;
-- Whether an operation was voided. Few entries refer to another one.
CREATE INDEX journal_refers_to ON journal (refers_to) WHERE refers_to IS NOT NULL;

CREATE TRIGGER journal_is_never_changed BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_is_never_shortened BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

-- An account is (owner, asset, lot). Credit-positive: what the shop owes the owner. lot is the dseq
-- that opened it, 0 for an asset that is not kept in lots; rule is what a lot was bought under.
CREATE TABLE account (
    id          INTEGER PRIMARY KEY,
    owner       TEXT NOT NULL CHECK (owner <> ''),
    asset       TEXT NOT NULL CHECK (asset <> ''),
    lot         INTEGER NOT NULL DEFAULT 0 CHECK (lot >= 0),
    balance     INTEGER NOT NULL DEFAULT 0,
    rule        TEXT,
    opened_dseq INTEGER NOT NULL,
    UNIQUE (owner, asset, lot),
    CHECK (owner NOT GLOB 'member:*' OR balance >= 0)
) STRICT;
-- What an owner holds; a lot that was spent costs nothing here any more.
CREATE INDEX account_held ON account (owner) WHERE balance <> 0;

CREATE TRIGGER account_keeps_its_name BEFORE UPDATE OF owner, asset, lot, opened_dseq ON account
BEGIN SELECT RAISE(ABORT, 'an account never changes what it is'); END;
CREATE TRIGGER account_is_never_removed BEFORE DELETE ON account
BEGIN SELECT RAISE(ABORT, 'accounts are never removed'); END;

CREATE TABLE posting (
    dseq    INTEGER NOT NULL REFERENCES journal (dseq),
    line    INTEGER NOT NULL CHECK (line >= 0),
    account INTEGER NOT NULL REFERENCES account (id),
    amount  INTEGER NOT NULL CHECK (amount <> 0),
    funding INTEGER NOT NULL DEFAULT 0 CHECK (funding BETWEEN 0 AND 4),
    PRIMARY KEY (dseq, line)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER posting_is_never_changed BEFORE UPDATE ON posting
BEGIN SELECT RAISE(ABORT, 'postings are append-only'); END;
CREATE TRIGGER posting_is_never_removed BEFORE DELETE ON posting
BEGIN SELECT RAISE(ABORT, 'postings are append-only'); END;

-- The right to spend an account away from its home. Every counter is cumulative, only grows and has
-- one writer, so that loss, repetition and disorder of messages are harmless. holder is a device
-- or a card. avail = seen + refunded + topped_up - spent - returned.
CREATE TABLE lease (
    account      INTEGER NOT NULL REFERENCES account (id),
    holder       TEXT NOT NULL,
    epoch        INTEGER NOT NULL CHECK (epoch > 0),
    granted      INTEGER NOT NULL DEFAULT 0 CHECK (granted >= 0),
    seen         INTEGER NOT NULL DEFAULT 0 CHECK (seen BETWEEN 0 AND granted),
    spent        INTEGER NOT NULL DEFAULT 0 CHECK (spent >= 0),
    refunded     INTEGER NOT NULL DEFAULT 0 CHECK (refunded >= 0),
    topped_up    INTEGER NOT NULL DEFAULT 0 CHECK (topped_up >= 0),
    returned     INTEGER NOT NULL DEFAULT 0 CHECK (returned >= 0),
    credit       INTEGER NOT NULL DEFAULT 0 CHECK (credit >= 0),
    not_after_ms INTEGER,
    policy       INTEGER NOT NULL DEFAULT 0,
    state        TEXT NOT NULL DEFAULT 'active'
        CHECK (state IN ('active', 'recalling', 'expired', 'closed_clean', 'closed_forced')),
    PRIMARY KEY (account, holder, epoch),
    CHECK (seen + refunded + topped_up - spent - returned >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE member (
    member_id           TEXT PRIMARY KEY,
    number              TEXT NOT NULL UNIQUE,
    category            TEXT NOT NULL,
    status              TEXT NOT NULL,
    created_ms          INTEGER NOT NULL,
    pin_hash            TEXT,
    pin_failures        INTEGER NOT NULL DEFAULT 0 CHECK (pin_failures >= 0),
    pin_locked_until_ms INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Personal data, AES-256-GCM under a key of the member's own. That key is kept wrapped; removing
-- its row erases the person, in every copy that has no key row.
CREATE TABLE member_secret (
    member_id TEXT PRIMARY KEY REFERENCES member (member_id),
    sealed    BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE member_key (
    member_id TEXT PRIMARY KEY REFERENCES member (member_id),
    wrapped   BLOB NOT NULL
) STRICT, WITHOUT ROWID;
-- HMACs of what a cashier types to find a member.
CREATE TABLE member_token (
    token     BLOB NOT NULL CHECK (length(token) = 16),
    member_id TEXT NOT NULL REFERENCES member (member_id),
    PRIMARY KEY (token, member_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE card (
    card_id     TEXT PRIMARY KEY,
    member_id   TEXT NOT NULL REFERENCES member (member_id),
    uid         BLOB NOT NULL CHECK (length(uid) BETWEEN 1 AND 16),
    technology  TEXT NOT NULL,
    status      TEXT NOT NULL,
    key_version INTEGER,
    counter     INTEGER CHECK (counter >= 0),
    pending     INTEGER CHECK (pending = counter + 1),
    pending_op  TEXT,
    issued_ms   INTEGER NOT NULL DEFAULT 0,
    CHECK ((pending IS NULL) = (pending_op IS NULL))
) STRICT, WITHOUT ROWID;
-- A tap finds its card; a member's page shows the member's cards. Cards are issued seldom.
CREATE INDEX card_uid ON card (uid);
CREATE INDEX card_member ON card (member_id);
-- A restart finds the card of a sale that was cut off between its commit and ours.
CREATE INDEX card_pending ON card (pending_op) WHERE pending_op IS NOT NULL;

-- Day first: the rows that change today lie together.
CREATE TABLE card_day (
    day        TEXT NOT NULL CHECK (length(day) = 10),
    card_id    TEXT NOT NULL,
    spent_fen  INTEGER NOT NULL,
    PRIMARY KEY (day, card_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE employee (
    employee_id     TEXT PRIMARY KEY,
    number          TEXT NOT NULL UNIQUE,
    name            TEXT NOT NULL,
    role            TEXT NOT NULL,
    pin_hash        TEXT NOT NULL,
    failures        INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0),
    locked_until_ms INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
    token_hash  BLOB PRIMARY KEY CHECK (length(token_hash) = 32),
    employee_id TEXT NOT NULL REFERENCES employee (employee_id),
    created_ms  INTEGER NOT NULL,
    seen_ms     INTEGER NOT NULL,
    expires_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE receipt (
    receipt_id TEXT NOT NULL UNIQUE,
    number     TEXT NOT NULL,
    op_id      TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    document   TEXT NOT NULL,
    prints     INTEGER NOT NULL DEFAULT 0 CHECK (prints >= 0),
    copies     INTEGER NOT NULL DEFAULT 0 CHECK (copies >= 0),
    state      TEXT NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'printing', 'printed', 'unconfirmed', 'failed'))
) STRICT;
CREATE INDEX receipt_op ON receipt (op_id);

-- What waits for paper. document is NULL where the receipt is printed as it was kept.
CREATE TABLE spool (
    job_id     INTEGER PRIMARY KEY,
    receipt_id TEXT NOT NULL REFERENCES receipt (receipt_id),
    document   TEXT,
    attempts   INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    problem    TEXT,
    queued_ms  INTEGER NOT NULL
) STRICT;

CREATE TABLE receipt_day (
    day  TEXT PRIMARY KEY CHECK (length(day) = 10),
    last INTEGER NOT NULL CHECK (last > 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE batch (
    bseq         INTEGER PRIMARY KEY CHECK (bseq > 0),
    first_dseq   INTEGER NOT NULL UNIQUE REFERENCES journal (dseq),
    last_dseq    INTEGER NOT NULL UNIQUE REFERENCES journal (dseq),
    head         BLOB NOT NULL CHECK (length(head) = 32),
    manifest     BLOB NOT NULL,
    sealed_ms    INTEGER NOT NULL,
    receipted_ms INTEGER,
    CHECK (first_dseq <= last_dseq)
) STRICT;
CREATE TRIGGER batch_is_never_changed
BEFORE UPDATE OF bseq, first_dseq, last_dseq, head, manifest, sealed_ms ON batch
BEGIN SELECT RAISE(ABORT, 'a sealed batch is never changed'); END;
CREATE TRIGGER batch_is_never_removed BEFORE DELETE ON batch
BEGIN SELECT RAISE(ABORT, 'a sealed batch is never removed'); END;

-- Signed words on where the chain was. The newest also lies beside the database.
CREATE TABLE checkpoint (
    dseq      INTEGER PRIMARY KEY REFERENCES journal (dseq),
    epoch     INTEGER NOT NULL REFERENCES epoch (epoch),
    chain     BLOB NOT NULL CHECK (length(chain) = 32),
    at_ms     INTEGER NOT NULL,
    device    TEXT NOT NULL,
    key_id    BLOB NOT NULL,
    signature BLOB NOT NULL CHECK (length(signature) = 64)
) STRICT;
CREATE TRIGGER checkpoint_is_never_changed BEFORE UPDATE ON checkpoint
BEGIN SELECT RAISE(ABORT, 'a checkpoint is never changed'); END;
CREATE TRIGGER checkpoint_is_never_removed BEFORE DELETE ON checkpoint
BEGIN SELECT RAISE(ABORT, 'a checkpoint is never removed'); END;
