-- What the cloud keeps of a merchant's devices, journals, accounts and datasets (docs/leases.md).
-- The same tables as schema/sqlite/0001.sql. Keys of what belongs to a member begin with the
-- member, keys of a journal with the device: no transaction needs more of either than its own.

CREATE TABLE setting (name TEXT COLLATE "C" PRIMARY KEY, value TEXT COLLATE "C" NOT NULL);

CREATE TABLE device (
    device TEXT COLLATE "C" PRIMARY KEY,
    merchant TEXT COLLATE "C" NOT NULL,
    store TEXT COLLATE "C" NOT NULL,
    key_id BYTEA NOT NULL UNIQUE CHECK (length(key_id) = 8),
    public_key BYTEA NOT NULL CHECK (length(public_key) = 32),
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('ACTIVE', 'REVOKED')),
    enrolled_ms BIGINT NOT NULL,
    seen_ms BIGINT NOT NULL DEFAULT 0,
    boot TEXT COLLATE "C" NOT NULL DEFAULT '',
    version TEXT COLLATE "C" NOT NULL DEFAULT '',
    have TEXT COLLATE "C" NOT NULL DEFAULT '{}',
    reason TEXT COLLATE "C" NOT NULL DEFAULT ''
);

-- One unbroken life of a device's journal: how far its batches and its changes are kept.
CREATE TABLE journal (
    device TEXT COLLATE "C" NOT NULL REFERENCES device (device),
    epoch BIGINT NOT NULL CHECK (epoch >= 0),
    number BIGINT NOT NULL UNIQUE CHECK (number BETWEEN 1 AND 4194304),
    store TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('LIVE', 'DEAD')),
    opened_ms BIGINT NOT NULL,
    bseq BIGINT NOT NULL DEFAULT 0,
    head BYTEA NOT NULL CHECK (length(head) = 32),
    dseq BIGINT NOT NULL DEFAULT 0,
    chain BYTEA NOT NULL CHECK (length(chain) = 32),
    cseq BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (device, epoch)
);

-- Up to which entry the effects of a journal are in the accounts, and which entry began the epoch
-- (NULL as long as it is not known; 0 where there is no epoch before). `shift` sums up the shift
-- that is open. A row of its own, so that effects never wait for batches.
CREATE TABLE journal_effect (
    device TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    dseq BIGINT NOT NULL,
    begun_dseq BIGINT,
    shift TEXT COLLATE "C" NOT NULL DEFAULT '{}',
    PRIMARY KEY (device, epoch)
);

-- The newest grant to a journal, and whether it may be given anything: FORCE closes it. A row of its
-- own: whoever gives holds it before any account.
CREATE TABLE journal_grant (
    device TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    gseq BIGINT NOT NULL,
    opened BIGINT NOT NULL CHECK (opened IN (0, 1)),
    PRIMARY KEY (device, epoch)
);

-- The runs of a device's daemon that were heard of: a report of an older run is late, not a restore.
CREATE TABLE device_boot (
    device TEXT COLLATE "C" NOT NULL,
    boot TEXT COLLATE "C" NOT NULL,
    first_ms BIGINT NOT NULL,
    PRIMARY KEY (device, boot)
);

CREATE TABLE batch (
    device TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    bseq BIGINT NOT NULL CHECK (bseq >= 1),
    first_dseq BIGINT NOT NULL,
    last_dseq BIGINT NOT NULL CHECK (last_dseq >= first_dseq),
    head BYTEA NOT NULL CHECK (length(head) = 32),
    chain BYTEA NOT NULL CHECK (length(chain) = 32),
    reconciled BIGINT NOT NULL CHECK (reconciled IN (0, 1)),
    received_ms BIGINT NOT NULL,
    message BYTEA NOT NULL,
    PRIMARY KEY (device, epoch, bseq),
    FOREIGN KEY (device, epoch) REFERENCES journal (device, epoch)
);

CREATE TABLE leaf (
    device TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    dseq BIGINT NOT NULL CHECK (dseq >= 1),
    kind BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    leaf BYTEA NOT NULL,
    PRIMARY KEY (device, epoch, dseq)
);

