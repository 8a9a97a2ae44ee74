-- Version 4: search words in the order in which a shop looks for them, and what a chain needs.

-- What a member is found by: 56 bits of a keyed hash for each word. Phones are negative, so that
-- they lie together: they are the ones that must be known at once. The words of version 1 are made
-- anew from the sealed personal data by the runner of long work, which then empties member_token:
-- dropped here, that of a large shop would be one transaction of minutes.
CREATE TABLE member_word (
    word      INTEGER NOT NULL,
    member_id TEXT NOT NULL,
    PRIMARY KEY (word, member_id)
) STRICT, WITHOUT ROWID;
-- Words of members who were added in great numbers, until they are put among the others in the
-- order of that table: records of 34 bytes, a word (big-endian) and the member's id.
CREATE TABLE word_waiting (
    stretch INTEGER NOT NULL CHECK (stretch BETWEEN 0 AND 255),
    run     INTEGER NOT NULL,
    words   BLOB NOT NULL,
    PRIMARY KEY (stretch, run)
) STRICT, WITHOUT ROWID;

-- A chain of counters (docs/leases.md). The table of version 1 was never used: what a device holds of
-- an account is its balance here, and these are the counters that make it up.
DROP TABLE lease;

-- From which entry on this journal has which number; a shop without a cloud has no row.
CREATE TABLE chain_journal (
    epoch      INTEGER PRIMARY KEY REFERENCES epoch (epoch),
    number     INTEGER NOT NULL UNIQUE CHECK (number BETWEEN 1 AND 4194304),
    first_dseq INTEGER NOT NULL CHECK (first_dseq > 0)
) STRICT;

-- Cumulative, each with this device as its one writer: a projection of the postings of an epoch.
CREATE TABLE lease_counter (
    account   INTEGER NOT NULL REFERENCES account (id),
    epoch     INTEGER NOT NULL REFERENCES epoch (epoch),
    seen      INTEGER NOT NULL DEFAULT 0 CHECK (seen >= 0),
    online    INTEGER NOT NULL DEFAULT 0 CHECK (online >= 0),
    topped_up INTEGER NOT NULL DEFAULT 0 CHECK (topped_up >= 0),
    refunded  INTEGER NOT NULL DEFAULT 0 CHECK (refunded >= 0),
    spent     INTEGER NOT NULL DEFAULT 0 CHECK (spent >= 0),
    returned  INTEGER NOT NULL DEFAULT 0 CHECK (returned >= 0),
    PRIMARY KEY (account, epoch),
    CHECK (seen + online + topped_up + refunded - spent - returned >= 0)
) STRICT, WITHOUT ROWID;

-- Where this device stands with its cloud: one row, there once it belongs to a chain. Times are of
-- this device's clock but for cloud_ms, the newest time that the cloud has signed.
CREATE TABLE chain_state (
    one            INTEGER PRIMARY KEY CHECK (one = 1),
    grants_upto    INTEGER NOT NULL DEFAULT 0,
    pull_after     INTEGER NOT NULL DEFAULT 0,
    credit_bytes   INTEGER NOT NULL DEFAULT 0,
    valid_until_ms INTEGER NOT NULL DEFAULT 0,
    contact_ms     INTEGER NOT NULL DEFAULT 0,
    cloud_ms       INTEGER NOT NULL DEFAULT 0,
    last_cseq      INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Online debits: what was asked of the cloud for a sale, durable before it was sent.
CREATE TABLE debit (
    txid       TEXT PRIMARY KEY CHECK (txid <> ''),
    member_id  TEXT NOT NULL,
    amount_fen INTEGER NOT NULL CHECK (amount_fen >= 0),
    spending   TEXT NOT NULL,
    units      TEXT NOT NULL DEFAULT '[]',
    state      TEXT NOT NULL
        CHECK (state IN ('asked', 'granted', 'refused', 'reversing', 'reversed')),
    asked_ms   INTEGER NOT NULL,
    settled_ms INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX debit_open ON debit (txid) WHERE state IN ('asked', 'reversing');

-- Rows that were made or changed here and must go up; the value is read when it is sent.
CREATE TABLE outgoing (
    dataset TEXT NOT NULL,
    key     TEXT NOT NULL,
    cseq    INTEGER NOT NULL UNIQUE CHECK (cseq > 0),
    PRIMARY KEY (dataset, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE dataset (
    name    TEXT PRIMARY KEY CHECK (name <> ''),
    version INTEGER NOT NULL CHECK (version >= 0)
) STRICT, WITHOUT ROWID;

-- What the cloud last said that others hold of a member, and when it had heard of them.
CREATE TABLE held_elsewhere (
    member_id  TEXT NOT NULL,
    store      TEXT NOT NULL,
    device     TEXT NOT NULL,
    amount_fen INTEGER NOT NULL CHECK (amount_fen >= 0),
    seen_ms    INTEGER NOT NULL,
    told_ms    INTEGER NOT NULL,
    PRIMARY KEY (member_id, store, device)
) STRICT, WITHOUT ROWID;

-- Batches are numbered anew in each epoch, and their running rows begin at zero: `opening` is what
-- stood there before, [[owner, asset, balance], ...].
ALTER TABLE epoch ADD COLUMN opening TEXT NOT NULL DEFAULT '[]';
CREATE TABLE batch_of_epoch (
    epoch        INTEGER NOT NULL REFERENCES epoch (epoch),
    bseq         INTEGER NOT NULL CHECK (bseq > 0),
    first_dseq   INTEGER NOT NULL REFERENCES journal (dseq),
    last_dseq    INTEGER NOT NULL REFERENCES journal (dseq),
    head         BLOB NOT NULL CHECK (length(head) = 32),
    manifest     BLOB NOT NULL,
    sealed_ms    INTEGER NOT NULL,
    receipted_ms INTEGER,
    PRIMARY KEY (epoch, bseq),
    UNIQUE (epoch, first_dseq),
    UNIQUE (epoch, last_dseq),
    CHECK (first_dseq <= last_dseq)
) STRICT, WITHOUT ROWID;
INSERT INTO batch_of_epoch
    SELECT (SELECT coalesce(max(epoch), 1) FROM epoch WHERE epoch.first_dseq <= batch.first_dseq),
        bseq, first_dseq, last_dseq, head, manifest, sealed_ms, receipted_ms FROM batch;
DROP TABLE batch;
ALTER TABLE batch_of_epoch RENAME TO batch;
CREATE TRIGGER batch_is_never_changed
BEFORE UPDATE OF epoch, bseq, first_dseq, last_dseq, head, manifest, sealed_ms ON batch
BEGIN SELECT RAISE(ABORT, 'a sealed batch is never changed'); END;
CREATE TRIGGER batch_is_never_removed BEFORE DELETE ON batch
BEGIN SELECT RAISE(ABORT, 'a sealed batch is never removed'); END;
