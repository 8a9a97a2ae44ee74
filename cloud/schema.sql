-- What one cloud process keeps of its devices. Rows are only ever added, except cursors and accounts,
-- which are the running sums of the rows, and the times and count of a quarantined batch.

CREATE TABLE IF NOT EXISTS devices (
    device TEXT PRIMARY KEY,
    merchant TEXT NOT NULL,
    public_key BLOB NOT NULL CHECK (length(public_key) = 32),
    pinned_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS cursors (
    device TEXT NOT NULL REFERENCES devices (device),
    epoch INTEGER NOT NULL CHECK (epoch >= 0),
    store TEXT NOT NULL,
    bseq INTEGER NOT NULL CHECK (bseq >= 1),
    head BLOB NOT NULL CHECK (length(head) = 32),
    dseq INTEGER NOT NULL CHECK (dseq >= bseq),
    chain BLOB NOT NULL CHECK (length(chain) = 32),
    PRIMARY KEY (device, epoch)
) STRICT;

CREATE TABLE IF NOT EXISTS batches (
    device TEXT NOT NULL REFERENCES devices (device),
    epoch INTEGER NOT NULL,
    bseq INTEGER NOT NULL CHECK (bseq >= 1),
    first_dseq INTEGER NOT NULL,
    last_dseq INTEGER NOT NULL CHECK (last_dseq >= first_dseq),
    head BLOB NOT NULL CHECK (length(head) = 32),
    reconciled INTEGER NOT NULL CHECK (reconciled IN (0, 1)),
    received_ms INTEGER NOT NULL,
    message BLOB NOT NULL,
    PRIMARY KEY (device, epoch, bseq)
) STRICT;

CREATE TABLE IF NOT EXISTS leaves (
    device TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    dseq INTEGER NOT NULL CHECK (dseq >= 1),
    bseq INTEGER NOT NULL,
    op_id TEXT NOT NULL,
    kind INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    member_id TEXT,
    leaf BLOB NOT NULL,
    PRIMARY KEY (device, epoch, dseq),
    FOREIGN KEY (device, epoch, bseq) REFERENCES batches (device, epoch, bseq)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS accounts (
    device TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    owner TEXT NOT NULL,
    asset TEXT NOT NULL,
    lot INTEGER NOT NULL,
    balance INTEGER NOT NULL,
    PRIMARY KEY (device, epoch, owner, asset, lot)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS quarantine (
    id INTEGER PRIMARY KEY,
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
    UNIQUE (device, epoch, reason, content_hash)
) STRICT;