-- Batches whose effects are not in the accounts yet.
CREATE TABLE outbox (
    device TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    bseq BIGINT NOT NULL,
    PRIMARY KEY (device, epoch, bseq)
);

CREATE TABLE quarantine (
    device TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    after_bseq BIGINT NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    facts TEXT COLLATE "C" NOT NULL,
    content_hash BYTEA NOT NULL,
    content BYTEA NOT NULL,
    first_ms BIGINT NOT NULL,
    last_ms BIGINT NOT NULL,
    times BIGINT NOT NULL,
    PRIMARY KEY (device, epoch, reason, content_hash)
);

-- The home of an account: the letters of docs/leases.md.
CREATE TABLE account (
    member TEXT COLLATE "C" NOT NULL,
    asset TEXT COLLATE "C" NOT NULL,
    lot BIGINT NOT NULL,
    funded BIGINT NOT NULL CHECK (funded >= 0),
    reserve BIGINT NOT NULL CHECK (reserve >= 0),
    settled BIGINT NOT NULL CHECK (settled >= 0),
    overspent BIGINT NOT NULL CHECK (overspent >= 0),
    at_risk BIGINT NOT NULL CHECK (at_risk >= 0),
    in_debit BIGINT NOT NULL CHECK (in_debit >= 0),
    PRIMARY KEY (member, asset, lot)
);

-- The rule that a lot was bought under, as the device that opened it wrote it.
CREATE TABLE lot_rule (
    member TEXT COLLATE "C" NOT NULL,
    asset TEXT COLLATE "C" NOT NULL,
    lot BIGINT NOT NULL,
    rule TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (member, asset, lot)
);

CREATE TABLE lease (
    member TEXT COLLATE "C" NOT NULL,
    asset TEXT COLLATE "C" NOT NULL,
    lot BIGINT NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    granted BIGINT NOT NULL CHECK (granted >= 0),
    seen BIGINT NOT NULL CHECK (seen >= 0 AND seen <= granted),
    online BIGINT NOT NULL CHECK (online >= 0),
    topped_up BIGINT NOT NULL CHECK (topped_up >= 0),
    refunded BIGINT NOT NULL CHECK (refunded >= 0),
    spent BIGINT NOT NULL CHECK (spent >= 0),
    returned BIGINT NOT NULL CHECK (returned >= 0),
    forced BIGINT NOT NULL CHECK (forced >= 0),
    credit BIGINT NOT NULL CHECK (credit >= 0),
    state TEXT COLLATE "C" NOT NULL
        CHECK (state IN ('active', 'recalling', 'closed_clean', 'closed_forced')),
    gseq BIGINT NOT NULL DEFAULT 0,
    CHECK (granted + online + topped_up + refunded >= spent + returned + forced),
    PRIMARY KEY (member, asset, lot, device, epoch)
);
CREATE INDEX lease_of_device ON lease (device, epoch, gseq);
CREATE INDEX lease_recalled ON lease (device, epoch) WHERE state = 'recalling';

-- An online debit by its sale, or the tombstone of one that is not to be; its parts are accounts'.
CREATE TABLE debit (
    txid TEXT COLLATE "C" PRIMARY KEY,
    member TEXT COLLATE "C" NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    reversed BIGINT NOT NULL CHECK (reversed IN (0, 1)),
    at_ms BIGINT NOT NULL
);

CREATE TABLE debit_part (
    member TEXT COLLATE "C" NOT NULL,
    asset TEXT COLLATE "C" NOT NULL,
    lot BIGINT NOT NULL,
    txid TEXT COLLATE "C" NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount >= 0),
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('open', 'taken', 'reversed', 'forced')),
    PRIMARY KEY (member, asset, lot, txid)
);
CREATE INDEX debit_part_of_sale ON debit_part (txid);
CREATE INDEX debit_part_open ON debit_part (device, epoch) WHERE state = 'open';

-- What was sold on a line of a sale, and what came back of it: promised to a device, or on a journal.
CREATE TABLE sale_line (
    txid TEXT COLLATE "C" NOT NULL,
    line TEXT COLLATE "C" NOT NULL,
    quantity BIGINT NOT NULL CHECK (quantity >= 0),
    amount_fen BIGINT NOT NULL CHECK (amount_fen >= 0),
    back BIGINT NOT NULL DEFAULT 0 CHECK (back >= 0),
    back_fen BIGINT NOT NULL DEFAULT 0 CHECK (back_fen >= 0),
    PRIMARY KEY (txid, line)
);

