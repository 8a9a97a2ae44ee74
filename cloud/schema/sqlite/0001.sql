-- What the cloud keeps of a merchant's devices, journals, accounts and datasets (docs/leases.md).
-- The same tables as schema/postgres/0001.sql. Keys of what belongs to a member begin with the
-- member, keys of a journal with the device: no transaction needs more of either than its own.

CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

CREATE TABLE device (
    device TEXT PRIMARY KEY,
    merchant TEXT NOT NULL,
    store TEXT NOT NULL,
    key_id BLOB NOT NULL UNIQUE CHECK (length(key_id) = 8),
    public_key BLOB NOT NULL CHECK (length(public_key) = 32),
    state TEXT NOT NULL CHECK (state IN ('ACTIVE', 'REVOKED')),
    enrolled_ms INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL DEFAULT 0,
    boot TEXT NOT NULL DEFAULT '',
    version TEXT NOT NULL DEFAULT '',
    have TEXT NOT NULL DEFAULT '{}',
    reason TEXT NOT NULL DEFAULT ''
) STRICT;

-- One unbroken life of a device's journal: how far its batches and its changes are kept.
CREATE TABLE journal (
    device TEXT NOT NULL REFERENCES device (device),
    epoch INTEGER NOT NULL CHECK (epoch >= 0),
    number INTEGER NOT NULL UNIQUE CHECK (number BETWEEN 1 AND 4194304),
    store TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('LIVE', 'DEAD')),
    opened_ms INTEGER NOT NULL,
    bseq INTEGER NOT NULL DEFAULT 0,
    head BLOB NOT NULL CHECK (length(head) = 32),
    dseq INTEGER NOT NULL DEFAULT 0,
    chain BLOB NOT NULL CHECK (length(chain) = 32),
    cseq INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (device, epoch)
) STRICT;

-- Up to which entry the effects of a journal are in the accounts, and which entry began the epoch
-- (NULL as long as it is not known; 0 where there is no epoch before). `shift` sums up the shift
-- that is open. A row of its own, so that effects never wait for batches.
CREATE TABLE journal_effect (
    device TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    dseq INTEGER NOT NULL,
    begun_dseq INTEGER,
    shift TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (device, epoch)
) STRICT;

-- The newest grant to a journal, and whether it may be given anything: FORCE closes it. A row of its
-- own: whoever gives holds it before any account.
CREATE TABLE journal_grant (
    device TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    gseq INTEGER NOT NULL,
    opened INTEGER NOT NULL CHECK (opened IN (0, 1)),
    PRIMARY KEY (device, epoch)
) STRICT;

-- The runs of a device's daemon that were heard of: a report of an older run is late, not a restore.
CREATE TABLE device_boot (
    device TEXT NOT NULL,
    boot TEXT NOT NULL,
    first_ms INTEGER NOT NULL,
    PRIMARY KEY (device, boot)
) STRICT, WITHOUT ROWID;

CREATE TABLE batch (
    device TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    bseq INTEGER NOT NULL CHECK (bseq >= 1),
    first_dseq INTEGER NOT NULL,
    last_dseq INTEGER NOT NULL CHECK (last_dseq >= first_dseq),
    head BLOB NOT NULL CHECK (length(head) = 32),
    chain BLOB NOT NULL CHECK (length(chain) = 32),
    reconciled INTEGER NOT NULL CHECK (reconciled IN (0, 1)),
    received_ms INTEGER NOT NULL,
    message BLOB NOT NULL,
    PRIMARY KEY (device, epoch, bseq),
    FOREIGN KEY (device, epoch) REFERENCES journal (device, epoch)
) STRICT;

CREATE TABLE leaf (
    device TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    dseq INTEGER NOT NULL CHECK (dseq >= 1),
    kind INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    leaf BLOB NOT NULL,
    PRIMARY KEY (device, epoch, dseq)
) STRICT, WITHOUT ROWID;

-- Batches whose effects are not in the accounts yet.
CREATE TABLE outbox (
    device TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    bseq INTEGER NOT NULL,
    PRIMARY KEY (device, epoch, bseq)
) STRICT, WITHOUT ROWID;

