-- Version 5: a member's whole balance.

-- What the cloud last said that a member has in all branches together. `as_of_ms` is its own time.
CREATE TABLE whole_balance (
    member_id     TEXT PRIMARY KEY,
    principal_fen INTEGER NOT NULL CHECK (principal_fen >= 0),
    bonus_fen     INTEGER NOT NULL CHECK (bonus_fen >= 0),
    owed_fen      INTEGER NOT NULL CHECK (owed_fen >= 0),
    as_of_ms      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
