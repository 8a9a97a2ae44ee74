-- Version 6: printers beside the customer's.

-- Which receipt the printer of a role is through with ('' before the first); `attempts` are of the
-- one after it. Receipts are in the order in which they were kept.
CREATE TABLE print_place (
    role     TEXT PRIMARY KEY CHECK (length(role) > 0),
    through  TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    problem  TEXT
) STRICT, WITHOUT ROWID;