CREATE TABLE quarantine (
    device TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    after_bseq INTEGER NOT NULL,
    reason TEXT NOT NULL,
    facts TEXT NOT NULL,
    content_hash BLOB NOT NULL,
    content BLOB NOT NULL,
    first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    times INTEGER NOT NULL,
    PRIMARY KEY (device, epoch, reason, content_hash)
) STRICT;

-- The home of an account: the letters of docs/leases.md.
CREATE TABLE account (
    member TEXT NOT NULL,
    asset TEXT NOT NULL,
    lot INTEGER NOT NULL,
    funded INTEGER NOT NULL CHECK (funded >= 0),
    reserve INTEGER NOT NULL CHECK (reserve >= 0),
    settled INTEGER NOT NULL CHECK (settled >= 0),
    overspent INTEGER NOT NULL CHECK (overspent >= 0),
    at_risk INTEGER NOT NULL CHECK (at_risk >= 0),
    in_debit INTEGER NOT NULL CHECK (in_debit >= 0),
    PRIMARY KEY (member, asset, lot)
) STRICT, WITHOUT ROWID;

-- The rule that a lot was bought under, as the device that opened it wrote it.
CREATE TABLE lot_rule (
    member TEXT NOT NULL,
    asset TEXT NOT NULL,
    lot INTEGER NOT NULL,
    rule TEXT NOT NULL,
    PRIMARY KEY (member, asset, lot)
) STRICT, WITHOUT ROWID;

CREATE TABLE lease (
    member TEXT NOT NULL,
    asset TEXT NOT NULL,
    lot INTEGER NOT NULL,
    device TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    granted INTEGER NOT NULL CHECK (granted >= 0),
    seen INTEGER NOT NULL CHECK (seen >= 0 AND seen <= granted),
    online INTEGER NOT NULL CHECK (online >= 0),
    topped_up INTEGER NOT NULL CHECK (topped_up >= 0),
    refunded INTEGER NOT NULL CHECK (refunded >= 0),
    spent INTEGER NOT NULL CHECK (spent >= 0),
    returned INTEGER NOT NULL CHECK (returned >= 0),
    forced INTEGER NOT NULL CHECK (forced >= 0),
    credit INTEGER NOT NULL CHECK (credit >= 0),
    state TEXT NOT NULL
        CHECK (state IN ('active', 'recalling', 'closed_clean', 'closed_forced')),
    gseq INTEGER NOT NULL DEFAULT 0,
    CHECK (granted + online + topped_up + refunded >= spent + returned + forced),
    PRIMARY KEY (member, asset, lot, device, epoch)
) STRICT, WITHOUT ROWID;
CREATE INDEX lease_of_device ON lease (device, epoch, gseq);
CREATE INDEX lease_recalled ON lease (device, epoch) WHERE state = 'recalling';

-- An online debit by its sale, or the tombstone of one that is not to be; its parts are accounts'.
CREATE TABLE debit (
    txid TEXT PRIMARY KEY,
    member TEXT NOT NULL,
    device TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    reversed INTEGER NOT NULL CHECK (reversed IN (0, 1)),
    at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE debit_part (
    member TEXT NOT NULL,
    asset TEXT NOT NULL,
    lot INTEGER NOT NULL,
    txid TEXT NOT NULL,
    device TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    amount INTEGER NOT NULL CHECK (amount >= 0),
    state TEXT NOT NULL CHECK (state IN ('open', 'taken', 'reversed', 'forced')),
    PRIMARY KEY (member, asset, lot, txid)
) STRICT, WITHOUT ROWID;
CREATE INDEX debit_part_of_sale ON debit_part (txid);
CREATE INDEX debit_part_open ON debit_part (device, epoch) WHERE state = 'open';

-- What was sold on a line of a sale, and what came back of it: promised to a device, or on a journal.
CREATE TABLE sale_line (
    txid TEXT NOT NULL,
    line TEXT NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity >= 0),
    amount_fen INTEGER NOT NULL CHECK (amount_fen >= 0),
    back INTEGER NOT NULL DEFAULT 0 CHECK (back >= 0),
    back_fen INTEGER NOT NULL DEFAULT 0 CHECK (back_fen >= 0),
    PRIMARY KEY (txid, line)
) STRICT, WITHOUT ROWID;