CREATE TABLE refund (
    rid TEXT COLLATE "C" PRIMARY KEY,
    txid TEXT COLLATE "C" NOT NULL,
    line TEXT COLLATE "C" NOT NULL,
    quantity BIGINT NOT NULL,
    amount_fen BIGINT NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    allowed BIGINT NOT NULL CHECK (allowed IN (0, 1)),
    used BIGINT NOT NULL DEFAULT 0 CHECK (used <= allowed),
    reason TEXT COLLATE "C" NOT NULL DEFAULT '',
    at_ms BIGINT NOT NULL
);

-- The days on which a member was served at a branch: what "regular" means.
CREATE TABLE visit (
    member TEXT COLLATE "C" NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    day BIGINT NOT NULL,
    times BIGINT NOT NULL,
    PRIMARY KEY (member, device, day)
);

-- Members whose grants are to be looked at again.
CREATE TABLE to_grant (member TEXT COLLATE "C" PRIMARY KEY, since_ms BIGINT NOT NULL);

CREATE TABLE dataset (
    dataset TEXT COLLATE "C" PRIMARY KEY,
    version BIGINT NOT NULL CHECK (version >= 0)
);

CREATE TABLE dataset_row (
    dataset TEXT COLLATE "C" NOT NULL,
    row_key TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    value BYTEA,
    device TEXT COLLATE "C" NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (dataset, row_key)
);
CREATE INDEX dataset_row_version ON dataset_row (dataset, version);

-- Whose a card is, for a counter that has only read its UID.
CREATE TABLE card_member (
    uid TEXT COLLATE "C" NOT NULL,
    card TEXT COLLATE "C" NOT NULL,
    member TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (uid, card)
);

CREATE TABLE card_counter (
    card TEXT COLLATE "C" NOT NULL,
    counter BIGINT NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    dseq BIGINT NOT NULL,
    op_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (card, counter)
);

-- Who sold what was topped up where: day, the journal that the lot was opened on, the one that sold.
CREATE TABLE settlement (
    day BIGINT NOT NULL,
    home BIGINT NOT NULL,
    seller BIGINT NOT NULL,
    asset TEXT COLLATE "C" NOT NULL,
    sold BIGINT NOT NULL DEFAULT 0,
    back BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (day, home, seller, asset)
);

CREATE TABLE discrepancy (
    id TEXT COLLATE "C" PRIMARY KEY,
    type TEXT COLLATE "C" NOT NULL,
    severity TEXT COLLATE "C" NOT NULL,
    amount BIGINT NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    refs TEXT COLLATE "C" NOT NULL,
    first_seen_ms BIGINT NOT NULL,
    last_seen_ms BIGINT NOT NULL,
    times BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('OPEN', 'EXPLAINED', 'ADJUSTED', 'WRITTEN_OFF')),
    owner TEXT COLLATE "C" NOT NULL,
    deadline_ms BIGINT NOT NULL,
    note TEXT COLLATE "C" NOT NULL DEFAULT ''
);
CREATE INDEX discrepancy_open ON discrepancy (deadline_ms) WHERE state = 'OPEN';

CREATE TABLE certificate (
    fingerprint BYTEA PRIMARY KEY CHECK (length(fingerprint) = 32),
    device TEXT COLLATE "C" NOT NULL,
    not_after_ms BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('ACTIVE', 'REVOKED')),
    issued_ms BIGINT NOT NULL
);
CREATE INDEX certificate_of_device ON certificate (device);

CREATE TABLE enrol_code (
    code_hash BYTEA PRIMARY KEY CHECK (length(code_hash) = 32),
    device TEXT COLLATE "C" NOT NULL,
    store TEXT COLLATE "C" NOT NULL,
    expires_ms BIGINT NOT NULL,
    used_ms BIGINT,
    made_by TEXT COLLATE "C" NOT NULL
);

CREATE TABLE operator_log (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    who TEXT COLLATE "C" NOT NULL,
    verb TEXT COLLATE "C" NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    facts TEXT COLLATE "C" NOT NULL
);
