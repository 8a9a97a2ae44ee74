-- Version 2: a spend no longer rewrites the index of what an owner holds. In version 1 that index was
-- over `balance <> 0`, so SQLite took the entry out and put it in again on every change of a balance:
-- one more page to the SD card a sale. `held` changes only when a balance becomes or leaves zero.

ALTER TABLE account ADD COLUMN held INTEGER NOT NULL DEFAULT 1 CHECK (held IN (0, 1));
UPDATE account SET held = 0 WHERE balance = 0;
DROP INDEX account_held;
CREATE INDEX account_held ON account (owner) WHERE held = 1;