CREATE TABLE refund (
    rid TEXT PRIMARY KEY,
    txid TEXT NOT NULL,
    line TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    amount_fen INTEGER NOT NULL,
    device TEXT NOT NULL,
    allowed INTEGER NOT NULL CHECK (allowed IN (0, 1)),
    used INTEGER NOT NULL DEFAULT 0 CHECK (used <= allowed),
    reason TEXT NOT NULL DEFAULT '',
    at_ms INTEGER NOT NULL
) STRICT;

-- The days on which a member was served at a branch: what "regular" means.
CREATE TABLE visit (
    member TEXT NOT NULL,
    device TEXT NOT NULL,
    day INTEGER NOT NULL,
    times INTEGER NOT NULL,
    PRIMARY KEY (member, device, day)
) STRICT, WITHOUT ROWID;

-- Members whose grants are to be looked at again.
CREATE TABLE to_grant (member TEXT PRIMARY KEY, since_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE dataset (
    dataset TEXT PRIMARY KEY,
    version INTEGER NOT NULL CHECK (version >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE dataset_row (
    dataset TEXT NOT NULL,
    row_key TEXT NOT NULL,
    version INTEGER NOT NULL,
    value BLOB,
    device TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (dataset, row_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX dataset_row_version ON dataset_row (dataset, version);

-- Whose a card is, for a counter that has only read its UID.
CREATE TABLE card_member (
    uid TEXT NOT NULL,
    card TEXT NOT NULL,
    member TEXT NOT NULL,
    PRIMARY KEY (uid, card)
) STRICT, WITHOUT ROWID;

CREATE TABLE card_counter (
    card TEXT NOT NULL,
    counter INTEGER NOT NULL,
    device TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    dseq INTEGER NOT NULL,
    op_id TEXT NOT NULL,
    PRIMARY KEY (card, counter)
) STRICT, WITHOUT ROWID;

-- Who sold what was topped up where: day, the journal that the lot was opened on, the one that sold.
CREATE TABLE settlement (
    day INTEGER NOT NULL,
    home INTEGER NOT NULL,
    seller INTEGER NOT NULL,
    asset TEXT NOT NULL,
    sold INTEGER NOT NULL DEFAULT 0,
    back INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (day, home, seller, asset)
) STRICT, WITHOUT ROWID;

CREATE TABLE discrepancy (
    id TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    severity TEXT NOT NULL,
    amount INTEGER NOT NULL,
    device TEXT NOT NULL,
    account TEXT NOT NULL,
    refs TEXT NOT NULL,
    first_seen_ms INTEGER NOT NULL,
    last_seen_ms INTEGER NOT NULL,
    times INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('OPEN', 'EXPLAINED', 'ADJUSTED', 'WRITTEN_OFF')),
    owner TEXT NOT NULL,
    deadline_ms INTEGER NOT NULL,
    note TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX discrepancy_open ON discrepancy (deadline_ms) WHERE state = 'OPEN';

CREATE TABLE certificate (
    fingerprint BLOB PRIMARY KEY CHECK (length(fingerprint) = 32),
    device TEXT NOT NULL,
    not_after_ms INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('ACTIVE', 'REVOKED')),
    issued_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX certificate_of_device ON certificate (device);

CREATE TABLE enrol_code (
    code_hash BLOB PRIMARY KEY CHECK (length(code_hash) = 32),
    device TEXT NOT NULL,
    store TEXT NOT NULL,
    expires_ms INTEGER NOT NULL,
    used_ms INTEGER,
    made_by TEXT NOT NULL
) STRICT;

CREATE TABLE operator_log (
    id INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    who TEXT NOT NULL,
    verb TEXT NOT NULL,
    device TEXT NOT NULL,
    reason TEXT NOT NULL,
    facts TEXT NOT NULL
) STRICT;
