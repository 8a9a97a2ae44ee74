-- Version 3: the shop's rules, its members as people with habits, its staff and its shifts.
-- What is a projection of the journal and the operations says so.

-- The merchant's rules: one row for each version of one section, never changed. The highest version
-- is in force; going back to an earlier one is a new version with its content.
CREATE TABLE document (
    section    TEXT NOT NULL CHECK (section <> ''),
    version    INTEGER NOT NULL CHECK (version > 0),
    content    TEXT NOT NULL,
    changed_ms INTEGER NOT NULL,
    actor      TEXT NOT NULL,
    note       TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (section, version)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER document_is_never_changed BEFORE UPDATE ON document
BEGIN SELECT RAISE(ABORT, 'a version of the rules is never changed'); END;
CREATE TRIGGER document_is_never_removed BEFORE DELETE ON document
BEGIN SELECT RAISE(ABORT, 'a version of the rules is never removed'); END;

-- valid_to is the last day of the benefits (never of the principal). named: known by name (C8).
ALTER TABLE member ADD COLUMN level TEXT;
ALTER TABLE member ADD COLUMN valid_to TEXT CHECK (valid_to IS NULL OR length(valid_to) = 10);
ALTER TABLE member ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE member ADD COLUMN fields TEXT NOT NULL DEFAULT '{}';
ALTER TABLE member ADD COLUMN referrer TEXT REFERENCES member (member_id);
ALTER TABLE member ADD COLUMN named INTEGER NOT NULL DEFAULT 1 CHECK (named IN (0, 1));
-- Who brought whom. Most members came by themselves.
CREATE INDEX member_referrer ON member (referrer) WHERE referrer IS NOT NULL;

-- Identity papers (C8): sealed under the member's own key, apart from what a counter shows.
CREATE TABLE member_identity (
    member_id TEXT PRIMARY KEY REFERENCES member (member_id),
    sealed    BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- A member's habits and balances so far: a projection. One row changes with each sale.
CREATE TABLE standing (
    member_id       TEXT PRIMARY KEY,
    first_day       TEXT,
    last_day        TEXT,
    visits          INTEGER NOT NULL DEFAULT 0,
    spent_fen       INTEGER NOT NULL DEFAULT 0,
    recharged_fen   INTEGER NOT NULL DEFAULT 0,
    points_earned   INTEGER NOT NULL DEFAULT 0,
    principal_fen   INTEGER NOT NULL DEFAULT 0,
    bonus_fen       INTEGER NOT NULL DEFAULT 0,
    points          INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
INSERT INTO standing (member_id, principal_fen, bonus_fen, points)
    SELECT substr(owner, 8), sum((asset = 'principal') * balance), sum((asset = 'bonus') * balance),
        sum((asset = 'points') * balance) FROM account WHERE owner GLOB 'member:*' GROUP BY owner;
-- The same by day, for windows of levels and habits: a projection.
CREATE TABLE member_day (
    member_id     TEXT NOT NULL,
    day           TEXT NOT NULL CHECK (length(day) = 10),
    visits        INTEGER NOT NULL DEFAULT 0,
    spent_fen     INTEGER NOT NULL DEFAULT 0,
    recharged_fen INTEGER NOT NULL DEFAULT 0,
    points        INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (member_id, day)
) STRICT, WITHOUT ROWID;

-- What was sold, line by line: a projection of the kept quotes and refunds. A refunded line is a row
-- of the refund with negative amounts. Ids are in time order, so a period is a range of op_id.
CREATE TABLE sale_line (
    op_id      TEXT NOT NULL,
    line_id    TEXT NOT NULL,
    day        TEXT NOT NULL,
    actor      TEXT NOT NULL,
    member_id  TEXT,
    card_id    TEXT,
    code       TEXT NOT NULL DEFAULT '',
    category   TEXT NOT NULL,
    name       TEXT NOT NULL,
    quantity   INTEGER NOT NULL,
    parts      INTEGER NOT NULL DEFAULT 1 CHECK (parts > 0),
    list_fen   INTEGER NOT NULL,
    paid_fen   INTEGER NOT NULL,
    points     INTEGER NOT NULL DEFAULT 0,
    pass_uses  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (op_id, line_id)
) STRICT, WITHOUT ROWID;
-- A member's own records.
CREATE INDEX sale_line_member ON sale_line (member_id, op_id) WHERE member_id IS NOT NULL;
-- Commission (E2): who earned what by which rule; a refund's rows are negative.
CREATE TABLE commission (
    employee_id TEXT NOT NULL,
    day         TEXT NOT NULL,
    op_id       TEXT NOT NULL,
    line_id     TEXT NOT NULL,
    rule_id     TEXT NOT NULL,
    fen         INTEGER NOT NULL,
    PRIMARY KEY (employee_id, day, op_id, line_id, rule_id)
) STRICT, WITHOUT ROWID;

-- Lots that end: bonus, points, passes. Read by the day that is over.
CREATE TABLE lot_end (
    to_day TEXT NOT NULL CHECK (length(to_day) = 10),
    owner  TEXT NOT NULL,
    asset  TEXT NOT NULL,
    lot    INTEGER NOT NULL,
    PRIMARY KEY (to_day, owner, asset, lot)
) STRICT, WITHOUT ROWID;
-- The row goes when the lot has been dealt with. A refund may put something back into a lot that has
-- ended: it ends again.
CREATE TRIGGER lot_ends_again AFTER UPDATE OF held ON account
WHEN new.held = 1 AND old.held = 0 AND new.rule GLOB '{*"to_day"*'
BEGIN
    INSERT OR IGNORE INTO lot_end (to_day, owner, asset, lot)
    VALUES (json_extract(new.rule, '$.to_day'), new.owner, new.asset, new.lot);
END;

-- Which codes somebody still holds a pass of: asked before the office takes a code away.
CREATE INDEX account_passes ON account (asset) WHERE held = 1 AND asset GLOB 'pass:*';

-- Coupons (D4): each code is redeemed once.
CREATE TABLE coupon (
    code      TEXT PRIMARY KEY CHECK (code <> ''),
    campaign  TEXT NOT NULL,
    member_id TEXT REFERENCES member (member_id),
    issued_ms INTEGER NOT NULL,
    issued_op TEXT NOT NULL,
    from_day  TEXT,
    to_day    TEXT,
    state     TEXT NOT NULL CHECK (state IN ('issued', 'redeemed', 'withdrawn')),
    used_op   TEXT,
    CHECK ((state = 'redeemed') = (used_op IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX coupon_member ON coupon (member_id) WHERE member_id IS NOT NULL;
CREATE INDEX coupon_campaign ON coupon (campaign, issued_ms);

-- One check-in a day (签到); streak counts days in a row up to this one.
CREATE TABLE check_in (
    member_id TEXT NOT NULL REFERENCES member (member_id),
    day       TEXT NOT NULL CHECK (length(day) = 10),
    streak    INTEGER NOT NULL CHECK (streak > 0),
    op_id     TEXT NOT NULL,
    PRIMARY KEY (member_id, day)
) STRICT, WITHOUT ROWID;
-- Thanks for bringing a friend (分享): once a friend.
CREATE TABLE referral (
    friend    TEXT PRIMARY KEY REFERENCES member (member_id),
    referrer  TEXT NOT NULL REFERENCES member (member_id),
    points    INTEGER NOT NULL CHECK (points >= 0),
    credited_ms INTEGER NOT NULL,
    op_id     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX referral_referrer ON referral (referrer, credited_ms);
-- A standing trigger fires once for each occasion, e.g. `birthday:2026`.
CREATE TABLE fired (
    trigger_id TEXT NOT NULL,
    member_id  TEXT NOT NULL REFERENCES member (member_id),
    occasion   TEXT NOT NULL,
    at_ms      INTEGER NOT NULL,
    PRIMARY KEY (trigger_id, member_id, occasion)
) STRICT, WITHOUT ROWID;

-- Messages to members, kept until something delivers them. facts hold no personal data.
CREATE TABLE message (
    message_id TEXT PRIMARY KEY,
    member_id  TEXT NOT NULL REFERENCES member (member_id),
    kind       TEXT NOT NULL,
    facts      TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    state      TEXT NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'sent', 'failed', 'withdrawn')),
    attempts   INTEGER NOT NULL DEFAULT 0,
    settled_ms INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX message_member ON message (member_id, message_id);
CREATE INDEX message_waiting ON message (message_id) WHERE state = 'waiting';

-- Gifts and goods that are counted. A store that does not count a code has no row.
CREATE TABLE stock (
    code    TEXT PRIMARY KEY,
    on_hand INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- grade names the commission column; active 0 may not sign in and keeps its history.
ALTER TABLE employee ADD COLUMN grade TEXT NOT NULL DEFAULT '';
ALTER TABLE employee ADD COLUMN active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1));
ALTER TABLE employee ADD COLUMN language TEXT NOT NULL DEFAULT '';

-- A manager's yes to one action of somebody else (E1): used once, soon.
CREATE TABLE approval (
    token_hash  BLOB PRIMARY KEY CHECK (length(token_hash) = 32),
    permission  TEXT NOT NULL,
    for_employee TEXT NOT NULL REFERENCES employee (employee_id),
    by_employee TEXT NOT NULL REFERENCES employee (employee_id),
    created_ms  INTEGER NOT NULL,
    expires_ms  INTEGER NOT NULL,
    used_ms     INTEGER,
    used_for    TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

-- Shifts (E3). The journal between first_dseq and last_dseq is what the drawer must agree with.
CREATE TABLE shift (
    shift_id   TEXT PRIMARY KEY,
    number     INTEGER NOT NULL UNIQUE,
    opened_ms  INTEGER NOT NULL,
    opened_by  TEXT NOT NULL,
    held_by    TEXT NOT NULL,
    float_fen  INTEGER NOT NULL CHECK (float_fen >= 0),
    first_dseq INTEGER NOT NULL,
    opening    TEXT NOT NULL DEFAULT '{}',
    closed_ms  INTEGER,
    closed_by  TEXT,
    last_dseq  INTEGER,
    counted    TEXT NOT NULL DEFAULT '{}',
    report     TEXT NOT NULL DEFAULT '{}',
    receipt_id TEXT
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX shift_open ON shift ((closed_ms IS NULL)) WHERE closed_ms IS NULL;

-- number is printed on the plastic, valid_to as in member, replaces the card it was issued for.
ALTER TABLE card ADD COLUMN number TEXT;
ALTER TABLE card ADD COLUMN valid_to TEXT CHECK (valid_to IS NULL OR length(valid_to) = 10);
ALTER TABLE card ADD COLUMN replaces TEXT;
CREATE UNIQUE INDEX card_number ON card (number) WHERE number IS NOT NULL AND status <> 'returned';

-- Filters over members that somebody keeps for the next time.
CREATE TABLE saved_filter (
    filter_id TEXT PRIMARY KEY,
    name      TEXT NOT NULL UNIQUE,
    content   TEXT NOT NULL,
    actor     TEXT NOT NULL,
    changed_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Long work in steps: imports and batch operations. before is what undo puts back.
CREATE TABLE job (
    job_id     TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,
    state      TEXT NOT NULL
        CHECK (state IN
            ('ready', 'running', 'stopping', 'undoing', 'done', 'stopped', 'undone')),
    actor      TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    request    TEXT NOT NULL,
    total      INTEGER NOT NULL DEFAULT 0,
    done       INTEGER NOT NULL DEFAULT 0,
    refused    INTEGER NOT NULL DEFAULT 0,
    answer     TEXT NOT NULL DEFAULT '{}'
) STRICT, WITHOUT ROWID;
CREATE TABLE job_row (
    job_id  TEXT NOT NULL REFERENCES job (job_id),
    row     INTEGER NOT NULL,
    subject TEXT,
    content TEXT,
    before  TEXT,
    problem TEXT,
    PRIMARY KEY (job_id, row)
) STRICT, WITHOUT ROWID;
-- Which jobs touched a member.
CREATE INDEX job_row_subject ON job_row (subject) WHERE subject IS NOT NULL;
CREATE INDEX job_running ON job (state) WHERE state IN ('running', 'stopping', 'undoing');

-- The log asks for one member's entries, or one employee's. Entries before this version name their
-- actor in the leaf alone.
ALTER TABLE journal ADD COLUMN actor TEXT;
ALTER TABLE journal ADD COLUMN event TEXT;
CREATE INDEX journal_member ON journal (member_id, dseq) WHERE member_id IS NOT NULL;
